"""Whether two tables of pandas have the same rows in the same order, as far as indices tell."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

REORDERED: Final = "have the same rows in different orders"
OVERLAPPING: Final = "share some rows, but not all"


def clash_of(index: Any, other: Any) -> str | None:
    """Return what is wrong with two indices of pandas of equal length; None if nothing is.

    Equal ones are right, and so are those that share no row, such as one that was counted anew
    beside one of dates: then the rows go together as they stand.
    """
    if index.equals(other) or index.nlevels != other.nlevels:
        return None
    try:
        codes, _ = index.append(other).factorize()
    except TypeError:  # values such as lists, which name no row
        return None
    first, second = (  # how often each row occurs; -1 is a missing value
        np.bincount(some + 1, minlength=codes.max() + 2)
        for some in (codes[: len(index)], codes[len(index) :])
    )
    if not (first * second).any():
        return None
    return REORDERED if (first == second).all() else OVERLAPPING
