"""The Huber loss: squared for small errors, linear for large ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, reweigh, weighted_mean


class Huber(Loss):
    """The mean of sum h(x - t) over the outputs of each sample (Huber 1964).

    h(e) is e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2). With c, which is e clipped to
    +-delta, both are c e - c^2 / 2 = c (e - c / 2), and the gradient is c, weighted.

    Attributes:
        delta: where the line begins, above 0.
    """

    _clipped: Array
    _weights: Array | None
    _total: float | None
    _rows: Array | None = None
    _error: Array | None = None
    _buffer: Array | None = None
    _dx: Array | None = None

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = number("delta", delta, above=0)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._rows, self._error, self._buffer, self._dx = (
            np.empty(batch_shape, dtype) for _ in range(4)
        )

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        rows = as_rows(targets, outputs, self._rows if training else None)
        error = np.subtract(outputs, rows, out=self._error if training else None)
        clipped = np.clip(error, -self.delta, self.delta, out=self._buffer if training else None)
        if training:
            self._clipped, self._weights, self._total = clipped, weights, total
        squares = weighted_mean(clipped, clipped, weights, total)
        return weighted_mean(clipped, error, weights, total) - squares / 2

    def backward(self) -> Array:
        """Return c / N, ``(N, K)``, or by the weights."""
        dx = np.divide(self._clipped, len(self._clipped), out=self._dx)
        return reweigh(dx, self._weights, self._total)
