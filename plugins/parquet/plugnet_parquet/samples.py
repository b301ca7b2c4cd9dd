"""All samples of a table, to train or to test on, and the labels of new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data import read_labels
from plugnet.data.lazy import part_of
from plugnet.errors import DataError, FileFormatError, listed
from plugnet.files.budget import Budget
from plugnet.schema import Label
from plugnet_parquet.cells import dtype_of, labels, matrix, numbers
from plugnet_parquet.groups import Groups
from plugnet_parquet.parts import Table
from plugnet_parquet.roles import Roles

#: Bytes that a label takes at most while classes are learnt and some are held out.
_LABEL = 128


@dataclass(frozen=True)
class Samples:
    """The samples of a table.

    Attributes:
        path: the file or folder.
        x: the inputs, ``(N, D)``, NaN where one is missing; an array or a `LazyArray`.
        labels: ``(N,)`` numbers or text for each column of labels.
        weights: ``(N,)``, or None.
        left_out: how many rows were left out because something is missing.
        empty: the inputs of which all are missing.
    """

    path: str
    x: Any
    labels: Sequence[Array]
    weights: Array | None
    left_out: int
    empty: Sequence[str]

    def learnt(self, rule: str) -> tuple[Array, tuple[Label, ...]]:
        """Return the labels, ``(N,)`` or ``(N, K)``, and the classes that there are.

        Args:
            rule: what labels are, "auto", "class_ids" or "targets".

        Raises:
            DataError: they break the rule, or may be classes or real values.
        """
        found = read_labels(_joined(self.labels), len(self.x), self._rule(rule))
        return found.values, found.classes

    def known(self, classes: tuple[Label, ...]) -> Array:
        """Return the labels of samples to test on.

        Args:
            classes: those of the samples to train on; (): the labels are real values.

        Raises:
            DataError: a label is none of the classes.
        """
        rule = "class_ids" if classes else "targets"
        found = read_labels(_joined(self.labels), len(self.x), rule)
        if unknown := [label for label in found.classes if label not in classes]:
            verb = "is" if len(unknown) == 1 else "are"
            raise DataError(
                f"The labels in {self.path!r} must be some of those to train on, "
                f"{listed(classes)}, but there {verb} {listed(unknown)}.",
                row=None,
            )
        return found.values

    def _rule(self, rule: str) -> str:
        return "targets" if len(self.labels) > 1 else rule


def read_samples(
    table: Table, roles: Roles, missing: str | float, memory: int, budget: int | None
) -> Samples:
    """Look at all rows.

    Args:
        table: it.
        roles: what its columns are.
        missing: "refuse" or "drop" rows in which a value is missing. With anything else, inputs
            that are missing stay NaN, and missing labels and weights are refused.
        memory: up to how many bytes the inputs are kept.
        budget: how many bytes all may take, see `plugnet.files.budget`.

    Raises:
        FileFormatError: a file is damaged, a missing cell is refused, or no row is left.
        DataError: a weight is negative.
        BudgetError: the samples would take more memory than they may.
    """
    dtype = dtype_of([kind for name in roles.inputs for kind in table.types[name]])
    floating = np.result_type(dtype, np.float32)
    size = table.rows * len(roles.inputs) * floating.itemsize
    limit = Budget(table.path, table.size, budget)
    limit.check(size, "its inputs")
    limit.spend(table.rows * _LABEL, "its labels")
    blocks: list[Array] = []
    rows: list[Array] = []
    found: list[list[Array]] = [[] for _ in roles.targets]
    weights: list[Array] = []
    has_value = np.zeros(len(roles.inputs), bool)
    start = 0
    for file, first, batch in table.batches(roles.read):
        some = _Some(file, first, batch)
        x, is_missing = some.inputs(roles.inputs, dtype)
        dtype = x.dtype
        columns = [labels(batch.column(name)) for name in roles.targets]
        lacks = {name: column[1] for name, column in zip(roles.targets, columns, strict=True)}
        if roles.weight is not None:
            weights.append(some.weights(roles.weight))
            lacks[roles.weight] = np.isnan(weights[-1])
        if missing == "refuse":
            some.refuse(is_missing, roles.inputs, 'to fill them, missing="mean" or a number')
        if missing != "drop":
            for name, without in lacks.items():
                some.refuse(without[:, None], [name], "neither labels nor weights are ever filled")
        is_kept = ~np.any([*lacks.values()], axis=0)
        if missing == "drop":
            is_kept &= ~is_missing.any(axis=1)
        has_value |= ~is_missing[is_kept].all(axis=0)
        if size <= memory:
            blocks.append(x[is_kept])
        for column, (values, _) in zip(found, columns, strict=True):
            limit.spend(values.nbytes, "its labels")
            column.append(values[is_kept])
        weights[-1:] = [weight[is_kept] for weight in weights[-1:]]
        rows.append(start + np.flatnonzero(is_kept))
        start += len(batch)
    kept = np.concatenate(rows)
    if not len(kept):
        raise FileFormatError(
            f"{table.path!r} must have a row without missing cells, but has none.", path=table.path
        )
    given: Any = (
        np.concatenate(blocks, dtype=dtype) if blocks else Groups(table, roles.inputs, dtype)
    )
    return Samples(
        table.path,
        given if len(given) == len(kept) else part_of(given, kept),
        [np.concatenate(column) for column in found],
        np.concatenate(weights) if weights else None,
        table.rows - len(kept),
        [name for name, has in zip(roles.inputs, has_value.tolist(), strict=True) if not has],
    )


def new_labels(
    batch: Any, targets: Sequence[str], is_class: bool, is_labelled: bool | None, path: str
) -> Array | None:
    """Return the labels of new rows, or None if they have none.

    Args:
        batch: the rows.
        targets: the columns of labels.
        is_class: whether the model's answers are classes.
        is_labelled: whether there must be labels or must be none; None: either.
        path: their file.

    Raises:
        FileFormatError: some rows have labels and others have none.
    """
    columns = [labels(batch.column(name)) for name in targets]
    missing = np.array([lacks for _, lacks in columns])
    if is_labelled is None:
        is_labelled = bool(columns) and not missing.all()
    if columns and (missing == is_labelled).any():
        raise FileFormatError(
            f"All rows of {path!r} must have labels, {listed(targets)}, or none, but only some "
            "have. Label all rows, or none.",
            path=path,
        )
    if not is_labelled:
        return None
    rule = "class_ids" if is_class else "targets"
    return read_labels(_joined([values for values, _ in columns]), len(batch), rule).values


@dataclass(frozen=True)
class _Some:
    """Some rows of a file, from a row on."""

    file: str
    first: int
    batch: Any

    def inputs(self, names: Sequence[str], dtype: np.dtype[Any]) -> tuple[Array, Array]:
        """Return inputs, ``(N, D)``, and which are missing; where some are, of a floating dtype."""
        if any(self.batch.column(name).null_count for name in names):
            dtype = np.result_type(dtype, np.float32)
        x = matrix(self.batch, names, dtype)
        return x, np.isnan(x) if dtype.kind == "f" else np.zeros(x.shape, bool)

    def weights(self, name: str) -> Array:
        """Return weights, ``(N,)`` float64, NaN where one is missing."""
        found = numbers(self.batch.column(name)).astype(np.float64)
        if (found < 0).any():
            row = int(np.argmax(found < 0))
            raise DataError(
                f"Row {self.first + row} of {self.file!r}: {name!r} must be a weight, at least 0, "
                f"but is {found[row]:g}.",
                row=self.first + row,
            )
        return found

    def refuse(self, is_missing: Array, names: Sequence[str], otherwise: str) -> None:
        """Check that no cell of some columns is missing."""
        if is_missing.any():
            row, place = np.argwhere(is_missing)[0].tolist()
            raise FileFormatError(
                f"Row {self.first + row} of {self.file!r}: {names[place]!r} has no value. To leave "
                f'out such rows, say missing="drop"; {otherwise}.',
                path=self.file,
                row=self.first + row,
            )


def _joined(columns: Sequence[Array]) -> Array:
    return columns[0] if len(columns) == 1 else np.column_stack(columns)
