"""Every built-in component can be built again from its own JSON description."""

import json
from typing import Any

import numpy as np
import pytest

from plugnet import registry

ARGUMENTS: dict[str, dict[str, list[tuple[Any, ...]]]] = {
    "layers": {
        "fc": [
            (784, 50),
            (None, 50, "he_normal", False),
            (5, 3, ("gaussian", 0, 0.1)),
        ],
        "activation": [("tanh",), (("leaky_relu", 0.2),)],
        "chain": [([("fc", 5, 3), "tanh", ["chain", ["relu"]]],)],
        "flatten": [()],
        "reshape": [([4, 3, 2],)],
        "rescale": [(255,), (4, 0.5)],
    },
    "activations": {
        "sigmoid": [()],
        "tanh": [()],
        "relu": [()],
        "leaky_relu": [(), (0.3,)],
        "elu": [(), (2,)],
        "gelu": [(), (True,)],
        "softplus": [()],
        "swish": [()],
        "identity": [()],
    },
    "losses": {
        "softmax_with_loss": [()],
        "least_square_error": [()],
        "sigmoid_cross_entropy": [()],
        "hinge": [(), ("L2",)],
        "huber": [(), (0.5,)],
    },
    "initializers": {
        "xavier": [()],
        "constant": [(2,)],
        "gaussian": [(1, 2)],
        "uniform": [(1, 2)],
        "glorot_uniform": [()],
        "glorot_normal": [()],
        "he_normal": [()],
        "he_uniform": [()],
        "lecun_normal": [()],
        "orthogonal": [(2,)],
    },
    "lr_policies": {
        "inv": [(0.1,), (0.1, 0.01, 0.5)],
        "fixed": [(np.float32(0.5),)],
        "step": [(0.1, np.int64(5))],
        "multistep": [(0.1, (5, 8), 0.5)],
        "exp": [(0.1, 0.9)],
        "poly": [(0.1, 5, 2)],
        "sigmoid": [(0.1, 5, -1)],
        "cosine": [(0.1, 5, 0.01)],
        "warmup": [(("warmup", ("inv", 0.1), 3), 5, 0.01)],
    },
    "optimizers": {
        "sgd": [(), (0.9,)],
        "nesterov": [(0.5,)],
        "adagrad": [()],
        "rmsprop": [(0.9, 1e-6)],
        "adadelta": [()],
        "adam": [(0.8,)],
        "adamw": [(), (0.8, 0.9, 1e-6, 0.1)],
    },
    "regularizers": {"l2": [(0.001,)], "l1": [(0.001,)], "elastic": [(0.001, 0.3)]},
    "metrics": {
        "accuracy": [()],
        "top_k": [(), (np.int64(3),)],
        "precision": [(), ("micro",)],
        "recall": [("weighted",)],
        "f1": [("macro", np.int64(1))],
        "rmse": [()],
        "mae": [()],
        "r2": [()],
    },
}


@pytest.mark.parametrize(
    ("view", "name", "arguments"),
    [
        (view, name, arguments)
        for view, names in ARGUMENTS.items()
        for name, several in names.items()
        for arguments in several
    ],
)
def test_spec_round_trip_through_json(view: str, name: str, arguments: tuple[Any, ...]) -> None:
    component = getattr(registry, view).build(name, *arguments)
    spec = json.loads(json.dumps(registry.spec(component)))
    again = registry.from_spec(spec)
    assert type(again) is type(component)
    assert again is not component
    assert registry.spec(again) == spec
    assert repr(again) == repr(component)
