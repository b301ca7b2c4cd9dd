"""How results are compared, and how writes to inputs are detected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from plugnet.arrays import Array


def identical(one: Any, other: Any) -> bool:
    """Tell whether two arrays are equal bit for bit, NaN included."""
    one, other = np.asarray(one), np.asarray(other)
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")


def allclose(one: Any, other: Any) -> bool:
    """Tell whether two results are equal up to rounding in float64."""
    return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-9, atol=1e-11)


def writes_to(function: Callable[..., object], *arrays: Array) -> bool:
    """Tell whether a function writes to its arguments, which are read-only copies of ``arrays``."""
    copies = [array.copy() for array in arrays]
    for copy in copies:
        copy.flags.writeable = False
    try:
        function(*copies)
    except ValueError as error:
        if "read-only" in str(error) or "read only" in str(error):
            return True
        raise
    return not all(map(identical, copies, arrays))
