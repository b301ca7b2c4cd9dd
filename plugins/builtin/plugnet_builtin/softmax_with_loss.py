"""The softmax and the cross-entropy after it, as one loss."""

from __future__ import annotations

import math

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_within


class SoftmaxWithLoss(Loss):
    """-1/N sum t log p, where p = exp(x) / sum exp(x) over the outputs x of each sample.

    The gradient is (p sum(t) - t) / N: for class ids, and wherever the targets of a sample sum
    to 1, (p - t) / N (Bishop 1995, section 6.9). Log p is x - max x - log sum exp(x - max x),
    which neither overflows nor takes the logarithm of 0.
    """

    def __init__(self) -> None:
        self._targets: Array | None = None
        self._log_p: Array | None = None
        self._p: Array | None = None
        self._dx: Array | None = None

    def forward(self, outputs: Array, targets: Array) -> float:
        """Return the loss; the targets of a sample may be any weights of the classes from 0.

        Raises:
            DataError: a weight is negative, so that there is no least loss.
        """
        self._targets = as_rows(targets, outputs, self._targets)
        if targets.ndim == 2 and targets.min() < 0:
            check_within(targets, 0, math.inf)
        log_p = self._log_p = reuse(self._log_p, outputs)
        p = self._p = reuse(self._p, outputs)
        np.subtract(outputs, outputs.max(axis=1, keepdims=True), out=log_p)
        np.exp(log_p, out=p)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        log_p -= np.log(total)
        return -float(np.vdot(self._targets, log_p)) / len(outputs)

    def backward(self) -> Array:
        """Return (p sum(t) - t) / N, ``(N, K)``."""
        p, targets = self.kept(self._p), self.kept(self._targets)
        dx = self._dx = reuse(self._dx, p)
        np.multiply(p, targets.sum(axis=1, keepdims=True), out=dx)
        dx -= targets
        dx /= len(dx)
        return dx

    def probabilities(self, outputs: Array) -> Array:
        """Return p, ``(N, K)``; a row that is not finite has none, but NaN."""
        with np.errstate(invalid="ignore"):
            p: Array = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
        return p
