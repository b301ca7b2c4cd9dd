"""Neural networks in NumPy in which every piece is a plugin.

Public, and all that a plugin needs, are the five names here and the modules `plugnet.interfaces`,
`schema`, `chain`, `arrays`, `parameter`, `parallel`, `errors`, `arguments`, `targets`, `data`,
`evaluation`, `training` and `files`, of which readers use plugnet.files.beginnings,
plugnet.files.budget and plugnet.files.opening. The other modules are how it works, and may change.
A plugin's tests use the kit in plugnet.testing.
"""

from plugnet.model import Model as Model
from plugnet.network import Network as Network
from plugnet.parameter import Parameter as Parameter
from plugnet.registry import registry as registry
from plugnet.training import Trainer as Trainer
from plugnet.versions import VERSION

__version__ = VERSION
