"""The softmax and the cross-entropy after it as one loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, scalar, sum_columns
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_within, reweight, row_offsets, weighted_mean


class SoftmaxWithLoss(Loss):
    """The mean of -sum t log p, where p = exp(x) / sum exp(x) over the outputs x of each sample.

    The gradient is p sum(t) - t: for class ids, and wherever the targets of a sample sum to 1,
    p - t (Bishop 1995, section 6.9). Log p is x - max x - log sum exp(x - max x), which neither
    overflows nor takes the logarithm of 0.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> loss = registry.losses.build("softmax_with_loss")
    >>> round(loss.forward(np.zeros((1, 4)), np.array([2])), 4)  # log 4
    1.3863
    >>> loss.probabilities(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    _targets: Array  # for class ids, where their scores are in the flat outputs
    _weights: Array | None
    _total: float | None
    _exp: Array
    _sums: Array  # of the rows of _exp
    _x_buffer: Array | None = None
    _exp_buffer: Array | None = None
    _dx: Array | None = None

    def check(self, targets: Array, batch_shape: Shape) -> None:
        """Check targets; those of a sample may be any weights of the classes, at least 0.

        Raises:
            DataError: a weight is negative, so the loss has no minimum.
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
        offsets = row_offsets(*outputs.shape)
        largest = outputs.take(outputs.argmax(axis=1) + offsets)  # faster than outputs.max(axis=1)
        x = np.subtract(outputs, largest[:, np.newaxis], out=self._x_buffer if training else None)
        exp = np.exp(x, out=self._exp_buffer if training else None)
        sums = sum_columns(exp)  # p = exp / sums
        logs = np.log(sums)  # -log p = logs - x
        are_ids = targets.ndim == 1
        targets = targets + offsets if are_ids else as_rows(targets, outputs)
        if training:
            self._exp, self._sums, self._targets = exp, sums, targets
            self._weights, self._total = weights, total
        if are_ids:
            return weighted_mean(logs - x.take(targets), None, weights, total)
        return weighted_mean(targets, logs[:, np.newaxis] - x, weights, total)

    def backward(self) -> Array:
        """Return w (p sum(t) - t) / total, ``(N, K)``; without weights w is 1, and total is N."""
        exp, sums, t = self._exp, self._sums, self._targets
        if t.ndim == 1:
            n = len(exp)
            dx = np.divide(exp, (sums * scalar(n, exp.dtype))[:, np.newaxis], out=self._dx)
            dx.reshape(-1)[t] -= scalar(1 / n, exp.dtype)  # (N, K) -> (N * K,)
        else:
            dx = np.multiply(exp, t.sum(axis=1, keepdims=True) / sums[:, np.newaxis], out=self._dx)
            dx -= t
            dx /= len(exp)
        return reweight(dx, self._weights, self._total)

    def probabilities(self, outputs: Array) -> Array:
        """Return p, ``(N, K)``; NaN in a row that is not finite."""
        with np.errstate(invalid="ignore"):
            p: Array = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
        return p
