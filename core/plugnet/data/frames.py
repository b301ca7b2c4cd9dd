"""Columns that have names: a data frame, or a mapping from names to columns, as an array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from plugnet.data.column import advice, read_column
from plugnet.data.foreign import opened
from plugnet.errors import DataError, listed

#: How many columns' shapes a message names.
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
    if len(set(found)) < len(found):
        doubled = [name for name, count in Counter(found).items() if count > 1]
        raise DataError(
            f"Each column must have a name of its own, but these occur twice: {listed(doubled)}. "
            "Rename or drop one of each.",
            row=None,
        )
    return tuple(found)


def is_frame(x: Any) -> bool:
    """Tell whether ``x`` is a data frame, a mapping or a structured array."""
    return _names(x) is not None


def only_column(x: Any) -> Any:
    """Return the only column of a frame, whether it has a name or not; None if there are others."""
    names = column_names(x) or _names(x) or ()
    return x[names[0]] if len(names) == 1 else None


def target_names(y: Any) -> tuple[str, ...]:
    """Return the names of the columns of labels: a frame's, or the name of a series."""
    name = getattr(y, "name", None)
    return (name,) if isinstance(name, str) and name else column_names(y)


def check_aligned(x: Any, y: Any, weights: Any = None) -> None:
    """Check that samples, labels and weights of pandas have their rows in one order.

    Raises:
        DataError: two indices have the same rows in different orders.
    """
    index: Any = getattr(x, "index", None)
    for name, what, given in (("y", "labels", y), ("weights", "weights", weights)):
        other: Any = getattr(given, "index", None)
        if not (hasattr(index, "isin") and hasattr(other, "isin")) or index.equals(other):
            continue
        if len(index) == len(other) and index.isin(other).all():
            raise DataError(
                f"Samples and {what} must have their rows in the same order, but their indices "
                f"have the same rows in different orders. Write {name}.loc[x.index]; or, if they "
                f"go together as they stand, {name}.to_numpy().",
                row=None,
            )


def as_inputs(x: Any, columns: Sequence[str] = (), others: Collection[str] = ()) -> Any:
    """Return samples as an array ``(N, len(columns))`` if they are a frame, else `opened`.

    Args:
        x: a frame, or anything else.
        columns: the columns wanted, which are found by name, in whatever order they come; (): all,
            in their order.
        others: columns that the frame may also have.

    Raises:
        DataError: a column is missing, unknown or doubled, or does not hold a number for each row.
    """
    x = x if isinstance(x, np.ndarray) else opened(x)
    if not is_frame(x):
        if isinstance(x, list | tuple) and x and isinstance(x[0], Mapping):
            raise DataError(
                "Samples with names must be a data frame, or a mapping from names to columns, but "
                f"they are a {type(x).__name__} of mappings. Write pandas.DataFrame(samples).",
                row=None,
            )
        return x
    names = column_names(x)
    if columns and names:
        check_columns(names, columns, others)
        names = tuple(columns)
    found = {name: read_column(x, name) for name in names or _names(x) or ()}
    held = {name: column for name, column in found.items() if not isinstance(column, str)}
    if wrong := {name: what for name, what in found.items() if isinstance(what, str)}:
        by_kind = [
            f"{', '.join(repr(name) for name in wrong if wrong[name] == what)} ({what})"
            for what in dict.fromkeys(wrong.values())
        ]
        raise DataError(
            f"Inputs must be numbers, but these columns are not: {'; '.join(by_kind)}. "
            f"{advice(wrong)}",
            row=None,
        )
    if not held:
        raise DataError("A table of inputs must have columns, but there are none.", row=None)
    shapes = {name: column.shape for name, column in held.items()}
    if any(len(shape) > 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        odd = [f"{name!r} {shape}" for name, shape in list(shapes.items())[:_SHOWN]]
        raise DataError(
            "Each column must have one number for each row, but the shapes are "
            f"{', '.join(odd)}. Give columns of equal length.",
            row=None,
        )
    return np.column_stack(list(held.values()))


def check_columns(names: Sequence[str], columns: Sequence[str], others: Collection[str]) -> None:
    """Check that a table with columns ``names`` has all ``columns`` and else only ``others``.

    Raises:
        DataError: one is missing or unknown; all of them are named.
    """
    found, known = set(names), {*columns, *others}
    missing = [name for name in columns if name not in found]
    unknown = [name for name in names if name not in known]
    if not (missing or unknown):
        return
    wrong = [f"lacks {listed(missing)}"] * bool(missing)
    wrong += [f"has also {listed(unknown)}"] * bool(unknown)
    raise DataError(
        f"The table must have the columns {listed(columns)}, in any order, but it "
        f"{' and '.join(wrong)}. Rename the columns, add what is missing, and drop what the model "
        "does not know.",
        row=None,
        missing=tuple(missing),
        unknown=tuple(unknown),
    )


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
