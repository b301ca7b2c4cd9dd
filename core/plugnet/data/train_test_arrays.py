"""Data sets that are stored as arrays with names, in whatever format."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plugnet.arguments import file_path, integer, number
from plugnet.arrays import Array
from plugnet.data import (
    as_array,
    as_samples,
    as_weights,
    check_rule,
    hold_out,
    read_labels,
    take_rows,
)
from plugnet.data.array_memory import HELD_OUT, bytes_of_labels, bytes_of_samples
from plugnet.data.array_names import ArrayNames, check_keys
from plugnet.data.labels import Labels
from plugnet.data.lazy import LazyArray
from plugnet.data.mapped import mapped_file
from plugnet.data.stored_array import Stored
from plugnet.errors import DataError
from plugnet.files.budget import check_budget
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Schema

#: Bytes of samples that a model is asked about at a time.
_BLOCK = 1 << 26


@dataclass(eq=False)
class TrainTestArrays(Dataset):
    """A data set in named arrays; a subclass says how they are read.

    Attributes:
        path: the file or folder.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if absent ones count too.
        ten_means_zero: whether the class id 10 stands for the digit 0.
        keys: the arrays' names by their roles, x, y, weights, test_x, test_y and test_weights.
            None: they have common names, such as x and y; x_train, y_train, x_test and y_test; or
            train_data, train_label, test_data and test_label.
        test_fraction: how much is held out where there is no test part, from 0 to below 1; drawn
            at random by ``seed``, of each class its share.
        seed: of the draw.
        budget: how many bytes a file may take in memory, see `plugnet.files.budget`.
    """

    path: str
    labels: str = "auto"
    first_class: int | None = None
    ten_means_zero: bool = False
    keys: Mapping[str, str] | None = None
    test_fraction: float = 0.2
    seed: int = 0
    budget: int | None = None

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        check_rule(self.labels, self.first_class, self.ten_means_zero)
        self.keys = check_keys(self.keys)
        self.test_fraction = number("test_fraction", self.test_fraction, at_least=0, below=1)
        self.seed = integer("seed", self.seed, at_least=0)
        self.budget = check_budget(self.budget)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return none: it needs a file."""
        return []

    @abstractmethod
    def contents(self) -> Mapping[str, Stored]:
        """Return all arrays by their names, to be read one by one.

        Raises:
            FileFormatError: the file or folder cannot be read, or is of another format.
        """

    def load(self) -> DataSplits:
        """Read the arrays; data ``(N, *shape)``, float32 or a smaller type that they have.

        The test part may have no rows.
        """
        contents = self.contents()
        names = self._names(contents).labelled(self.keys)
        stored = {role: contents[name] for role, name in names.items()}
        x = _samples(stored["x"], names["x"])
        y = stored["y"].read()
        labels = self._labels(stored["y"], y, len(x), self.labels)
        train = Batch(x, labels.values, _weights(stored.get("weights"), len(x)))
        if "test_x" not in stored:
            return self._hold_out(train, labels, stored)
        if (shape := stored["test_x"].shape) and not shape[0]:
            return DataSplits(train, None, labels.classes)
        test_x = _samples(stored["test_x"], names["test_x"])
        if x.shape[1:] != test_x.shape[1:]:
            raise _unlike(names["x"], names["test_x"], x, test_x)
        test_y = stored["test_y"].read()
        columns, test_columns = y.size // len(x), test_y.size // len(test_x)
        rule = self.labels
        if rule == "auto" and columns == 1 == test_columns:  # few numbers may look otherwise
            rule = "class_ids" if labels.classes else "targets"
        test_labels = self._labels(stored["test_y"], test_y, len(test_x), rule)
        kinds = {(one.values.dtype.kind, one.values.shape[1:]) for one in (labels, test_labels)}
        if len(kinds) > 1 or (columns != test_columns and min(columns, test_columns) > 1):
            raise _unlike(names["y"], names["test_y"], y, test_y)
        weights = _weights(stored.get("test_weights"), len(test_x))
        classes: set[Any] = {*labels.classes, *test_labels.classes}
        return DataSplits(train, Batch(test_x, test_labels.values, weights), tuple(sorted(classes)))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        """Yield all samples, the training part first, with labels if the file has them for all."""
        contents = self.contents()
        names = self._names(contents).samples(self.keys)
        start = 0
        for part in ("", "test_"):
            if f"{part}x" not in names:
                continue
            name = names[f"{part}x"]
            stored = contents[name]
            x = stored.lazy() if stored.lazy else as_array(stored.read(), name)
            if x.ndim < 2:
                raise DataError(
                    f"{name} must have one row per sample, but its shape is {x.shape}.", row=None
                )
            y = None
            if f"{part}y" in names and len(x):
                stored = contents[names[f"{part}y"]]
                y = stored.read()
                rule = self._rule_for(schema, y.size == len(x))
                y = self._labels(stored, y, len(x), rule).values
            step = max(_BLOCK * len(x) // max(x.nbytes, 1), 1)
            for first in range(0, len(x), step):
                block = slice(first, min(first + step, len(x)))
                numbers = range(start + block.start, start + block.stop)
                yield Rows(x[block], None if y is None else y[block], numbers)
            start += len(x)
        if not start:
            raise DataError(f"{self.path!r} must hold at least one sample, but none is.", row=None)

    def _names(self, contents: Mapping[str, Stored]) -> ArrayNames:
        return ArrayNames(self.path, type(self).__name__.lower(), contents)

    def _labels(self, stored: Stored, labels: Array, rows: int, rule: str) -> Labels:
        stored.budget.spend(bytes_of_labels(labels.shape, labels.dtype), "its labels")
        return read_labels(labels, rows, rule, self.first_class, self.ten_means_zero)

    def _rule_for(self, schema: Schema, is_single: bool) -> str:
        """Return the rule for labels of new samples, one value each or several."""
        if self.labels != "auto":
            return self.labels
        if schema.kind == "real":
            return "targets"
        return "class_ids" if is_single else "auto"

    def _hold_out(self, samples: Batch, labels: Labels, stored: Mapping[str, Stored]) -> DataSplits:
        """Divide samples that have no test part."""
        if self.test_fraction and mapped_file(samples.x) is not None:
            raise DataError(
                f"{self.path!r} has no test part, and samples of a large memory map cannot be held "
                "out at random. Add a test part, or pass test_fraction=0 to train on all of them.",
                row=None,
            )
        stored["y"].budget.spend(HELD_OUT * len(samples.y), "holding out some samples")
        train, test = hold_out(samples.y, self.test_fraction, self.seed)
        if not len(test):
            return DataSplits(samples, None, labels.classes)
        if not isinstance(samples.x, LazyArray):
            stored["x"].budget.spend(samples.x.nbytes, "holding out some samples")
        return DataSplits(take_rows(samples, train), take_rows(samples, test), labels.classes)


def _samples(stored: Stored, name: str) -> Any:
    if stored.lazy:
        return stored.lazy()
    array = as_array(stored.read(), name)
    is_in_order = array.flags.c_contiguous and array.flags.aligned
    stored.budget.spend(bytes_of_samples(array.shape, array.dtype, is_in_order), name)
    return as_samples(array, name=name)


def _weights(stored: Stored | None, rows: int) -> Array | None:
    """Return weights as ``(N,)``; MATLAB's are ``(N, 1)`` or ``(1, N)``."""
    if stored is None:
        return None
    weights = stored.read()
    stored.budget.spend(8 * weights.size, "its weights")
    return as_weights(weights.reshape(-1) if weights.size == rows else weights, rows)


def _unlike(name: str, other_name: str, train: Array, test: Array) -> DataError:
    return DataError(
        f"{name} and {other_name} must mean the same, but their shapes are {train.shape} and "
        f"{test.shape}.",
        row=None,
    )
