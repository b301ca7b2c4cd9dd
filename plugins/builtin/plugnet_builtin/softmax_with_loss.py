"""The softmax and the cross-entropy after it, as one loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, ones, scalar
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_within, reweigh, row_starts, weighted_mean


class SoftmaxWithLoss(Loss):
    """The mean of -sum t log p, where p = exp(x) / sum exp(x) over the outputs x of each sample.

    The gradient is p sum(t) - t, weighted: for class ids, and wherever the targets of a sample sum
    to 1, p - t (Bishop 1995, section 6.9). Log p is x - max x - log sum exp(x - max x), which
    neither overflows nor takes the logarithm of 0.
    """

    _targets: Array  # or, of class ids, their places among the scores
    _weights: Array | None
    _total: float | None
    _exp: Array
    _sums: Array  # of the rows of _exp
    _x_buffer: Array | None = None
    _exp_buffer: Array | None = None
    _dx: Array | None = None

    def check(self, targets: Array, batch_shape: Shape) -> None:
        """Check targets; those of a sample may be any weights of the classes from 0.

        Raises:
            DataError: a weight is negative, so that there is no least loss.
        """
        super().check(targets, batch_shape)
        if targets.ndim == 2:
            check_within(targets, 0, math.inf)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        buffers = (np.empty(batch_shape, dtype) for _ in range(3))
        self._x_buffer, self._exp_buffer, self._dx = buffers

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        starts = row_starts(*outputs.shape)
        # Where the largest score of a sample is, is found sooner than its value.
        largest = outputs.take(outputs.argmax(axis=1) + starts)
        x = np.subtract(outputs, largest[:, np.newaxis], out=self._x_buffer if training else None)
        exp = np.exp(x, out=self._exp_buffer if training else None)
        sums = exp.dot(ones(exp.shape[1], exp.dtype))  # p = exp / sums
        logs = np.log(sums)  # -log p = logs - x
        ids = targets.ndim == 1  # then the places of the samples' own classes are kept
        targets = targets + starts if ids else as_rows(targets, outputs)
        if training:
            self._exp, self._sums, self._targets = exp, sums, targets
            self._weights, self._total = weights, total
        if ids:
            return weighted_mean(logs - x.take(targets), None, weights, total)
        return weighted_mean(targets, logs[:, np.newaxis] - x, weights, total)

    def backward(self) -> Array:
        """Return w (p sum(t) - t) / total, ``(N, K)``; without weights w is 1, and total is N."""
        exp, sums, t = self._exp, self._sums, self._targets
        if t.ndim == 1:
            n = len(exp)
            dx = np.divide(exp, (sums * scalar(n, exp.dtype))[:, np.newaxis], out=self._dx)
            dx.reshape(-1)[t] -= scalar(1 / n, exp.dtype)
        else:
            dx = np.multiply(exp, t.sum(axis=1, keepdims=True) / sums[:, np.newaxis], out=self._dx)
            dx -= t
            dx /= len(exp)
        return reweigh(dx, self._weights, self._total)

    def probabilities(self, outputs: Array) -> Array:
        """Return p, ``(N, K)``; a row that is not finite has none, but NaN."""
        with np.errstate(invalid="ignore"):
            p: Array = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
        return p
