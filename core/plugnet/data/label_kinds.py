"""Whole numbers as labels: whether they are classes or real values."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataError

#: Up to this many different numbers are classes even if there are gaps between them.
_FEW = 50


def classes_of(numbers: Array, name: str = "labels") -> tuple[int, ...]:
    """Return the classes, in ascending order, that whole numbers name.

    Numbers without a gap are classes, such as 0 to 9, 1 to 3 or -1, 0, 1. So are at most 50
    different numbers that occur twice or more on average, such as -1 and 1, or 10, 20 and 50.

    Args:
        numbers: ``(N,)`` integers, N at least 1.
        name: what the error calls them.

    Raises:
        DataError: other numbers, which may be real values as well.

    >>> classes_of(np.array([1, -1, -1, 1]))
    (-1, 1)
    """
    distinct: list[int] = np.unique(numbers).tolist()
    has_no_gap = distinct[-1] - distinct[0] + 1 == len(distinct)
    if has_no_gap or (len(distinct) <= _FEW and len(numbers) >= 2 * len(distinct)):
        return tuple(distinct)
    raise DataError(
        f"{name} has {len(distinct)} different whole numbers: are they classes, or real values? "
        'Say labels="targets" for real values, labels="class_ids" for classes.',
        row=None,
    )
