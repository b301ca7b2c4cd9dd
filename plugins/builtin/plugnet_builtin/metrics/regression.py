"""Metrics of real values, the means over the K columns. A NaN among the scores gives NaN."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Metric
from plugnet_builtin.metrics.counting import counted
from plugnet_builtin.metrics.sample_mean import SampleMean


class RMSE(SampleMean):
    """The root of the mean squared error of each column, and their mean.

    In the targets' units. NaN if there are no samples. scikit-learn's root_mean_squared_error.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> rmse = registry.metrics.build("rmse")
    >>> rmse.update(np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]]), np.array([3.0, 1.0]))
    >>> rmse.compute()
    1.0
    """

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    def values(self, scores: Array, targets: Array) -> Array:
        """Return squared errors, ``(N, K)``."""
        return np.subtract(scores, targets, dtype=np.float64) ** 2

    def of_means(self, means: Array | float) -> float:
        """Return the mean over the columns of the roots."""
        return float(np.mean(np.sqrt(means)))


class MAE(SampleMean):
    """The mean absolute error, over samples and columns.

    In the targets' units. NaN if there are no samples. scikit-learn's mean_absolute_error.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> mae = registry.metrics.build("mae")
    >>> mae.update(np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]]))
    >>> mae.compute()
    1.0
    """

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    def values(self, scores: Array, targets: Array) -> Array:
        """Return absolute errors, ``(N, K)``."""
        return np.abs(np.subtract(scores, targets, dtype=np.float64))


class R2(Metric):
    """1 - (sum of squared errors) / (sum of squared deviations of the targets from their mean).

    The coefficient of determination of each column, and their mean. 1 for perfect answers, 0 for
    the targets' mean as every answer. A column with constant targets gives 1 if all answers are
    exact, else 0, as scikit-learn's r2_score does. NaN for fewer than two samples.

    Means and squared deviations are merged block by block as in Chan, Golub and LeVeque 1983,
    equation 2.1, of differences from the first targets: nothing is lost where all are far from 0.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> r2 = registry.metrics.build("r2")
    >>> r2.update(np.array([[1.0], [2.0], [2.0]]), np.array([[1.0], [2.0], [3.0]]))
    >>> r2.compute()
    0.5
    """

    kind: ClassVar[Literal["class", "real"]] = "real"

    # The number of rows, their weight, and (K,) each, numbers before the first update:
    _rows: int
    _total: float
    _origin: Array | float  # the first targets
    _mean: Array | float  # of the targets, from there
    _deviations: Array | float  # from this mean, squared and summed
    _errors: Array | float  # squared and summed

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._rows, self._total = 0, 0.0
        self._origin = self._mean = self._deviations = self._errors = 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        scores, targets, weights = counted(scores, targets, weights)
        if not len(weights):
            return
        if not self._rows:
            self._origin = targets[0].astype(np.float64)
        errors = np.subtract(scores, targets, dtype=np.float64)
        distances, total = targets - self._origin, float(weights.sum())
        mean = weights @ distances / total
        step, together = mean - self._mean, self._total + total
        self._deviations = (
            self._deviations
            + weights @ (distances - mean) ** 2
            + step**2 * (self._total * total / together)
        )
        self._mean = self._mean + step * (total / together)
        self._errors = self._errors + weights @ errors**2
        self._rows, self._total = self._rows + len(weights), together

    def compute(self) -> float:
        if self._rows < 2:
            return math.nan
        ratios = np.sign(self._errors)  # for constant targets
        np.divide(self._errors, self._deviations, out=ratios, where=np.greater(self._deviations, 0))
        return float(np.mean(1 - ratios))
