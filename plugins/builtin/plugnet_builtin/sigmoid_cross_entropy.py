"""The sigmoid and the cross-entropy after it as one loss, for yes-or-no questions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.targets import check_within
from plugnet_builtin.activations import Sigmoid
from plugnet_builtin.elementwise_loss import Buffers, ElementwiseLoss, Mean, Value


class SigmoidCrossEntropy(ElementwiseLoss):
    """The mean of -sum (t log p + (1 - t) log(1 - p)), p = sigmoid(x), over each sample's outputs.

    The derivative is p - t (Caffe, sigmoid_cross_entropy_loss_layer.cpp). Computed as
    log(1 + exp(-|x|)) + (h - t) x, where h is 1 for x >= 0, else 0; this does not overflow. Targets
    lie within 0 .. 1; class ids for a single output are its targets 0 and 1.
    """

    threshold: ClassVar[float | None] = 0.0

    def check(self, targets: Array, batch_shape: Shape) -> None:
        """Check that targets lie within 0 .. 1, or are class ids.

        Raises:
            ShapeError: the shapes differ.
            DataError: a target is not within 0 .. 1, or a class id is out of range.
        """
        super().check(targets, batch_shape)
        if targets.ndim == 2:
            check_within(targets, 0, 1)

    def value(self, outputs: Array, targets: Array, mean: Mean, buffers: Buffers) -> Value:
        scratch = np.abs(outputs, out=buffers[0])
        np.negative(scratch, out=scratch)
        np.exp(scratch, out=scratch)
        np.log1p(scratch, out=scratch)
        logs = mean(scratch, None)
        np.greater_equal(outputs, 0, out=scratch)  # h
        scratch -= targets
        return logs + mean(scratch, outputs), (outputs, targets)

    def derivative(self, cached: tuple[Array, ...], out: Array | None) -> Array:
        """Return p - t."""
        outputs, targets = cached
        p = Sigmoid().forward(outputs, out)
        p -= targets
        return p

    def probabilities(self, outputs: Array) -> Array:
        """Return sigmoid(x) of each output on its own, ``(N, K)``."""
        return Sigmoid().forward(outputs)
