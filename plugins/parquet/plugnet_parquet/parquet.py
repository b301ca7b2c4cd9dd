"""A table in Parquet files: one sample per row, its label in one of the columns."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arguments import file_path, integer, number
from plugnet.data import hold_out, take_rows
from plugnet.errors import ArgumentError, DataError, DataWarning, listed
from plugnet.files.budget import Budget, check_budget
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Schema
from plugnet_parquet.cells import listed_cells, matrix, numbers
from plugnet_parquet.checks import require_labels, require_numbers
from plugnet_parquet.parts import Table
from plugnet_parquet.roles import Choice, Roles, indices, match
from plugnet_parquet.samples import Samples, new_labels, read_samples

#: The rules for labels.
_RULES = ("auto", "class_ids", "targets")


@dataclass(eq=False)
class Parquet(Dataset):
    """Reads a table from a Parquet file, or from a folder with the files that are its parts.

    Columns are found by their names. Inputs are numbers; labels are numbers or text, which names
    classes. A cell is missing if it is null or NaN. The row numbers that pandas writes are left
    out. `cells` says what numbers are.

    Attributes:
        path: the file or folder to train on.
        test_path: that to test on, with the same columns. None: part of ``path`` is held out.
        test_fraction: how much is held out, from 0 to below 1, of each class alike.
        seed: of the draw.
        label: the column of labels; or a list of several columns of real targets. None: the only
            column named label, target or class, or y if none is named x, in capital or small
            letters; or else the last.
        drop: the columns to leave out, such as an id.
        weight: the column that says how much each sample counts, at least 0.
        labels: what labels are: "class_ids", "targets" (real values) or "auto", see
            `plugnet.data.labels`.
        missing: what to do with missing cells of inputs: "refuse"; "drop" the row; or fill them, in
            training and for new samples, with the "mean" of the column or with a number. A label
            or a weight is never filled: its row is refused or dropped.
        memory: up to how many bytes the inputs are kept in memory; more are read from the files
            whenever they are wanted, by groups of rows, of which two must fit into memory.
        budget: how many bytes the files may take in memory. None: 64 MiB or 100 times their size,
            whichever is larger, or what the environment variable PLUGNET_BUDGET says.
    """

    path: str
    test_path: str | None = None
    test_fraction: float = 0.2
    seed: int = 0
    label: str | Sequence[str] | None = None
    drop: str | Sequence[str] = ()
    weight: str | None = None
    labels: str = "auto"
    missing: str | float = "refuse"
    memory: int = 1 << 28
    budget: int | None = None

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        if self.test_path is not None:
            self.test_path = file_path("test_path", self.test_path)
        self.test_fraction = number("test_fraction", self.test_fraction, at_least=0, below=1)
        self.seed = integer("seed", self.seed, at_least=0)
        self.memory = integer("memory", self.memory, at_least=0)
        self.budget = check_budget(self.budget)
        self._require("labels", self.labels in _RULES, f"one of {', '.join(_RULES)}")
        if self.missing not in ("refuse", "drop", "mean"):
            fits = not isinstance(self.missing, str)
            self._require("missing", fits, "'refuse', 'drop', 'mean' or a number")
            self.missing = number("missing", self.missing)
        label, drop, weight = (self._columns(each) for each in ("label", "drop", "weight"))
        self._require("weight", len(weight) < 2, "a single column")
        several = len(label) > 1 and self.labels == "class_ids"
        self._require("labels", not several, "'targets' for several columns of labels")
        self._choice = Choice(label, drop, weight[0] if weight else None)

    def _columns(self, argument: str) -> tuple[str, ...]:
        """Return the columns that an argument names."""
        value = getattr(self, argument)
        columns = () if value is None else (value,) if isinstance(value, str) else value
        fits = isinstance(columns, Sequence) and all(isinstance(each, str) for each in columns)
        self._require(argument, fits, "names of columns")
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
        """Look at all rows; ``x`` is ``(N, D)``, an array or a `LazyArray`.

        It has the smallest dtype that holds all columns exactly, at most float64. A missing value
        that is to be filled is NaN.
        """
        table = Table.of(self.path)
        roles = self._choice.roles(table)
        samples = self._read(table, roles)
        values, classes = samples.learnt(self.labels)
        train, test = Batch(samples.x, values, samples.weights), None
        if self.test_path is not None:
            other = Table.of(self.test_path)
            needed = [*roles.targets, *([roles.weight] if roles.weight else [])]
            match(other, roles.inputs, needed, [*roles.others, *indices(other.names)])
            tested = self._read(other, roles)
            test = Batch(tested.x, tested.known(classes), tested.weights)
        elif len((parts := hold_out(train.y, self.test_fraction, self.seed))[1]):
            train, test = (take_rows(train, rows) for rows in parts)
        self._check_means(samples)
        return DataSplits(
            train,
            test,
            classes,
            columns=roles.inputs,
            targets=roles.targets,
            dropped=roles.others,
            missing=None if self.missing in ("refuse", "drop") else self.missing,
        )

    def rows(self, schema: Schema) -> Iterator[Rows]:
        """Yield the rows of ``path``, some thousands at a time.

        ``test_path`` and ``test_fraction`` do not matter, nor does ``missing``: a missing input is
        NaN. If the first rows have no label at all, the table has none.

        Raises:
            FileFormatError: the columns are not the model's, or are no numbers.
        """
        table = Table.of(self.path)
        roles = self._choice.roles_for(table, schema)
        require_numbers(table, roles.inputs)
        columns = list(dict.fromkeys([*roles.inputs, *roles.targets, *roles.others]))
        Budget(table.path, table.size, self.budget).check(8 * table.rows, "its row numbers")
        is_labelled: bool | None = None
        start = 0
        for file, _, batch in table.batches(columns):
            x = matrix(batch, roles.inputs, np.dtype(np.float64))
            named = zip(schema.columns, np.ascontiguousarray(x.T), strict=False)
            y = new_labels(batch, roles.targets, schema.kind == "class", is_labelled, file)
            is_labelled = y is not None
            others = {name: listed_cells(batch.column(name)) for name in roles.others}
            weights = numbers(batch.column(roles.weight)) if roles.weight else None
            counted = range(start, start := start + len(batch))
            yield Rows(dict(named) or x, y, counted, None, others, weights)

    def _read(self, table: Table, roles: Roles) -> Samples:
        """Look at all samples of a table, and warn of those left out."""
        weight = [] if roles.weight is None else [roles.weight]
        require_labels(table, roles.targets)
        require_numbers(table, [*roles.inputs, *weight], may_be_labels=not self._choice.label)
        samples = read_samples(table, roles, self.missing, self.memory, self.budget)
        if samples.left_out:
            warnings.warn(
                f"{samples.left_out} of {table.rows} rows of {table.path!r} left out because cells "
                "are missing.",
                DataWarning,
                stacklevel=3,
            )
        return samples

    def _check_means(self, samples: Samples) -> None:
        """Check that each column has a value to fill others with its mean."""
        if self.missing == "mean" and samples.empty:
            found = listed(samples.empty)
            raise DataError(
                f"{found} of {self.path!r} must have a value in the samples to train on, or there "
                f"is no mean. Leave these out, drop=[{found}], or fill them with a number, "
                "missing=0.",
                row=None,
            )
