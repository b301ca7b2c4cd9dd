"""Columns that have names: a data frame, or a mapping from names to columns, as an array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from plugnet.data.column import advice, read_column
from plugnet.data.foreign import opened
from plugnet.data.row_order import REORDERED, clash_of
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
            f"{_renaming(x, odd)}.",
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


def _renaming(x: Any, odd: Sequence[Any]) -> str:
    """Return the line that makes strings of a table's names."""
    if isinstance(x, Mapping):
        return "{str(name): column for name, column in x.items()}"
    if all(isinstance(name, tuple) for name in odd):  # of several levels
        return 'frame.columns = ["_".join(map(str, name)) for name in frame.columns]'
    return "frame.columns = frame.columns.map(str)"


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
        DataError: two indices have the same rows in different orders, or share only some rows; see
            `clash_of`.
    """
    named = {"x": ("samples", x), "y": ("labels", y), "weights": ("weights", weights)}
    indexed: list[tuple[str, str, Any]] = [
        (name, what, given.index)
        for name, (what, given) in named.items()
        if hasattr(getattr(given, "index", None), "factorize")
    ]
    for (base, whose, index), (name, what, other) in combinations(indexed, 2):
        clash = clash_of(index, other) if len(index) == len(other) else None
        if clash is not None:
            raise DataError(
                f"{whose.capitalize()} and {what} must have their rows in the same order, but "
                f"their indices {clash}. {_order_advice(clash, base, name, index)}if they go "
                f"together as they stand, {name}.to_numpy().",
                row=None,
            )


def _order_advice(clash: str, base: str, name: str, index: Any) -> str:
    """Return how rows are brought into one order."""
    if clash == REORDERED and index.is_unique:
        return f"Write {name}.loc[{base}.index]; or, "
    if clash == REORDERED:  # loc would give each row as often as it occurs, squared
        return "Sort both; or, "
    return f"Take {base} and {name} from one table; or write, "


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
    if hasattr(x, "tocsr"):  # a sparse matrix, also one of SciPy that is a dict
        return None
    if isinstance(x, Mapping):
        return list(x)
    names = getattr(x, "column_names", None)  # as pyarrow has it
    if names is None:
        names = getattr(x, "columns", None)  # as pandas and polars have it
    try:
        return None if names is None or not hasattr(x, "__getitem__") else list(names)
    except TypeError:
        return None
