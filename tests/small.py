"""A small network, and samples of three classes for it."""

from typing import Any

import numpy as np

from plugnet import Network, Trainer

LAYERS = [("fc", 4, 5), "tanh", ("fc", 5, 3)]
_RNG = np.random.default_rng(0)
X, Y = _RNG.random((20, 4), np.float32), _RNG.permutation(20) % 3
ONE_HOT = np.eye(3)[Y]


def trainer(network: Network | None = None, **settings: Any) -> Trainer:
    return Trainer(network or Network(LAYERS), **({"batch_size": 5} | settings))
