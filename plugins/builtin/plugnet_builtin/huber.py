"""The Huber loss: squared for small errors, linear for large ones."""

from __future__ import annotations

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, reuse
from plugnet.interfaces import Loss
from plugnet.targets import as_rows


class Huber(Loss):
    """1/N sum h(x - t) over samples and outputs (Huber 1964).

    h(e) is e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2). With c, which is e clipped to
    +-delta, both are c e - c^2 / 2, and the gradient is c / N.

    Attributes:
        delta: where the line begins, above 0.
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = number("delta", delta, above=0)
        self._error: Array | None = None
        self._clipped: Array | None = None
        self._dx: Array | None = None

    def forward(self, outputs: Array, targets: Array) -> float:
        """Return the loss."""
        error = self._error = as_rows(targets, outputs, self._error)
        np.subtract(outputs, error, out=error)
        clipped = self._clipped = reuse(self._clipped, outputs)
        np.clip(error, -self.delta, self.delta, out=clipped)
        total = float(np.vdot(clipped, error)) - float(np.vdot(clipped, clipped)) / 2
        return total / len(outputs)

    def backward(self) -> Array:
        """Return c / N, ``(N, K)``."""
        clipped = self.kept(self._clipped)
        self._dx = reuse(self._dx, clipped)
        return np.divide(clipped, len(clipped), out=self._dx)
