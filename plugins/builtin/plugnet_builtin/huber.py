"""The Huber loss: squared for small errors, linear for large ones."""

from __future__ import annotations

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array
from plugnet_builtin.row_loss import Mean, RowLoss


class Huber(RowLoss):
    """The mean of sum h(x - t) over the outputs of each sample (Huber 1964).

    h(e) is e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2). With c, which is e clipped to
    +-delta, both are c e - c^2 / 2, and the slope is c.

    Attributes:
        delta: where the line begins, above 0.
    """

    _clipped: Array

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = number("delta", delta, above=0)

    def value(self, outputs: Array, targets: Array, mean: Mean, training: bool) -> float:
        error = np.subtract(outputs, targets, out=self._first if training else None)
        c = np.clip(error, -self.delta, self.delta, out=self._second if training else None)
        if training:
            self._clipped = c
        return mean(c, error) - mean(c, c) / 2

    def slope(self) -> Array:
        """Return c."""
        return self._clipped
