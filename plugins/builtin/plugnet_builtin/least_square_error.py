"""The squared error."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet.interfaces import Loss
from plugnet.targets import as_rows


class LeastSquareError(Loss):
    """1/(2N) sum (x - t)^2 over samples and outputs (Caffe, euclidean_loss_layer.cpp).

    The gradient is (x - t) / N; the 1/2 is there to make it so.
    """

    def __init__(self) -> None:
        self._targets: Array | None = None
        self._error: Array | None = None
        self._dx: Array | None = None

    def forward(self, outputs: Array, targets: Array) -> float:
        """Return the loss."""
        self._targets = as_rows(targets, outputs, self._targets)
        error = self._error = reuse(self._error, outputs)
        np.subtract(outputs, self._targets, out=error)
        return float(np.vdot(error, error)) / (2 * len(outputs))

    def backward(self) -> Array:
        """Return (x - t) / N, ``(N, K)``."""
        error = self.kept(self._error)
        self._dx = reuse(self._dx, error)
        return np.divide(error, len(error), out=self._dx)
