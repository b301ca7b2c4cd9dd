"""The labels in a table: names or numbers of classes, or real values.

Text names classes, and so do whole numbers of which one has a leading zero, such as 007. Other
whole numbers are classes by the rule of `plugnet.data.label_kinds`. Numbers with decimals are real
values, unless they are all whole, such as 0.0 and 1.0, occur twice or more on average, and that
rule takes them for classes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from plugnet.arrays import Array
from plugnet.data.label_kinds import classes_of
from plugnet.errors import DataError, listed, shorten
from plugnet.schema import Label
from plugnet_builtin.datasets.table_cells import hint, is_missing, is_number, looks_like_number
from plugnet_builtin.datasets.table_file import Block
from plugnet_builtin.datasets.table_text import shown_path, wrong

#: Bytes that a label takes at most while classes are learnt, labels read and some held out; and
#: that each character of the longest takes besides, if they are text.
MEMORY, MEMORY_OF_TEXT = 176, 16

#: The rules for labels.
RULES = ("auto", "class_ids", "targets")

_WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)", re.ASCII)
_LARGEST = 2**53  # up to which floating-point numbers are exact whole numbers
_LEADING_ZERO = re.compile(r"[+-]?0\d+", re.ASCII)


@dataclass(frozen=True)
class Labels:
    """A column of labels.

    Attributes:
        path: the file.
        name: the column's name, or its index from 0.
        cells: the N labels, as they are written.
        lines: their line numbers, from 1.
    """

    path: str
    name: str | int
    cells: Sequence[str]
    lines: Sequence[int]

    def wrong(self, cell: str, says: str) -> Exception:
        """Return the error that a label is wrong, at the first line that has it."""
        line = self.lines[self.cells.index(cell)]
        return wrong(self.path, line, f"has the label {shorten(cell)!r}, {says}", self.name)


def learn_classes(labels: Labels, rule: str) -> tuple[Label, ...]:
    """Return the classes that labels name, in ascending order, or () if they are real values.

    Args:
        labels: those to train on.
        rule: one of `RULES`: what they are.

    Raises:
        FileFormatError: some are numbers and others text.
        DataError: the numbers may be classes or real values.
    """
    distinct = dict.fromkeys(labels.cells)
    numbers = _whole_numbers(distinct)
    if rule == "targets":
        return ()
    if rule == "class_ids" or any(map(_LEADING_ZERO.fullmatch, distinct)):
        return tuple(sorted(set(numbers.values()))) if numbers else tuple(sorted(distinct))
    are_numbers = [is_number(cell) for cell in distinct]
    if not any(are_numbers):
        if all(map(looks_like_number, distinct)):
            cell = next(iter(distinct))
            says = f"which looks like a number. {hint(cell)} "
            says += 'Or say labels="class_ids" if it is the name of a class'
            raise labels.wrong(cell, says)
        return tuple(sorted(distinct))
    if not all(are_numbers):
        odd = next(
            c for c, is_one in zip(distinct, are_numbers, strict=True) if is_one != are_numbers[0]
        )
        says = (
            "but labels before it are of another kind: all must be numbers, or all text. Correct "
            'it, or say labels="class_ids" if each is the name of a class'
        )
        raise labels.wrong(odd, says)
    for cell in distinct:
        if _WHOLE.fullmatch(cell) and abs(float(cell)) > _LARGEST:
            says = (
                'which has more digits than a number keeps. Say labels="class_ids" if it is the '
                "name of a class"
            )
            raise labels.wrong(cell, says)
    if not numbers:
        return ()
    values = np.array([numbers[cell] for cell in labels.cells])
    if all(map(_WHOLE.fullmatch, distinct)):
        return classes_of(values, f"Column {labels.name!r} of {shown_path(labels.path)}")
    try:
        return classes_of(values) if len(values) >= 2 * len(distinct) else ()
    except DataError:
        return ()


def read_labels(labels: Labels, classes: tuple[Label, ...]) -> Array:
    """Return labels ``(N,)``, int64 or strings, or real values ``(N,)`` float64.

    Args:
        labels: the column.
        classes: the classes; (): the labels are real values.

    Raises:
        FileFormatError: a label is not one of the classes, or not a number.
    """
    if not classes:
        for cell in dict.fromkeys(labels.cells):
            if not is_number(cell) or not np.isfinite(float(cell)):
                raise labels.wrong(cell, f"but must be a number. {hint(cell)}")
        return np.array(labels.cells, np.float64)
    distinct = dict.fromkeys(labels.cells)
    known: dict[str, Label] = {name: name for name in classes if isinstance(name, str)}
    if not known:
        known = {
            cell: number for cell in distinct for number in [_whole(cell)] if number in classes
        }
    for cell in distinct:
        if cell not in known:
            says = (
                f"but must be one of the classes {listed(classes)}. Correct it, or train with "
                "samples of this class"
            )
            raise labels.wrong(cell, says)
    return np.array([known[cell] for cell in labels.cells])


def join_labels(columns: Sequence[Labels], classes: tuple[Label, ...]) -> Array:
    """Return the labels in one or several columns, ``(N,)``, or real targets ``(N, K)``.

    Raises:
        FileFormatError: as `read_labels`.
    """
    found = [read_labels(column, classes) for column in columns]
    return found[0] if classes else np.column_stack(found)


def read_new_labels(
    block: Block, targets: Sequence[int], classes: tuple[Label, ...], is_labelled: bool | None
) -> Array | None:
    """Return the labels of new rows, as `join_labels` does, or None if they have none.

    Args:
        block: the rows.
        targets: the positions of the columns of labels.
        classes: the model's; (): the labels are real values.
        is_labelled: whether there must be labels or must be none; None: either.

    Raises:
        FileFormatError: some rows have labels and others have none; or as `read_labels`.
    """
    columns = []
    for at in targets:
        cells = block.column(at)
        empty = {cell for cell in set(cells) if is_missing(cell) and cell not in classes}
        has_label = [cell not in empty for cell in cells]
        is_labelled = any(has_label) if is_labelled is None else is_labelled
        if (not is_labelled) in has_label:
            row = has_label.index(not is_labelled)
            found = (
                "no label, but other rows have" if is_labelled else "a label, but no row above has"
            )
            raise block.wrong(row, at, f"has {found} one. Label all rows, or none")
        columns.append(Labels(block.path, block.names[at], cells, block.lines))
    return join_labels(columns, classes) if is_labelled else None


def _whole_numbers(cells: Collection[str]) -> dict[str, int]:
    """Return the whole number of each cell if all are such; else {}.

    Decimals must all differ, and not stand beside others, so that 10 and 1e1 are not one class.
    """
    numbers = {cell: number for cell in cells if (number := _whole(cell)) is not None}
    decimals = [cell for cell in numbers if not _WHOLE.fullmatch(cell)]
    are_alike = not decimals or len(decimals) == len(cells) == len(set(numbers.values()))
    return numbers if are_alike and len(numbers) == len(cells) else {}


def _whole(cell: str) -> int | None:
    """Return the whole number that a cell is, such as 3 or 3.0, or None."""
    if _WHOLE.fullmatch(cell):
        number = int(cell) if len(cell) < 30 else 2**63
    elif is_number(cell) and not _LEADING_ZERO.fullmatch(cell) and float(cell).is_integer():
        number = int(float(cell))
    else:
        return None
    return number if -(2**63) <= number < 2**63 else None
