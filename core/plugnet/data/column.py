"""A column of a table as numbers, or else what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.data.foreign import opened
from plugnet.data.objects import as_numbers
from plugnet.errors import DataError

TEXT: Final = "text"
CATEGORIES: Final = "categories"
TIMES: Final = "dates or times"
SEVERAL: Final = "several values in a row"

#: What the kinds of dtypes hold that are not numbers, by `numpy.dtype.kind`.
_KINDS: Final = {"U": TEXT, "S": TEXT, "T": TEXT, "M": TIMES, "m": TIMES, "V": SEVERAL}

_ADVICE: Final[Mapping[str, str]] = {
    TEXT: "Turn text that holds numbers into these, as x[name].astype(float) does in pandas, and "
    "other text into one column of 0 and 1 for each value, as pandas.get_dummies(x) does",
    CATEGORIES: "Turn each category into a column of 0 and 1, as pandas.get_dummies(x) does",
    TIMES: "Turn dates and times into a number, such as the days since the first one",
    SEVERAL: "Divide what holds several values into a column for each",
}


def read_column(x: Any, name: Any) -> Array | str:
    """Return a column as numbers, NaN where one is missing; or say what else it holds.

    Numbers are ``(N,)``, but of an array they have its shape.

    Args:
        x: the table.
        name: the column's name.

    Raises:
        DataError: it cannot be read.
    """
    given: Any = None
    try:
        given = opened(x[name])
        column: Array = np.atleast_1d(np.asarray(given))
    except MemoryError:
        raise
    except Exception as error:  # a foreign object may raise anything
        if isinstance(error, ValueError) and isinstance(given, list):
            return SEVERAL  # not equally many in each row
        raise DataError(
            f"Column {name!r} of the {type(x).__name__} cannot be read: {error}. Give a data frame "
            "that is in memory.",
            row=None,
        ) from error
    is_number = column.dtype.kind in "buif"
    if is_number and isinstance(given, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(given), np.nan, column)
    if column.ndim > 1 and not (is_number and isinstance(given, np.ndarray)):
        return SEVERAL
    if is_number:
        return column
    if column.dtype.kind != "O":
        return _KINDS.get(column.dtype.kind, str(column.dtype))
    found, wrong = as_numbers(column)
    if wrong is None:
        return found
    has_categories = hasattr(getattr(given, "dtype", 0), "categories")
    return CATEGORIES if has_categories else _what(column[wrong])


def advice(found: Mapping[Any, str]) -> str:
    """Return what can be done about columns that are not numbers.

    Args:
        found: what they hold instead, by their names.
    """
    said = [_ADVICE[what] for what in dict.fromkeys(found.values()) if what in _ADVICE]
    return f"{'. '.join(said)}. Or drop them." if said else "Convert them, or drop them."


def _what(value: object) -> str:
    """Return what a value is that is no number."""
    if isinstance(value, str | bytes):
        return TEXT
    if hasattr(value, "isoformat") or hasattr(value, "total_seconds"):
        return TIMES
    is_several = hasattr(value, "__len__")
    return SEVERAL if is_several else f"{type(value).__name__} objects"
