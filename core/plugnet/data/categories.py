"""Labels whose type itself says which classes there are."""

from __future__ import annotations

from typing import Any

from plugnet.data.frames import is_frame, only_column
from plugnet.schema import Label


def fixed_classes(y: Any, ignore_label: Label | None = None) -> tuple[Label, ...] | None:
    """Return the classes that the type of labels fixes, in its order, or None if it fixes none.

    The categories of pandas and the values of an Enum of polars are fixed, whether they occur or
    not, if they are all strings, all whole numbers or all booleans. Those of a polars Categorical
    and of an Arrow dictionary are not: they say only how values are stored.

    Args:
        y: labels, in a column or in a table of one column.
        ignore_label: one that is no class, or None.
    """
    column = only_column(y) if is_frame(y) else y
    categories: Any = getattr(getattr(column, "dtype", None), "categories", None)
    found = list(categories) if hasattr(categories, "__array__") else []  # no store of values
    if {type(label) for label in found} not in ({str}, {int}, {bool}):
        return None
    return tuple(label for label in found if label != ignore_label)
