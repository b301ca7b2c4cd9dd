"""A table as text: one sample per line, its label in one of the columns."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arguments import file_path, flag, integer, number
from plugnet.arrays import Array
from plugnet.data import hold_out, take_rows
from plugnet.errors import ArgumentError, DataError, DataWarning, listed
from plugnet.files.budget import check_budget
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Label, Schema
from plugnet_builtin.datasets.table_file import Table, open_table
from plugnet_builtin.datasets.table_inputs import read_inputs
from plugnet_builtin.datasets.table_labels import (
    MEMORY_OF_TEXT,
    RULES,
    join_labels,
    learn_classes,
    read_new_labels,
)
from plugnet_builtin.datasets.table_roles import (
    Choice,
    Roles,
    choose_roles,
    match_schema,
    match_training,
)
from plugnet_builtin.datasets.table_samples import Samples, read_samples
from plugnet_builtin.datasets.table_text import shown_path


@dataclass(eq=False)
class Csv(Dataset):
    """Reads a table from a text file: numbers, and labels in one column, or in several.

    The file is in UTF-8, may be gzipped, and has cells divided by commas, semicolons, tabs, bars or
    runs of spaces. `table_cells` says what a number is and what a missing cell, `table_labels` what
    labels mean, `table_header` what a header is. A first column of row numbers, as pandas and R
    write it, and empty columns that trailing delimiters make are left out. Columns are numbered
    from 0, all of them counted; -1 is the last.

    Attributes:
        path: the file to train on; ``~`` is the home folder, ``-`` standard input.
        test_path: the file to test on, with the same columns, which are found by their names if
            both files have a header. None: part of ``path`` is held out.
        test_fraction: how much is held out, from 0 to below 1, of each class alike.
        seed: of the draw.
        label: the column of labels, its name or its index; or a list of several columns of real
            targets. None: the only column named label, target or class, or y if none is named x, in
            capital or small letters; or else the last.
        drop: the names or indices of columns to leave out, such as an id.
        weight: the name or index of a column that says how much each sample counts, at least 0.
        header: whether the first line names the columns. None: it is found out.
        delimiter: the character between two cells; a space means runs of spaces. None: it is found
            out.
        labels: what labels are: "class_ids", "targets" (real values) or "auto", see `table_labels`.
        missing: what to do with missing cells of inputs: "refuse"; "drop" the row; or fill them, in
            training and for new samples, with the "mean" of the column or with a number. A label
            or a weight is never filled: its row is refused or dropped.
        budget: how many bytes a file may take in memory, without those of blocks that `rows` has
            yielded. None: 64 MiB or 100 times its size, whichever is larger, or what the
            environment variable PLUGNET_BUDGET says.
    """

    path: str
    test_path: str | None = None
    test_fraction: float = 0.2
    seed: int = 0
    label: str | int | Sequence[str | int] | None = None
    drop: str | int | Sequence[str | int] = ()
    weight: str | int | None = None
    header: bool | None = None
    delimiter: str | None = None
    labels: str = "auto"
    missing: str | float = "refuse"
    budget: int | None = None

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        if self.test_path is not None:
            self.test_path = file_path("test_path", self.test_path)
        self.test_fraction = number("test_fraction", self.test_fraction, at_least=0, below=1)
        self.seed = integer("seed", self.seed, at_least=0)
        self.budget = check_budget(self.budget)
        if self.header is not None:
            flag("header", self.header)
        fits = self.delimiter is None or _is_delimiter(self.delimiter)
        self._require("delimiter", fits, "a single character, or None")
        self._require("labels", self.labels in RULES, f"one of {', '.join(RULES)}")
        if self.missing not in ("refuse", "drop", "mean"):
            fits = not isinstance(self.missing, str)
            self._require("missing", fits, "'refuse', 'drop', 'mean' or a number")
            self.missing = number("missing", self.missing)
        label, drop = (self._columns(argument) for argument in ("label", "drop"))
        weight = self._columns("weight")
        self._require("weight", len(weight) < 2, "a single column")
        several = len(label) > 1 and self.labels == "class_ids"
        self._require("labels", not several, "'targets' for several columns of labels")
        self._choice = Choice(label, drop, weight[0] if weight else None)
        names = [each for each in (*label, *drop, *weight) if isinstance(each, str)]
        fits = not names or self.header is not False
        self._require("header", fits, "True or None if label, drop or weight names a column")

    def _columns(self, argument: str) -> tuple[str | int, ...]:
        """Return the columns that an argument names."""
        value = getattr(self, argument)
        if value is None:
            return ()
        columns = (value,) if isinstance(value, str | int) else value
        fits = isinstance(columns, Sequence) and all(
            isinstance(each, str | int) and not isinstance(each, bool) for each in columns
        )
        self._require(argument, fits, "names of columns or indices from 0")
        return tuple(columns)

    def _require(self, argument: str, fits: bool, rule: str) -> None:
        if not fits:
            value = getattr(self, argument)
            raise ArgumentError(
                f"{argument} must be {rule}, not {value!r}.", argument=argument, value=value
            )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []

    def load(self) -> DataSplits:
        """Read the file or the two files; ``x`` is ``(N, D)`` float64.

        A missing value that is to be filled is NaN.
        """
        with self._open(self.path) as table:
            roles = choose_roles(table, self._choice)
            samples = self._read(table, roles)
        classes: tuple[Label, ...] = ()
        if len(samples.labels) == 1:
            classes = learn_classes(samples.labels[0], self.labels)
        train, test = _batch(table, samples, classes), None
        if self.test_path is not None:
            with self._open(self.test_path) as other:
                found = match_training(other, table, roles, self._choice)
                test = _batch(other, self._read(other, found), classes)
        elif len((parts := hold_out(train.y, self.test_fraction, self.seed))[1]):
            train, test = (take_rows(train, part) for part in parts)
        self._check_means(train.x, [table.names[at] for at in roles.inputs])
        return DataSplits(
            train,
            test,
            classes,
            columns=_header(table, roles.inputs),
            targets=_header(table, roles.targets),
            dropped=_header(table, roles.others),
            missing=None if self.missing in ("refuse", "drop") else self.missing,
        )

    def rows(self, schema: Schema) -> Iterator[Rows]:
        """Yield the rows of ``path``, some thousands at a time.

        ``test_path`` and ``test_fraction`` do not matter, nor does ``missing``: a missing input is
        NaN. If the first block has no label at all, the file has none.

        Raises:
            FileFormatError: the columns are not the model's, or a cell is wrong.
        """
        with open_table(self.path, self.delimiter, self.header, self.budget) as table:
            roles = match_schema(table, schema, self._choice, self.header is False)
            is_labelled: bool | None = None if roles.targets else False
            chosen = self._choice.weight
            weight = [] if chosen is None else sorted(table.places({chosen}))
            start = 0
            for block in table.blocks():
                count = len(block.lines)
                x = read_inputs(block, roles.inputs, is_trained=True)
                named = zip(schema.columns, np.ascontiguousarray(x.T), strict=False)
                y = read_new_labels(block, roles.targets, schema.classes, is_labelled)
                is_labelled = y is not None
                others = {str(block.names[at]): block.column(at) for at in roles.others}
                weights = read_inputs(block, weight)[:, 0] if weight else None
                numbers = range(start, start := start + count)
                yield Rows(dict(named) or x, y, numbers, block.lines, others, weights)

    def _open(self, path: str) -> contextlib.AbstractContextManager[Table]:
        names = (*self._choice.label, *self._choice.others)
        has_names = any(isinstance(each, str) for each in names)
        header = True if has_names else self.header
        return open_table(path, self.delimiter, header, self.budget)

    def _may_be_names(self) -> bool:
        """Return whether None, ? and - are names of classes rather than missing."""
        return self.labels == "class_ids" and self.missing != "drop"

    def _read(self, table: Table, roles: Roles) -> Samples:
        """Read all samples of a table, and warn of those left out."""
        samples = read_samples(table, roles, self.missing, self._may_be_names())
        if samples.left_out:
            count = samples.left_out + len(samples.x)
            warnings.warn(
                f"{samples.left_out} of {count} rows of {shown_path(table.path)} left out because "
                "cells are missing.",
                DataWarning,
                stacklevel=3,
            )
        return samples

    def _check_means(self, x: Array, names: Sequence[str | int]) -> None:
        """Check that each column has a value to fill others with its mean."""
        if self.missing != "mean":
            return
        found = [names[at] for at in np.flatnonzero(np.isnan(x).all(axis=0)).tolist()]
        if found:
            raise DataError(
                f"{listed(found)} of {shown_path(self.path)} must have a value in the samples to "
                f"train on, or there is no mean. Leave these out, drop=[{listed(found)}], or fill "
                "them with a number, missing=0.",
                row=None,
            )


def _batch(table: Table, samples: Samples, classes: tuple[Label, ...]) -> Batch:
    if classes and isinstance(classes[0], str):
        (names,) = samples.labels
        count = MEMORY_OF_TEXT * len(names.cells) * max(map(len, names.cells))
        table.budget.spend(count, "its labels")
    return Batch(samples.x, join_labels(samples.labels, classes), samples.weights)


def _header(table: Table, positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(table.header[at] for at in positions) if table.header else ()


def _is_delimiter(text: object) -> bool:
    return isinstance(text, str) and len(text) == 1 and text not in '\r\n"'
