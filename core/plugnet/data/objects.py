"""Arrays of Python's objects as arrays of numbers."""

from __future__ import annotations

import contextlib
import numbers

import numpy as np

from plugnet.arrays import Array


def is_number(value: object) -> bool:
    """Tell whether a value is one real number, such as a ``Decimal``; booleans are numbers, too."""
    return isinstance(value, numbers.Real | np.bool_) or type(value).__name__ == "Decimal"


def is_nothing(value: object) -> bool:
    """Tell whether a value says that there is none: None, or the NA of pandas."""
    return value is None or type(value).__name__ == "NAType"


def as_numbers(objects: Array) -> tuple[Array, tuple[int, ...] | None]:
    """Return objects as float64 in the same shape, and where the first is that is no number.

    What is missing becomes NaN. What is too large becomes infinite.
    """
    found = np.full(objects.shape, np.inf)
    for place, value in np.ndenumerate(objects):
        if is_number(value):
            with contextlib.suppress(OverflowError):
                found[place] = value
        elif is_nothing(value):
            found[place] = np.nan
        else:
            return found, place
    return found, None
