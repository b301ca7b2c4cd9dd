"""What other libraries hand over, in a form that can be asked for its values."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from plugnet.errors import DataError


def opened(given: Any) -> Any:
    """Return what is read from an Arrow stream or a lazy column; anything else as it is.

    What gives no array, but an Arrow stream, such as a ``pyarrow.RecordBatchReader`` or a relation
    of DuckDB, becomes a table or a column of pyarrow; so does what gives only an Arrow array, and a
    column of pyarrow whose values are structs. A column of Hugging Face's ``datasets``, a sequence
    that reads each item on its own, becomes a list.

    Raises:
        DataError: only pyarrow can read it, which is not installed, or fails; or it is a plan of a
            table, such as a ``LazyFrame`` of polars.
    """
    if hasattr(given, "collect") and hasattr(given, "collect_schema"):
        raise DataError(
            f"A table must be in memory, but a {type(given).__name__} is only a plan of one. Write "
            ".collect() after it.",
            row=None,
        )
    is_arrow = hasattr(given, "__arrow_c_stream__") or hasattr(given, "__arrow_c_array__")
    has_fields = str(getattr(given, "type", "")).startswith("struct<")
    if is_arrow and (has_fields or not hasattr(given, "__array__")):
        return _from_arrow(given)
    if not isinstance(given, Sequence) or isinstance(given, list | tuple | str | bytes):
        return given
    try:
        return given[:]
    except MemoryError:
        raise
    except Exception:  # not every sequence knows slices
        return list(given)


def _from_arrow(given: Any) -> Any:
    """Return an Arrow stream or array as a table if it has columns, else as one column."""
    is_stream = hasattr(given, "__arrow_c_stream__")
    form = "stream" if is_stream else "array"
    what = f"{type(given).__name__} gives its values as an Arrow {form}"
    try:
        pyarrow = import_module("pyarrow")
    except ImportError as error:
        raise DataError(
            f"{what}, which pyarrow reads, but it is not installed. Run: pip install pyarrow",
            row=None,
        ) from error
    try:
        column = pyarrow.chunked_array(given) if is_stream else pyarrow.array(given)
    except MemoryError:
        raise
    except Exception as error:  # a foreign object may raise anything
        raise DataError(
            f"{what}, but pyarrow cannot read it: {error}. Give a data frame.", row=None
        ) from error
    is_table = pyarrow.types.is_struct(column.type)
    return pyarrow.Table.from_struct_array(column) if is_table else column
