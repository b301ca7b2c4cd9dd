"""The modules that check each kind of component."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from plugnet.testing import (
    activations,
    datasets,
    hook_states,
    hooks,
    initializers,
    layer_gradients,
    layer_learning,
    layer_objects,
    layer_passes,
    layer_sizes,
    layers,
    losses,
    lr_policies,
    metrics,
    optimizers,
    regularizers,
)

#: The first module of each kind also has ``exercise(target)``, which uses the component on ordinary
#: inputs and returns all results.
MODULES: Final[dict[str, tuple[ModuleType, ...]]] = {
    "layer": (
        layers,
        layer_gradients,
        layer_sizes,
        layer_passes,
        layer_learning,
        layer_objects,
    ),
    "activation": (activations,),
    "loss": (losses,),
    "initializer": (initializers,),
    "lr_policy": (lr_policies,),
    "optimizer": (optimizers,),
    "regularizer": (regularizers,),
    "metric": (metrics,),
    "dataset": (datasets,),
    "hook": (hooks, hook_states),
}
