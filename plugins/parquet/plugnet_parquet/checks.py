"""Whether columns are of a type that their role allows."""

from __future__ import annotations

from collections.abc import Sequence

from plugnet.errors import FileFormatError, listed, shorten
from plugnet_parquet.cells import is_number, is_text
from plugnet_parquet.parts import Table


def require_numbers(table: Table, names: Sequence[str], may_be_labels: bool = False) -> None:
    """Check that columns are numbers in all files.

    Args:
        table: the files.
        names: the columns.
        may_be_labels: whether the user has not said which column has the labels.

    Raises:
        FileFormatError: some are not, all of which are named.
    """
    wrong = [name for name in names if not all(map(is_number, table.types[name]))]
    if not wrong:
        return
    shown = [f"{name!r} ({shorten(str(table.types[name][0]), 40)})" for name in wrong[:10]]
    more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
    is_one = len(wrong) == 1
    labels = f" If it has the labels, say label={wrong[0]!r}." if may_be_labels and is_one else ""
    raise FileFormatError(
        f"Inputs must be numbers, but in {table.path!r} column{'s' * (not is_one)} "
        f"{', '.join(shown)}{more} {'is' if is_one else 'are'} not. Replace text by numbers, such "
        f"as a column of 0 and 1 for each value, or leave {'it' if is_one else 'them'} out, "
        f"drop=[{listed(wrong)}].{labels}",
        path=table.path,
    )


def require_labels(table: Table, names: Sequence[str]) -> None:
    """Check that columns of labels are numbers in all files, or text in all.

    Raises:
        FileFormatError: one is not.
    """
    for name in names:
        types = table.types[name]
        if not (all(map(is_number, types)) or all(map(is_text, types))):
            found = ", ".join(dict.fromkeys(shorten(str(kind), 40) for kind in types))
            raise FileFormatError(
                f"Labels must be numbers, or text in all files, but in {table.path!r} {name!r} is "
                f"{found}. Say which column has the labels, label=..., or convert it.",
                path=table.path,
            )
