"""What the metrics share: which rows count."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array


def counted(scores: Array, targets: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """Return the rows whose weight is above 0, and their weights in float64, ``(N,)``."""
    if weights is None:
        return scores, targets, np.ones(len(scores))
    kept = weights > 0
    return scores[kept], targets[kept], weights[kept].astype(np.float64)
