"""A table as text: one sample per line, its label in one of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arguments import file_path, flag, integer, number
from plugnet.arrays import Array
from plugnet.data import as_samples, check_rule, read_labels, warn_one_class
from plugnet.errors import ArgumentError, DataError, FileFormatError
from plugnet.interfaces import Batch, Dataset, DataSplits
from plugnet_builtin.datasets.csv_file import Table, is_number, read_table


@dataclass(eq=False)
class Csv(Dataset):
    """Reads samples from text files with comma-separated values, in UTF-8.

    If the first label of the training file is a number, all must be, and `plugnet.data.labels` says
    what they mean. Otherwise labels are names, and class ids count them in sorted order. The
    samples' numbers are taken as they are, so they should be scaled already.

    Attributes:
        path: the file to train on.
        test_path: the file to test on, in the same columns. None: part of ``path`` is held out.
        test_fraction: how much is held out, from 0 to below 1; drawn at random by ``seed``.
        seed: of the draw.
        label_column: the labels' column: its name in the header, or its index from 0; -1 is the
            last.
        header: whether the first line names the columns. None: it does if ``label_column`` is a
            name, or if none of its other values is a number.
        delimiter: the character between two values.
        labels: the rule for labels that are numbers; "targets" demands numbers.
        first_class: the smallest class id, if the labels are class ids.
    """

    path: str
    test_path: str | None = None
    test_fraction: float = 0.2
    seed: int = 0
    label_column: int | str = -1
    header: bool | None = None
    delimiter: str = ","
    labels: str = "auto"
    first_class: int | None = None

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        if self.test_path is not None:
            self.test_path = file_path("test_path", self.test_path)
        check_rule(self.labels, self.first_class, False)
        self.test_fraction = number("test_fraction", self.test_fraction, at_least=0, below=1)
        self.seed = integer("seed", self.seed, at_least=0)
        if self.header is not None:
            flag("header", self.header)
        if isinstance(self.label_column, str):
            self._require("header", self.header is not False, "True if label_column is a name")
        else:
            self.label_column = integer("label_column", self.label_column)
        self._require("delimiter", _is_delimiter(self.delimiter), "a single character")
        rule = "another rule, because there is one column of labels"
        self._require("labels", self.labels != "one_hot", rule)

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
        """Read the file or the two files; data ``(N, columns - 1)`` float32."""
        train = self._table(self.path)
        data = as_samples(train.numbers, name=self.path)
        classes = self._classes(train)
        label = self._labels(train, classes)
        warn_one_class(label)
        if self.test_path is None:
            return self._hold_out(data, label, classes)
        test = self._table(self.test_path)
        test_data = as_samples(test.numbers, name=self.test_path)
        if data.shape[1] != test_data.shape[1]:
            raise DataError(
                f"Both files must have the same columns, but {self.path!r} has {data.shape[1]} "
                f"besides the labels and {self.test_path!r} has {test_data.shape[1]}.",
                row=None,
            )
        return DataSplits(
            Batch(data, label), Batch(test_data, self._labels(test, classes)), classes
        )

    def _table(self, path: str) -> Table:
        return read_table(path, self.label_column, self.header, self.delimiter)

    def _classes(self, train: Table) -> tuple[str, ...]:
        """Return the classes' names, or () if the labels are numbers."""
        if self.labels == "targets" or is_number(train.labels[0]):
            return ()
        return tuple(sorted(set(train.labels)))

    def _labels(self, table: Table, classes: tuple[str, ...]) -> Array:
        """Return class ids or targets; ``classes`` is () if the labels are numbers."""
        ids = {name: id_ for id_, name in enumerate(classes)}
        numbers = np.empty(len(table.labels))
        for row, label in enumerate(table.labels):
            try:
                numbers[row] = ids[label] if classes else float(label)
            except (KeyError, ValueError):
                known = f"one of {', '.join(classes)}" if classes else "a number, as the first is"
                line = table.lines[row]
                raise FileFormatError(
                    f"The label in line {line} of {table.path!r} must be {known}, not {label!r}.",
                    path=table.path,
                    line=line,
                ) from None
        first_class = 0 if classes else self.first_class
        return read_labels(numbers, len(numbers), self.labels, first_class)

    def _hold_out(self, data: Array, label: Array, classes: tuple[str, ...]) -> DataSplits:
        """Split at random; both parts stay in the file's order."""
        held_out = round(len(data) * self.test_fraction)
        if held_out == len(data):
            raise DataError(
                f"{self.path!r} has {len(data)} samples, and test_fraction={self.test_fraction} "
                "leaves none of them to train on.",
                row=None,
            )
        order = np.random.default_rng(self.seed).permutation(len(data))
        test, train = np.sort(order[:held_out]), np.sort(order[held_out:])
        return DataSplits(
            Batch(data[train], label[train]),
            Batch(data[test], label[test]) if held_out else None,
            classes,
        )


def _is_delimiter(text: object) -> bool:
    return isinstance(text, str) and len(text) == 1 and text not in '\r\n"'
