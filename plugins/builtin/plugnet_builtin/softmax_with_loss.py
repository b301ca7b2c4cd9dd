"""The softmax and the cross-entropy after it, as one loss."""

from __future__ import annotations

import math

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_within, places


class SoftmaxWithLoss(Loss):
    """-1/N sum t log p, where p = exp(x) / sum exp(x) over the outputs x of each sample.

    The gradient is (p sum(t) - t) / N: for class ids, and wherever the targets of a sample sum
    to 1, (p - t) / N (Bishop 1995, section 6.9). Log p is x - max x - log sum exp(x - max x),
    which neither overflows nor takes the logarithm of 0.
    """

    def __init__(self) -> None:
        self._targets: Array | None = None  # (N, K), or for class ids the places of their scores
        self._x: Array | None = None
        self._p: Array | None = None
        self._ones: Array | None = None
        self._total: Array | None = None
        self._dx: Array | None = None

    def forward(self, outputs: Array, targets: Array) -> float:
        """Return the loss; the targets of a sample may be any weights of the classes from 0.

        Raises:
            DataError: a weight is negative, so that there is no least loss.
        """
        ids = targets.ndim == 1
        t = places(targets, outputs) if ids else as_rows(targets, outputs, self._targets)
        x = self._x = reuse(self._x, outputs)
        p = self._p = reuse(self._p, outputs)
        np.subtract(outputs, outputs.max(axis=1, keepdims=True), out=x)
        np.exp(x, out=p)  # to be divided by its sum
        ones = reuse(self._ones, p, p.shape[1:])
        if ones is not self._ones:
            ones.fill(1)
            self._ones = ones
        total = p.dot(ones)[:, np.newaxis]  # four times as fast as p.sum(axis=1, keepdims=True)
        self._targets, self._total = t, total
        if ids:
            return float((np.log(total[:, 0]) - x.take(t)).sum()) / len(outputs)
        if t.min() < 0:
            check_within(targets, 0, math.inf)
        return float(np.vdot(t, np.log(total) - x)) / len(outputs)

    def backward(self) -> Array:
        """Return (p sum(t) - t) / N, ``(N, K)``."""
        p, t, total = self.kept(self._p), self.kept(self._targets), self.kept(self._total)
        dx = self._dx = reuse(self._dx, p)
        if t.ndim == 1:
            np.divide(p, total * len(p), out=dx)
            dx.reshape(-1)[t] -= 1 / len(p)
        else:
            np.multiply(p, t.sum(axis=1, keepdims=True) / total, out=dx)
            dx -= t
            dx /= len(p)
        return dx

    def probabilities(self, outputs: Array) -> Array:
        """Return p, ``(N, K)``; a row that is not finite has none, but NaN."""
        with np.errstate(invalid="ignore"):
            p: Array = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
        return p
