"""All samples of a table, to train or to test on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plugnet.arrays import Array
from plugnet_builtin.datasets.table_cells import is_missing, is_number
from plugnet_builtin.datasets.table_file import Block, Table
from plugnet_builtin.datasets.table_inputs import read_inputs, refuse_missing
from plugnet_builtin.datasets.table_labels import MEMORY, Labels
from plugnet_builtin.datasets.table_roles import Roles
from plugnet_builtin.datasets.table_text import wrong


@dataclass(frozen=True)
class Samples:
    """The samples of a table.

    Attributes:
        x: the inputs, ``(N, D)`` float64, NaN where one is missing.
        labels: the columns of labels.
        weights: ``(N,)`` float64, or None.
        left_out: how many rows were left out because something is missing.
    """

    x: Array
    labels: Sequence[Labels]
    weights: Array | None
    left_out: int


def read_samples(table: Table, roles: Roles, missing: str | float, may_be_names: bool) -> Samples:
    """Read all rows.

    Args:
        table: a table whose header is found.
        roles: what its columns are.
        missing: "refuse" or "drop" rows in which a value is missing. With anything else, inputs
            that are missing stay NaN, and missing labels and weights are refused.
        may_be_names: whether the labels None, ? and - are names of classes.

    Raises:
        FileFormatError: a cell is wrong, a missing one is refused, or no row is left.
        BudgetError: the samples would take more memory than they may.
    """
    x: list[Array] = []
    lines: list[int] = []
    weights: list[Array] = []
    labels: list[list[str]] = [[] for _ in roles.targets]
    count = 0
    last = [-np.inf] * len(roles.index)
    for block in table.blocks():
        count += len(block.lines)
        last = [_check_index(block, *each) for each in zip(roles.index, last, strict=True)]
        inputs = read_inputs(block, roles.inputs)
        if missing == "refuse":
            refuse_missing(block, roles.inputs, inputs)
        cells = [block.column(position) for position in roles.targets]
        table.budget.spend(_memory(inputs, cells), f"its rows to line {block.lines[-1]}")
        empty = [_empty(column, may_be_names) for column in cells]
        without = dict(zip(roles.targets, empty, strict=True))
        if roles.weight is not None:
            weights.append(read_inputs(block, [roles.weight])[:, 0])
            _check_weights(block, roles.weight, weights[-1])
            without[roles.weight] = np.isnan(weights[-1])
        lacks = np.any(list(without.values()), axis=0)
        if missing == "drop":
            lacks |= np.isnan(inputs).any(axis=1)
        else:
            _refuse_without(block, without)
        if lacks.any():
            inputs = inputs[~lacks]
            weights[-1:] = [weight[~lacks] for weight in weights[-1:]]
        x.append(inputs)
        is_kept = (~lacks).tolist()
        lines += itertools.compress(block.lines, is_kept)
        for found, column in zip(labels, cells, strict=True):
            found += itertools.compress(column, is_kept)
    if not lines:
        raise wrong(table.path, None, "must have a row without missing cells, but has none")
    return Samples(
        np.concatenate(x),
        [
            Labels(table.path, table.names[position], column, lines)
            for position, column in zip(roles.targets, labels, strict=True)
        ],
        np.concatenate(weights) if weights else None,
        count - len(lines),
    )


def _memory(inputs: Array, labels: Sequence[Sequence[str]]) -> int:
    """Return how many bytes come of a block: numbers, those once more when blocks are joined or
    divided; line numbers and weights; and labels, as text, of which Python has single characters
    ready, and as classes.
    """
    rows, count = len(inputs), 2 * inputs.nbytes
    for column in labels:
        characters = sum(map(len, column))
        count += MEMORY * rows + (8 * rows if characters <= rows else 64 * rows + characters)
    return count + 64 * rows


def _empty(cells: Sequence[str], may_be_names: bool) -> Array:
    """Tell of each label whether it is missing, ``(N,)``."""
    empty = {cell for cell in set(cells) if is_missing(cell, may_be_names)}
    return np.array([cell in empty for cell in cells]) if empty else np.zeros(len(cells), bool)


def _refuse_without(block: Block, without: Mapping[int, Array]) -> None:
    """Check that no row lacks a label or a weight; ``without`` says by column which do."""
    for position, rows in without.items():
        if rows.any():
            says = (
                "has no value, and neither labels nor weights are ever filled. Leave out such "
                'rows, missing="drop"'
            )
            raise block.wrong(int(np.argmax(rows)), position, says)


def _check_weights(block: Block, position: int, weights: Array) -> None:
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise block.wrong(row, position, f"must be a weight, at least 0, but is {weights[row]:g}")


def _check_index(block: Block, position: int, last: float) -> float:
    """Check that a column holds ascending whole numbers, above ``last``; return the last of them.

    Raises:
        FileFormatError: it does not, so it may be more than row numbers.
    """
    cells = block.column(position)
    numbers = np.array([float(cell) if is_number(cell) else np.nan for cell in cells])
    fits = (np.diff(numbers, prepend=last) > 0) & (numbers == np.floor(numbers))
    if not fits.all():
        row = int(np.argmin(fits))
        says = (
            f"has {cells[row]!r}, but a column without a name must count the rows. Leave it out, "
            f"drop=[{position}], or name it"
        )
        raise block.wrong(row, position, says)
    return float(numbers[-1])
