"""Whole numbers as labels: whether they are classes or real values."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataError

#: More different numbers than this are real values, if they have gaps or hardly occur twice.
_FEW = 50


def classes_of(numbers: Array, name: str = "labels") -> tuple[int, ...]:
    """Return the classes, in ascending order, that whole numbers name; () if they are real values.

    Numbers without a gap are classes, such as 0 to 9, 1 to 3 or -1, 0, 1; more than 50 only if they
    occur twice or more on average. So are at most 50 with gaps that occur twice or more on average,
    such as -1 and 1, or 10, 20 and 50. More than 50 others are real values, such as prices.

    Args:
        numbers: ``(N,)`` integers, N at least 1.
        name: what the error calls them.

    Raises:
        DataError: at most 50 others, which may be either.

    >>> classes_of(np.array([1, -1, -1, 1]))
    (-1, 1)
    """
    distinct: list[int] = np.unique(numbers).tolist()
    has_no_gap = distinct[-1] - distinct[0] + 1 == len(distinct)
    are_few, occur_again = len(distinct) <= _FEW, len(numbers) >= 2 * len(distinct)
    if (has_no_gap and (are_few or occur_again)) or (are_few and occur_again):
        return tuple(distinct)
    if not are_few:
        return ()
    raise DataError(
        f"{name} has {len(distinct)} different whole numbers: are they classes, or real values? "
        'Say labels="targets" for real values, labels="class_ids" for classes.',
        row=None,
    )
