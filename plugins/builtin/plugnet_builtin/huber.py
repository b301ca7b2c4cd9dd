"""The Huber loss: squared for small errors, linear for large ones."""

from __future__ import annotations

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array
from plugnet_builtin.elementwise_loss import Buffers, ElementwiseLoss, Mean, Value


class Huber(ElementwiseLoss):
    """The mean of sum h(x - t) over the outputs x of each sample (Huber 1964).

    h(e) is e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2). With c, which is e clipped to
    +-delta, both are c e - c^2 / 2, and the derivative is c.

    Attributes:
        delta: the error from which h is linear, above 0.
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = number("delta", delta, above=0)

    def value(self, outputs: Array, targets: Array, mean: Mean, buffers: Buffers) -> Value:
        e = np.subtract(outputs, targets, out=buffers[0])
        c = np.clip(e, -self.delta, self.delta, out=buffers[1])
        return mean(c, e) - mean(c, c) / 2, (c,)

    def derivative(self, cached: tuple[Array, ...], out: Array | None) -> Array:
        """Return c."""
        return cached[0]
