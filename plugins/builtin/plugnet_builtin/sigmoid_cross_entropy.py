"""The sigmoid and the cross-entropy after it, as one loss: for yes-or-no answers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_within, reweigh, weighted_mean
from plugnet_builtin.activations import Sigmoid


class SigmoidCrossEntropy(Loss):
    """The mean of -sum t log p + (1 - t) log(1 - p) over the outputs of each sample, where
    p = sigmoid(x).

    The gradient is p - t, weighted (Caffe, sigmoid_cross_entropy_loss_layer.cpp). Computed as
    log(1 + exp(-|x|)) + (h - t) x, where h is 1 for x >= 0, else 0; this does not overflow. Targets
    lie within 0 .. 1; class ids for a single output are its targets 0 and 1.
    """

    threshold: ClassVar[float | None] = 0.0

    _outputs: Array
    _targets: Array
    _weights: Array | None
    _total: float | None
    _rows: Array | None = None
    _scratch: Array | None = None
    _dx: Array | None = None

    def check(self, targets: Array, batch_shape: Shape) -> None:
        """Check that targets lie within 0 .. 1, or are class ids.

        Raises:
            ShapeError: the shapes differ.
            DataError: a target is not within 0 .. 1, or a class id is out of range.
        """
        super().check(targets, batch_shape)
        if targets.ndim == 2:
            check_within(targets, 0, 1)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._rows, self._scratch, self._dx = (np.empty(batch_shape, dtype) for _ in range(3))

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        rows = as_rows(targets, outputs, self._rows if training else None, binary=True)
        if training:
            self._outputs, self._targets = outputs, rows
            self._weights, self._total = weights, total
        scratch = np.abs(outputs, out=self._scratch if training else None)
        np.negative(scratch, out=scratch)
        np.exp(scratch, out=scratch)
        np.log1p(scratch, out=scratch)
        logs = weighted_mean(scratch, None, weights, total)
        np.greater_equal(outputs, 0, out=scratch)
        scratch -= rows
        return logs + weighted_mean(scratch, outputs, weights, total)

    def backward(self) -> Array:
        """Return (p - t) / N, ``(N, K)``, or by the weights."""
        dx = Sigmoid().forward(self._outputs, self._dx)
        dx -= self._targets
        dx /= len(dx)
        return reweigh(dx, self._weights, self._total)

    def probabilities(self, outputs: Array) -> Array:
        """Return sigmoid(x) of each output by itself, ``(N, K)``."""
        return Sigmoid().forward(outputs)
