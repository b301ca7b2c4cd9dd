"""What the metrics share: which rows count, and which class each of them answers."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array


def counted(scores: Array, targets: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """Return the rows whose weight is above 0, and their weights in float64, ``(N,)``."""
    if weights is None:
        return scores, targets, np.ones(len(scores))
    kept = weights > 0
    return scores[kept], targets[kept], weights[kept].astype(np.float64)


def answered(scores: Array) -> Array:
    """Return the class of the highest score of each row, ``(N,)``: the first of several.

    -1 for a row with a NaN, which answers nothing.
    """
    classes: Array = scores.argmax(axis=1)  # for NumPy, a NaN is the highest
    classes[np.isnan(scores[np.arange(len(scores)), classes])] = -1
    return classes
