"""The squared error."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, reweigh, weighted_mean


class LeastSquareError(Loss):
    """The mean of 1/2 sum (x - t)^2 over the outputs of a sample (Caffe, euclidean_loss_layer.cpp).

    The gradient is x - t, weighted; the 1/2 is there to make it so.
    """

    _error: Array
    _weights: Array | None
    _total: float | None
    _rows: Array | None = None
    _buffer: Array | None = None
    _dx: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._rows, self._buffer, self._dx = (np.empty(batch_shape, dtype) for _ in range(3))

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        rows = as_rows(targets, outputs, self._rows if training else None)
        error = np.subtract(outputs, rows, out=self._buffer if training else None)
        if training:
            self._error, self._weights, self._total = error, weights, total
        return weighted_mean(error, error, weights, total) / 2

    def backward(self) -> Array:
        """Return (x - t) / N, ``(N, K)``, or by the weights."""
        dx = np.divide(self._error, len(self._error), out=self._dx)
        return reweigh(dx, self._weights, self._total)
