"""Arrays as users may hand them over, and how results are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array


def same(one: Any, other: Any) -> bool:
    """Tell whether two arrays are equal bit for bit, NaN included."""
    one, other = np.asarray(one), np.asarray(other)
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")


def near(one: Any, other: Any) -> bool:
    """Tell whether two results are the same but for rounding in float64."""
    return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-9, atol=1e-11)


def strided(array: Array) -> Array:
    """Return the same values in an array that is contiguous in no order."""
    spread = np.zeros((2 * len(array), *array.shape[1:-1], 3 * array.shape[-1]), array.dtype)
    view: Array = spread[::-2, ..., ::3]
    view[...] = array
    return view


def read_only(array: Array) -> Array:
    """Return a copy that cannot be written to."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy
