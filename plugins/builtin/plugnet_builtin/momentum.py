"""Gradient descent with momentum, in Caffe's two forms."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, scalar
from plugnet.interfaces import Optimizer


class SGD(Optimizer):
    """d = momentum d + rate grad; value = value - d (Caffe, sgd_solver.cpp).

    The rate is inside the direction d, so past steps keep the rate they were taken with. (PyTorch
    multiplies d by the rate; the two differ once the rate changes.)

    Attributes:
        momentum: the part of d that stays, at least 0 and below 1.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> sgd = registry.optimizers.build("sgd", momentum=0.5)
    >>> value, velocity = np.array([1.0]), np.array([0.2])
    >>> sgd.step(value, np.array([2.0]), 0.25, 1.0, 1, velocity, np.empty(1))
    >>> velocity.tolist(), value.tolist()
    ([0.6], [0.4])
    """

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __init__(self, momentum: float = 0.0) -> None:
        self.momentum = number("momentum", momentum, at_least=0, below=1)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"momentum": 0.9}]

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity, scratch = arrays
        velocity *= scalar(self.momentum, value.dtype)
        velocity += np.multiply(grad, rate, out=scratch)
        value -= velocity


class Nesterov(Optimizer):
    """d' = momentum d + rate grad; value = value - (1 + momentum) d' + momentum d.

    Caffe, nesterov_solver.cpp (Nesterov 1983). Because momentum d = d' - rate grad, that is
    value = value - rate grad - momentum d', which is how it is computed.

    Attributes:
        momentum: the part of d that stays, at least 0 and below 1.
    """

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __init__(self, momentum: float = 0.9) -> None:
        self.momentum = number("momentum", momentum, at_least=0, below=1)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity, scratch = arrays
        np.multiply(grad, rate, out=scratch)
        velocity *= self.momentum
        velocity += scratch
        value -= scratch
        value -= np.multiply(velocity, self.momentum, out=scratch)
