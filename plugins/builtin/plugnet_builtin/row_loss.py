"""What losses share that compare outputs with rows of targets, number by number."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, reweigh, weighted_mean

#: Returns the weighted mean over the batch of the rows' sums of losses, times factors or None.
Mean: TypeAlias = Callable[[Array, Array | None], float]


class RowLoss(Loss):
    """A loss for ``(N, K)`` targets; class ids become rows."""

    _weights: Array | None
    _total: float | None
    _rows: Array | None = None
    _first: Array | None = None
    _second: Array | None = None
    _dx: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        buffers = (np.empty(batch_shape, dtype) for _ in range(4))
        self._rows, self._first, self._second, self._dx = buffers

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        out = self._rows if training else None
        rows = as_rows(targets, outputs, out, binary=self.threshold is not None)
        if training:
            self._weights, self._total = weights, total
        mean = partial(weighted_mean, weights=weights, total=total)
        return self.value(outputs, rows, mean, training)

    def backward(self) -> Array:
        """Return w s / total, where s is the slope; without weights w is 1, and total is N."""
        slope = self.slope()
        dx = np.divide(slope, len(slope), out=self._dx)
        return reweigh(dx, self._weights, self._total)

    @abstractmethod
    def value(self, outputs: Array, targets: Array, mean: Mean, training: bool) -> float:
        """Return the loss; if ``training``, keep what `slope` reads, perhaps in the buffers
        ``_first`` and ``_second``.
        """

    @abstractmethod
    def slope(self) -> Array:
        """Return d l / d outputs, ``(N, K)``, for the loss l of each sample."""
