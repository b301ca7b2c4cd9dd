"""Which columns of a table have the labels, by their names."""

from __future__ import annotations

from collections.abc import Sequence

#: Names that say so wherever the column stands.
LABEL_NAMES = ("label", "target", "class")


def label_columns(names: Sequence[str]) -> list[int]:
    """Return the positions of names that say that a column has the labels, wherever it stands.

    They are label, target and class, and y if no column is named x; in capital or small letters.
    """
    lower = [name.lower() for name in names]
    meant = LABEL_NAMES if "x" in lower else (*LABEL_NAMES, "y")
    return [at for at, name in enumerate(lower) if name in meant]
