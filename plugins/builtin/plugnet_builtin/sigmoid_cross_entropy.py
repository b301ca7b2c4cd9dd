"""The sigmoid and the cross-entropy after it, as one loss: for yes-or-no answers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.targets import check_within
from plugnet_builtin.activations import Sigmoid
from plugnet_builtin.row_loss import Mean, RowLoss


class SigmoidCrossEntropy(RowLoss):
    """The mean of -sum t log p + (1 - t) log(1 - p) over the outputs of each sample, where
    p = sigmoid(x).

    The slope is p - t (Caffe, sigmoid_cross_entropy_loss_layer.cpp). Computed as
    log(1 + exp(-|x|)) + (h - t) x, where h is 1 for x >= 0, else 0; this does not overflow. Targets
    lie within 0 .. 1; class ids for a single output are its targets 0 and 1.
    """

    threshold: ClassVar[float | None] = 0.0

    _outputs: Array
    _targets: Array

    def check(self, targets: Array, batch_shape: Shape) -> None:
        """Check that targets lie within 0 .. 1, or are class ids.

        Raises:
            ShapeError: the shapes differ.
            DataError: a target is not within 0 .. 1, or a class id is out of range.
        """
        super().check(targets, batch_shape)
        if targets.ndim == 2:
            check_within(targets, 0, 1)

    def value(self, outputs: Array, targets: Array, mean: Mean, training: bool) -> float:
        if training:
            self._outputs, self._targets = outputs, targets
        scratch = np.abs(outputs, out=self._first if training else None)
        np.negative(scratch, out=scratch)
        np.exp(scratch, out=scratch)
        np.log1p(scratch, out=scratch)
        logs = mean(scratch, None)
        np.greater_equal(outputs, 0, out=scratch)
        scratch -= targets
        return logs + mean(scratch, outputs)

    def slope(self) -> Array:
        """Return p - t."""
        slope = Sigmoid().forward(self._outputs, self._second)
        slope -= self._targets
        return slope

    def probabilities(self, outputs: Array) -> Array:
        """Return sigmoid(x) of each output by itself, ``(N, K)``."""
        return Sigmoid().forward(outputs)
