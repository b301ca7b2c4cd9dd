"""What stands between the cells of a table, found out from its first lines."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from plugnet_builtin.datasets.table_cells import has_decimal_comma, is_missing, is_number
from plugnet_builtin.datasets.table_text import wrong

#: What may be found; a space stands for runs of spaces.
_CANDIDATES = (",", ";", "\t", "|", " ")


class Cells(Protocol):
    """What reads rows of cells: a `csv.reader`."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def read_cells(lines: Iterable[str], delimiter: str, strict: bool = True) -> Cells:
    """Return a reader of rows of cells; a space divides as often as it is repeated."""
    is_space = delimiter == " "
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=is_space, strict=strict)


def find_delimiter(lines: Sequence[str], path: str) -> str:
    """Return the delimiter of ``lines``: comma, semicolon, tab, bar or spaces.

    It is the one that divides the most lines into equally many cells, two or more, of which the
    most are numbers. The first line may have one cell less or more: a header may leave out the
    name of the column of row numbers, or end with a delimiter. A table that nothing divides has
    one column.

    Raises:
        FileFormatError: two do that equally well.
    """
    merits = {delimiter: _merit(lines, delimiter) for delimiter in _CANDIDATES}
    best = max(merits.values())
    found = [delimiter for delimiter, merit in merits.items() if merit == best]
    if best == (0, 0):
        return ","
    if len(found) > 1:
        says = (
            f"may be divided by {' or by '.join(map(repr, found))}. Say which: "
            f"delimiter={found[0]!r}"
        )
        raise wrong(path, 1, says)
    return found[0]


def _merit(lines: Sequence[str], delimiter: str) -> tuple[float, float]:
    """Return the shares of cells that are numbers, and of lines with equally many cells."""
    try:
        rows = [row for row in read_cells(lines, delimiter, strict=False) if any(row)]
    except csv.Error:
        return 0, 0
    if delimiter == " ":
        rows = [row if row[-1] else row[:-1] for row in rows]
    if not rows:
        return 0, 0
    usual = Counter(map(len, rows[1:] or rows)).most_common(1)[0][0]
    if usual < 2 or abs(len(rows[0]) - usual) > 1:
        return 0, 0
    even = [row for row in rows if len(row) == usual]
    good = sum(_is_like_number(cell, delimiter) for row in even for cell in row)
    return good / sum(map(len, rows)), len(even) / len(rows)


def _is_like_number(cell: str, delimiter: str) -> bool:
    return is_number(cell) or is_missing(cell) or (delimiter != "," and has_decimal_comma(cell))
