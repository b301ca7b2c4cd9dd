"""The mean and the standard deviation of each number of a sample, in one pass over blocks."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array, Shape

#: Magnitudes from 2^-60 to 2^60 are taken as they are: they and their inverses fit in float32.
_ORDINARY = 60


class Moments:
    """Counts, means and squared deviations, each ``(*shape)``, of all samples so far.

    Each block's are computed in two passes over it, and then merged with those before. (Chan,
    Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample variances,
    1979.) A mean is one in units of ``2 ** exponent``, so that no square is infinite or 0: the
    exponent is 0 for ordinary magnitudes.

    >>> moments = Moments((2,))
    >>> moments.add(np.array([[1.0, 5.0], [2.0, np.nan]]))
    >>> moments.add(np.array([[3.0, 7.0]]))
    >>> moments.count.tolist(), moments.mean.tolist(), moments.deviation()[1].tolist()
    ([3.0, 2.0], [2.0, 6.0], 1.0)

    Attributes:
        count: how many were not NaN.
        mean: their mean, in units of ``2 ** exponent``.
        largest: their largest magnitude.
        exponent: the binary exponent of the unit.
    """

    def __init__(self, shape: Shape) -> None:
        self.count, self.mean, self.largest = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.exponent, self._squares = np.zeros(shape, int), np.zeros(shape)

    def add(self, block: Array) -> None:
        """Count in samples, ``(n, *shape)`` in float64, finite or NaN; they are overwritten."""
        gaps = np.isnan(block)
        np.copyto(block, 0, where=gaps)
        count = len(block) - np.count_nonzero(gaps, axis=0)
        magnitude = np.maximum(block.max(axis=0), -block.min(axis=0))
        self.largest = np.maximum(self.largest, magnitude)
        self._rescale()
        if self.exponent.any():
            np.ldexp(block, -self.exponent, out=block)
        divisor = np.maximum(count, 1)
        mean = block.sum(axis=0) / divisor
        block -= mean
        np.copyto(block, 0, where=gaps)
        slip = block.sum(axis=0) / divisor  # what rounding left of the mean
        squares = np.einsum("n...,n...->...", block, block) - count * slip**2
        total = self.count + count
        share = count / np.maximum(total, 1)
        step = mean + slip - self.mean
        self.mean += share * step
        self._squares += np.maximum(squares, 0) + self.count * share * step**2
        self.count = total

    def deviation(self) -> Array:
        """Return the standard deviation of the population, in units of ``2 ** exponent``."""
        found: Array = np.sqrt(self._squares / np.maximum(self.count, 1))
        return found

    def _rescale(self) -> None:
        """Choose units for the largest magnitudes so far."""
        exponent = np.frexp(self.largest)[1].astype(int)
        exponent[np.abs(exponent) <= _ORDINARY] = 0
        step = self.exponent - exponent
        if step.any():
            self.mean = np.ldexp(self.mean, step)
            self._squares = np.ldexp(self._squares, 2 * step)
            self.exponent = exponent
