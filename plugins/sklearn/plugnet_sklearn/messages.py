"""Warnings at the line that called `fit` or `partial_fit`."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from plugnet.arrays import Array
from plugnet.errors import DataWarning, counted

#: Targets that differ by less than this part of their size hardly tell how far others will.
FLAT: Final = 1e-3


def warn_not_converged(epochs: int) -> None:
    """Say that training ended before its loss or its score stood still."""
    warnings.warn(
        f"Training has done all {epochs} epochs, and was still making progress. Raise max_iter, or "
        "tol.",
        ConvergenceWarning,
        stacklevel=4,
    )


def warn_if_flat(targets: Array) -> None:
    """Say so if the first targets of `partial_fit`, ``(N, K)``, hardly give a unit for others."""
    if len(targets) == 0:  # whose weights are refused elsewhere
        return
    ranges, sizes = np.ptp(targets, axis=0), np.abs(targets).max(axis=0)
    are_flat = ranges <= FLAT * sizes
    if are_flat.any():
        at = int(np.argmax(are_flat))
        warnings.warn(
            "The first call of partial_fit fixes the unit in which targets are learnt, so its "
            f"samples should differ as all will, but target {at} of {counted(len(targets), 'row')} "
            f"is within {ranges[at]:.2g} of {targets[0, at]:.6g}. Begin with others, or scale the "
            "targets yourself, with scale_targets=False.",
            DataWarning,
            stacklevel=5,
        )
