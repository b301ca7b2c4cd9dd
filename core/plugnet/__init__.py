"""Neural networks in NumPy in which every piece is a plugin."""

from plugnet.network import Network as Network
from plugnet.parameter import Parameter as Parameter
from plugnet.registry import registry as registry
from plugnet.training import Trainer as Trainer

__version__ = "0.1.0"
