"""The inputs in a table, as an array."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import FileFormatError, listed, shorten
from plugnet_builtin.datasets.table_cells import (
    as_number,
    has_decimal_comma,
    hint,
    is_missing,
    is_value,
    plain_numbers,
)
from plugnet_builtin.datasets.table_file import Block
from plugnet_builtin.datasets.table_text import shown_path


def read_inputs(block: Block, positions: Sequence[int], is_trained: bool = False) -> Array:
    """Return the columns at ``positions``, ``(N, D)`` float64, NaN where a cell is missing.

    Args:
        block: some rows of a table.
        positions: D columns.
        is_trained: whether they are the inputs of a trained model, so none may be left out.

    Raises:
        FileFormatError: a cell is not a number, or columns have text.
    """
    first, *others = positions
    pick = operator.itemgetter(first if others else slice(first, first + 1), *others)
    x = plain_numbers(list(itertools.chain.from_iterable(map(pick, block.rows))))
    if x is not None:
        return x.reshape(-1, len(positions))
    x = np.empty((len(block.rows), len(positions)))
    for place, position in enumerate(positions):
        cells = block.column(position)
        numbers = plain_numbers(cells)
        try:
            x[:, place] = [as_number(cell) for cell in cells] if numbers is None else numbers
        except ValueError:
            raise _wrong_cell(block, positions, position, is_trained) from None
    return x


def refuse_missing(block: Block, positions: Sequence[int], x: Array) -> None:
    """Check that no value of ``x``, the columns at ``positions``, is missing.

    Raises:
        FileFormatError: one is.
    """
    if np.isnan(x).any():
        row, place = np.argwhere(np.isnan(x))[0].tolist()
        says = (
            'has no value. To leave out such rows, say missing="drop"; to fill them, '
            'missing="mean" or a number, missing=0'
        )
        raise block.wrong(row, positions[place], says)


def _wrong_cell(
    block: Block, positions: Sequence[int], position: int, is_trained: bool
) -> Exception:
    """Return the error for a column that is not all numbers."""
    cells = block.column(position)
    row = next(row for row, cell in enumerate(cells) if not _is_finite(cell))
    cell = cells[row]
    texts = [each for each in positions if _is_text(block.column(each))]
    if position not in texts or has_decimal_comma(cell):
        says = f"has {shorten(cell)!r} where a number must be. {hint(cell)}"
        return block.wrong(row, position, says)
    shown = [(block.names[each], _example(block.column(each))) for each in texts[:10]]
    found = ", ".join(f"{name!r} (such as {example!r})" for name, example in shown)
    found = f"columns {found}{f' and {len(texts) - 10} more' * (len(texts) > 10)} contain text"
    if len(texts) == 1:
        found = "column {!r} contains text (such as {!r})".format(*shown[0])
    names = listed([block.names[each] for each in texts])
    is_one, line = len(texts) == 1, block.lines[row]
    them = "it" if is_one else "them"
    advice = (
        f"The model was trained with {names} as {'an input' if is_one else 'inputs'}. Train again "
        f"with drop=[{names}], or write numbers"
        if is_trained
        else "Replace text by numbers, such as a column of 0 and 1 for each value, or leave "
        f"{them} out, drop=[{names}]"
    )
    return FileFormatError(
        f"Inputs must be numbers, but in line {line} of {shown_path(block.path)} {found}. "
        f"{advice}.",
        path=block.path,
        line=line,
        column=None,
    )


def _is_finite(cell: str) -> bool:
    try:
        as_number(cell)
    except ValueError:
        return False
    return True


def _is_text(cells: Sequence[str]) -> bool:
    """Tell whether most of the cells that are not missing are text."""
    filled = [cell for cell in cells if not is_missing(cell)]
    return 2 * sum(not is_value(cell) for cell in filled) > len(filled)


def _example(cells: Sequence[str]) -> str:
    return shorten(next(cell for cell in cells if not is_value(cell)), 30)
