"""What metrics share that are means over the samples."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Metric
from plugnet_builtin.metrics.counting import counted


class SampleMean(Metric):
    """The weighted mean over all samples of a value, or of one value per column."""

    _sum: Array | float  # ``(K,)``, or a number before the first update
    _total: float

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._sum, self._total = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        scores, targets, weights = counted(scores, targets, weights)
        self._sum = self._sum + weights @ self.values(scores, targets)
        self._total += float(weights.sum())

    def compute(self) -> float:
        return self.of_means(self._sum / self._total) if self._total else math.nan

    @abstractmethod
    def values(self, scores: Array, targets: Array) -> Array:
        """Return the value of each sample, ``(N,)``, or one per column, ``(N, K)`` float64."""

    def of_means(self, means: Array | float) -> float:
        """Return the metric for the means of the values; here, the mean over the columns."""
        return float(np.mean(means))
