"""The sigmoid and the cross-entropy after it, as one loss: for yes-or-no answers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_within
from plugnet_builtin.activations import Sigmoid


class SigmoidCrossEntropy(Loss):
    """-1/N sum t log p + (1 - t) log(1 - p) over samples and outputs, where p = sigmoid(x).

    The gradient is (p - t) / N (Caffe, sigmoid_cross_entropy_loss_layer.cpp). Computed as
    max(x, 0) - x t + log(1 + exp(-|x|)), which does not overflow. Targets lie within 0 .. 1;
    class ids for a single output are its targets 0 and 1.
    """

    threshold: ClassVar[float | None] = 0.0

    def __init__(self) -> None:
        self._targets: Array | None = None
        self._outputs: Array | None = None
        self._scratch: Array | None = None
        self._dx: Array | None = None

    def forward(self, outputs: Array, targets: Array) -> float:
        """Return the loss.

        Raises:
            ShapeError: the shapes differ.
            DataError: a target is not within 0 .. 1, or a class id is out of range.
        """
        rows = self._targets = as_rows(targets, outputs, self._targets, binary=True)
        if targets.ndim == 2:
            check_within(rows, 0, 1)
        self._outputs = outputs
        scratch = self._scratch = reuse(self._scratch, outputs)
        np.abs(outputs, out=scratch)
        np.negative(scratch, out=scratch)
        np.exp(scratch, out=scratch)
        np.log1p(scratch, out=scratch)
        total = float(scratch.sum())
        np.greater_equal(outputs, 0, out=scratch)
        scratch -= rows
        total += float(np.vdot(scratch, outputs))  # max(x, 0) - x t
        return total / len(outputs)

    def backward(self) -> Array:
        """Return (p - t) / N, ``(N, K)``."""
        outputs = self.kept(self._outputs)
        dx = self._dx = Sigmoid().forward(outputs, reuse(self._dx, outputs))
        dx -= self.kept(self._targets)
        dx /= len(dx)
        return dx

    def probabilities(self, outputs: Array) -> Array:
        """Return sigmoid(x) of each output by itself, ``(N, K)``."""
        return Sigmoid().forward(outputs)
