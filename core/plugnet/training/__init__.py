"""Training: the loop, the batches it draws, what it records and who may look on."""

from plugnet.training.data import Data as Data
from plugnet.training.history import Evaluation as Evaluation
from plugnet.training.history import History as History
from plugnet.training.trainer import Trainer as Trainer
