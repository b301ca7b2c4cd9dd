"""Training: the loop, the step, what it records and who may step in."""

from plugnet.evaluation import Evaluation as Evaluation
from plugnet.training.history import History as History
from plugnet.training.protocol import Training as Training
from plugnet.training.trainer import Trainer as Trainer
