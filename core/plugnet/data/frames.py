"""Columns that have names: a data frame, or a mapping from names to columns, as an array."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataError

#: How many columns a message names.
_SHOWN = 10


def column_names(x: Any) -> tuple[str, ...]:
    """Return the names of the columns of a data frame, a mapping or a structured array.

    () for anything else, and for a frame whose columns are only numbered, from 0.

    Raises:
        DataError: two columns have one name, or only some have a name.
    """
    found = _names(x)
    if found is None or found == list(range(len(found))):
        return ()
    odd = [name for name in found if not isinstance(name, str)]
    if odd:
        raise DataError(
            f"The names of columns must be strings, but some are {listed(odd)}. Rename them: "
            "frame.columns = frame.columns.astype(str).",
            row=None,
        )
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled:
        raise DataError(
            f"Each column must have a name of its own, but these occur twice: {listed(doubled)}. "
            "Rename or drop one of each.",
            row=None,
        )
    return tuple(found)


def is_frame(x: Any) -> bool:
    """Tell whether ``x`` is a data frame, a mapping or a structured array."""
    return _names(x) is not None


def as_inputs(x: Any, columns: Sequence[str] = (), others: Collection[str] = ()) -> Any:
    """Return samples as an array ``(N, len(columns))`` if they are a frame, else as they are.

    Args:
        x: a frame, or anything else.
        columns: the columns wanted, which are found by name, in whatever order they come; (): all,
            in their order.
        others: columns that the frame may also have.

    Raises:
        DataError: a column is missing, unknown or doubled, or does not hold numbers.
    """
    if not is_frame(x):
        return x
    names = column_names(x)
    if columns and names:
        check_columns(names, columns, others)
        names = tuple(columns)
    held = [_column(x, name) for name in names or _names(x) or ()]
    wrong = [str(name) for name, column in zip(names, held, strict=False) if column is None]
    if wrong:
        raise DataError(
            f"Inputs must be numbers, but these columns are not: {listed(wrong)}. Convert them, "
            "or drop them.",
            row=None,
        )
    if not held:
        raise DataError("A table of inputs must have columns, but there are none.", row=None)
    return np.column_stack([column for column in held if column is not None])


def check_columns(names: Sequence[str], columns: Sequence[str], others: Collection[str]) -> None:
    """Check that a table with columns ``names`` has all ``columns`` and else only ``others``.

    Raises:
        DataError: one is missing or unknown; all of them are named.
    """
    missing = [name for name in columns if name not in names]
    unknown = [name for name in names if name not in columns and name not in others]
    if not (missing or unknown):
        return
    found = f"lacks {listed(missing)}" if missing else ""
    found += " and " if missing and unknown else ""
    found += f"has also {listed(unknown)}" if unknown else ""
    raise DataError(
        f"The table must have the columns {listed(columns)}, in any order, but it {found}. Rename "
        "the columns, add what is missing, and drop what the model does not know.",
        row=None,
        missing=tuple(missing),
        unknown=tuple(unknown),
    )


def listed(names: Sequence[object]) -> str:
    """Return names as a message shows them."""
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _names(x: Any) -> list[Any] | None:
    if isinstance(x, np.ndarray):
        return None if x.dtype.names is None else list(x.dtype.names)
    if isinstance(x, Mapping):
        return list(x)
    names = getattr(x, "column_names", None)  # as pyarrow has it
    if names is None:
        names = getattr(x, "columns", None)  # as pandas and polars have it
    try:
        return None if names is None or not hasattr(x, "__getitem__") else list(names)
    except TypeError:
        return None


def _column(x: Any, name: Any) -> Array | None:
    """Return a column as ``(N,)`` numbers, NaN where one is missing, or None if it has others."""
    column: Array = np.asarray(x[name])
    if column.dtype.kind in "buif":
        return column
    if column.dtype.kind != "O":
        return None
    numbers_only = np.empty(column.shape)
    for row, value in enumerate(column):
        if isinstance(value, numbers.Real):
            numbers_only[row] = value
        elif value is None or type(value).__name__ == "NAType":  # pandas.NA
            numbers_only[row] = np.nan
        else:
            return None
    return numbers_only
