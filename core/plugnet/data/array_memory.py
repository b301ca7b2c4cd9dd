"""How much memory arrays take once they are samples and labels, counted before they become such.

The figures hold for `plugnet.data`, whose peaks they bound from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

#: Bytes by which a row is held out, of a class or not.
HELD_OUT = 64


def bytes_of_samples(shape: Sequence[int], dtype: np.dtype[np.generic], is_in_order: bool) -> int:
    """Return how many bytes `plugnet.data.as_samples` allocates.

    Args:
        shape: of the array.
        dtype: of the array.
        is_in_order: whether it is contiguous and in C order.
    """
    is_kept = np.can_cast(dtype, np.float32)
    return 0 if is_kept and is_in_order else prod(shape) * (dtype.itemsize if is_kept else 4)


def bytes_of_labels(shape: Sequence[int], dtype: np.dtype[np.generic]) -> int:
    """Return how many bytes `plugnet.data.read_labels` allocates at most.

    Text is stripped, sorted and listed. Numbers become int64 or float64, are sorted, and those that
    differ are listed.

    Args:
        shape: of the array, ``(N,)`` or ``(N, K)`` in any orientation.
        dtype: of the array.
    """
    size, rows = prod(shape), max(shape, default=1)
    if dtype.kind in "US":
        return size * (128 + dtype.itemsize * (4 if dtype.kind == "U" else 16))
    distinct = min(rows, 256**dtype.itemsize) if size == rows else 0
    return size * max(8, dtype.itemsize) + 16 * rows + 40 * distinct
