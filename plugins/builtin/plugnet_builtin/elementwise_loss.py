"""The base of losses that compare each output with its own target."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, reweight, weighted_mean

#: Makes a loss of ``(N, K)`` losses and factors or None: the weighted mean of their row sums.
Mean: TypeAlias = Callable[[Array, Array | None], float]

#: Two arrays ``(N, K)`` to compute in, or None twice for new ones.
Buffers: TypeAlias = tuple[Array, Array] | tuple[None, None]

#: A loss, and the arrays ``(N, K)`` that its derivative reads.
Value: TypeAlias = tuple[float, tuple[Array, ...]]


class ElementwiseLoss(Loss):
    """The mean over the batch of sum l(x, t) over the outputs x of each sample and their targets t.

    Targets are ``(N, K)``; class ids become one-hot rows.
    """

    _cached: tuple[Array, ...]
    _weights: Array | None
    _total: float | None
    _rows: Array | None = None
    _buffers: Buffers = (None, None)
    _dx: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._rows, self._dx, first, second = (np.empty(batch_shape, dtype) for _ in range(4))
        self._buffers = first, second

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        out, buffers = (self._rows, self._buffers) if training else (None, (None, None))
        rows = as_rows(targets, outputs, out, binary=self.threshold is not None)
        mean = partial(weighted_mean, weights=weights, total=total)
        value, cached = self.value(outputs, rows, mean, buffers)
        if training:
            self._cached, self._weights, self._total = cached, weights, total
        return value

    def backward(self) -> Array:
        """Return w l'(x) / total; without weights w is 1, and total is N."""
        derivative = self.derivative(self._cached, self._dx)
        dx = np.divide(derivative, len(derivative), out=self._dx)
        return reweight(dx, self._weights, self._total)

    @abstractmethod
    def value(self, outputs: Array, targets: Array, mean: Mean, buffers: Buffers) -> Value:
        """Return the loss, and the arrays ``(N, K)`` that `derivative` reads.

        Args:
            outputs: ``(N, K)``, x.
            targets: ``(N, K)``, t.
            mean: what computes the loss from ``(N, K)`` losses.
            buffers: two arrays ``(N, K)`` to compute in, or None twice.
        """

    @abstractmethod
    def derivative(self, cached: tuple[Array, ...], out: Array | None) -> Array:
        """Return l'(x), ``(N, K)``: one of the arrays that `value` gave, or written to ``out``."""
