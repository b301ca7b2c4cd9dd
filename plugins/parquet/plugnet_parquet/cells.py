"""Columns as numbers or labels.

Numbers are integers, floating-point and decimal numbers, and booleans, which are 0 and 1. A cell is
missing if it is null or NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from plugnet.arrays import Array


def is_number(kind: Any) -> bool:
    """Tell whether the cells of an Arrow type are numbers."""
    if kinds.is_dictionary(kind):
        return is_number(kind.value_type)
    tests = (kinds.is_integer, kinds.is_floating, kinds.is_decimal, kinds.is_boolean, kinds.is_null)
    return any(test(kind) for test in tests)


def is_text(kind: Any) -> bool:
    """Tell whether the cells of an Arrow type are text."""
    if kinds.is_dictionary(kind):
        return is_text(kind.value_type)
    return any(
        test(kind) for test in (kinds.is_string, kinds.is_large_string, kinds.is_string_view)
    )


def dtype_of(types: Sequence[Any]) -> np.dtype[Any]:
    """Return the smallest dtype that holds the numbers of some types, at most float64.

    float32 is kept only if it holds them exactly.
    """
    found: np.dtype[Any] = np.result_type(*(_dtype(kind) for kind in types))
    return found if np.can_cast(found, np.float32) else np.dtype(np.float64)


def _dtype(kind: Any) -> np.dtype[Any]:
    if kinds.is_dictionary(kind):
        return _dtype(kind.value_type)
    if kinds.is_boolean(kind):
        return np.dtype(np.uint8)
    if kinds.is_null(kind):
        return np.dtype(np.float16)
    if kinds.is_decimal(kind):
        return np.dtype(np.float64)
    found: np.dtype[Any] = np.dtype(kind.to_pandas_dtype())
    return found


def numbers(column: Any) -> Array:
    """Return the cells of a column of numbers, ``(N,)``; NaN where one is missing."""
    kind = column.type
    if kinds.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if kinds.is_boolean(kind):
        column = column.cast(pa.uint8())
    if kinds.is_decimal(kind) or column.null_count:
        column = column.cast(pa.float64(), safe=False)
    values: Array = column.to_numpy(zero_copy_only=False)
    return values


def matrix(batch: Any, names: Sequence[str], dtype: np.dtype[Any]) -> Array:
    """Return columns of numbers, ``(N, D)`` of ``dtype``.

    With an integer ``dtype`` no cell may be missing.
    """
    out = np.empty((len(batch), len(names)), dtype)
    for place, name in enumerate(names):
        column = batch.column(name)
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        out[:, place] = numbers(column)
    return out


def labels(column: Any) -> tuple[Array, Array]:
    """Return a column of labels, ``(N,)`` numbers or text, and which of them are missing.

    What is missing is 0 or ""; text without any letter is missing, too.
    """
    if is_text(column.type):
        return _texts(column)
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if kinds.is_null(column.type) or kinds.is_decimal(column.type):
        column = column.cast(pa.float64(), safe=False)
    missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    filled = column.fill_null(pa.scalar(0).cast(column.type))
    values = filled.to_numpy(zero_copy_only=False)
    return np.where(missing, values.dtype.type(0), values), missing


def _texts(column: Any) -> tuple[Array, Array]:
    """Return `labels` that are text; each text that occurs is looked at once."""
    if not kinds.is_dictionary(column.type):
        column = column.dictionary_encode()
    texts = column.dictionary.fill_null("").to_pylist()
    distinct = np.array([*texts, ""], np.str_)  # the last one for null
    ids = column.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    return distinct[ids], (np.char.strip(distinct) == "")[ids]


def listed_cells(column: Any) -> list[Any]:
    """Return the cells of any column as JSON has them: what it has not is text, NaN is None."""
    return [_plain(cell) for cell in column.to_pylist()]


def _plain(cell: Any) -> Any:
    if isinstance(cell, float):
        return cell if np.isfinite(cell) else None
    return cell if cell is None or isinstance(cell, str | int) else str(cell)
