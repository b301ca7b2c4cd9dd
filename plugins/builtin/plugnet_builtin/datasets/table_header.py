"""Whether the first line of a table names its columns.

It does if it has text where numbers are below, or if it counts the columns, 0, 1, 2 and so on, as
pandas does. If it may be a sample as well, whoever has the file must say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias

from plugnet.data.label_columns import LABEL_NAMES
from plugnet_builtin.datasets.table_cells import is_missing, is_number, is_value, looks_like_number

_Evidence: TypeAlias = Literal["name", "label", "odd text", "text", "number"]


def is_header(
    first: Sequence[str],
    rest: Sequence[Sequence[str]],
    targets: Collection[int],
    others: Collection[int] = (),
) -> bool | None:
    """Tell whether the first of a table's lines names the columns; None if that is unclear.

    Args:
        first: its cells.
        rest: those of some lines below.
        targets: the positions of columns with labels.
        others: those of columns with neither labels nor inputs.
    """
    cells = [cell.strip() for cell in first]
    inputs = [cell for at, cell in enumerate(cells) if at not in targets and at not in others]
    numbers = [cell for cell in inputs if is_number(cell)]
    texts = [cell for cell in inputs if not is_value(cell)]
    may_be_names = all(cell.isdecimal() for cell in cells if is_number(cell))  # as years are
    labels = [_evidence(cells[target], [row[target].strip() for row in rest]) for target in targets]
    is_new_text = bool(labels) and all("text" in found for found in labels)
    if any(map(looks_like_number, inputs)):  # a sample in another country's writing
        return None
    if "name" in labels:
        return True if may_be_names else None
    if texts:
        if not may_be_names or (
            (numbers or len(texts) == 1) and not {"label", "number"}.isdisjoint(labels)
        ):
            return None
        return True if _count_up(numbers) or is_new_text else None
    if is_new_text and _count_up(numbers) and len(numbers) > 1:
        return True if len(numbers) > 2 or not cells[0] else None
    filled = [cell for cell in cells if cell]
    if _count_up(filled) and len(filled) > 1:
        return True if len(filled) > 3 or not cells[0] else None
    return None if "odd text" in labels else False


def _evidence(cell: str, below: Sequence[str]) -> _Evidence:
    """Return what the first cell of a column with labels seems to be, by the cells below."""
    if cell in below and not is_missing(cell):
        return "label"
    if is_value(cell):
        return "number"
    counts = Counter(each for each in below if not is_missing(each))
    if cell.lower() in LABEL_NAMES or (counts and all(map(is_number, counts))):
        return "name"
    return "odd text" if counts and min(counts.values()) > 1 else "text"


def _count_up(cells: Sequence[str]) -> bool:
    """Tell whether cells are 0, 1, 2 and so on; no cells are, too."""
    return list(cells) == [str(number) for number in range(len(cells))]
