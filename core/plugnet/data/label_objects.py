"""Labels that are Python's objects, as an array of strings, of booleans or of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.objects import as_numbers, is_nothing, is_number
from plugnet.errors import DataError, brief


def from_objects(values: Array) -> Array:
    """Return objects as an array of strings, of booleans or of numbers, in the same shape.

    Bytes become strings.

    Raises:
        DataError: one is missing, or of another type than the first, or of a type that no label is.
    """
    families = {_family(value) for value in values.flat}
    if families <= {str}:
        return values.astype(str)
    if families == {bytes}:
        return decoded(np.array([bytes(value) for value in values.flat]).reshape(values.shape))
    if families == {bool}:
        return values.astype(bool)
    if families == {float}:
        return _as_numbers(values)
    first = values.flat[0]
    for (row, *_), value in np.ndenumerate(values):
        if _is_missing(value):
            raise DataError(
                f"Every sample needs a label, but row {row} has none ({value!r}). Drop such rows.",
                row=row,
            )
        if _family(value) is object:
            raise DataError(
                f"Labels must be strings or numbers, but row {row} has {brief(value)}. Convert "
                "them.",
                row=row,
            )
        if _family(value) is not _family(first):
            raise DataError(
                "Labels must be all strings, all numbers or all booleans, but row 0 has "
                f"{brief(first)} and row {row} has {brief(value)}. Convert them.",
                row=row,
            )
    raise AssertionError("one of them is of another family")


def decoded(values: Array) -> Array:
    """Return bytes as strings; what is no UTF-8 is escaped."""
    return np.char.decode(values, "utf-8", "backslashreplace")


def _as_numbers(values: Array) -> Array:
    """Return numbers in the type that NumPy has for them; whole ones stay whole."""
    if not all(isinstance(value, int | float | np.number) for value in values.flat):
        return as_numbers(values)[0]  # such as Decimals
    found = np.array(values.tolist())
    if found.dtype.kind == "O":
        row = next(row for (row, *_), value in np.ndenumerate(values) if abs(value) >= 2**63)
        raise DataError(
            f"Labels that are whole numbers must be below 2^63, but row {row} has "
            f"{brief(values[row])}. Make them floating-point numbers, or strings if they are names "
            "of classes.",
            row=row,
        )
    return found


def _is_missing(value: Any) -> bool:
    is_nan = isinstance(value, float | np.floating) and bool(np.isnan(value))
    return is_nothing(value) or is_nan or type(value).__name__ == "NaTType"


def _family(value: object) -> type:
    """Return str, bytes, bool, float for all numbers, or object, for what labels are not mixed."""
    if isinstance(value, bool | np.bool_):
        return bool
    if isinstance(value, np.number) or is_number(value):
        return float
    return next((kind for kind in (str, bytes) if isinstance(value, kind)), object)
