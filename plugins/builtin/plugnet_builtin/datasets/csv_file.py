"""A text file of comma-separated values: numbers, except for one column of labels."""

from __future__ import annotations

import array
import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import FileFormatError
from plugnet_builtin.datasets.untrusted_file import looks_like, open_file


@dataclass(frozen=True)
class Table:
    """What such a file holds.

    Attributes:
        path: the file.
        numbers: ``(N, columns - 1)`` float32, the columns besides the labels.
        labels: the N labels, as they are written.
        lines: the N line numbers, from 1, for messages.
    """

    path: str
    numbers: Array
    labels: list[str]
    lines: list[int]


def read_table(path: str, label_column: int | str, header: bool | None, delimiter: str) -> Table:
    """Read a file in UTF-8; see `plugnet_builtin.datasets.csv_samples.Csv` for the arguments.

    Raises:
        FileFormatError: the file cannot be read, a line has more or fewer values than the first,
            or a value besides the labels is not a number; ``line`` is the line's number.
    """
    with open_file(path) as file:
        kind = looks_like(file.read(200))
        if kind != "text":
            raise _not_utf8(path, f"it is {kind}")
        file.seek(0)
        reader = csv.reader(
            io.TextIOWrapper(file, "utf-8-sig", newline=""), delimiter=delimiter, strict=True
        )
        rows = ((reader.line_num, row) for row in reader if row)
        try:
            return _table(path, rows, label_column, header)
        except csv.Error as error:
            raise _wrong(path, reader.line_num, f"cannot be read ({error})") from None
        except UnicodeDecodeError as error:  # it is decoded in blocks, so no line can be named
            raise _not_utf8(path, error.reason) from None


def is_number(text: str) -> bool:
    """Return whether ``float`` reads it."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _table(
    path: str, rows: Iterator[tuple[int, list[str]]], label_column: int | str, header: bool | None
) -> Table:
    first_line, first = next(rows, (1, []))
    columns = len(first)
    if columns == 1:
        says = "has one value, but a sample needs more than its label. Check the delimiter"
        raise _wrong(path, first_line, says)
    position = _position(path, first_line, first, label_column)
    if header is None:
        rest = first[:position] + first[position + 1 :]
        header = isinstance(label_column, str) or _is_header(path, first_line, rest)
    if not header:
        rows = itertools.chain([(first_line, first)], rows)
    values, labels, lines = array.array("f"), [], []
    for line, row in rows:
        if len(row) != columns:
            raise _wrong(path, line, f"has {len(row)} values where the first has {columns}")
        labels.append(row.pop(position).strip())
        lines.append(line)
        try:
            values.extend(map(float, row))
        except ValueError:
            value = next(value for value in row if not is_number(value))
            raise _wrong(path, line, f"has {value!r} where a number must be") from None
    if not lines:
        raise _wrong(path, first_line, "is the header, and no samples follow")
    return Table(path, np.array(values).reshape(len(lines), columns - 1), labels, lines)


def _is_header(path: str, line: int, values: list[str]) -> bool:
    """Return whether the first line names the columns: none of its values is a number."""
    odd = [value for value in values if not is_number(value)]
    if 0 < len(odd) < len(values):
        says = (
            f"has {odd[0]!r} beside numbers, so it may be a sample or a header. Correct the value, "
            "or pass header=True if the line names the columns"
        )
        raise _wrong(path, line, says)
    return bool(odd)


def _position(path: str, line: int, first: list[str], label_column: int | str) -> int:
    """Return the index of the labels' column from 0."""
    if isinstance(label_column, str):
        names = [name.strip() for name in first]
        if names.count(label_column) != 1:
            says = f"must name the column {label_column!r} once, but it is {', '.join(names)}"
            raise _wrong(path, line, says)
        return names.index(label_column)
    if not -len(first) <= label_column < len(first):
        raise _wrong(path, line, f"has {len(first)} values, so no column {label_column}")
    return label_column % len(first)


def _wrong(path: str, line: int, what: str) -> FileFormatError:
    return FileFormatError(f"Line {line} of {path!r} {what}.", path=path, line=line)


def _not_utf8(path: str, reason: str) -> FileFormatError:
    return FileFormatError(f"{path!r} must be text in UTF-8, but {reason}.", path=path, line=None)
