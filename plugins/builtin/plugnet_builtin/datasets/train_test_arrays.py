"""Data sets that are stored as the tutorial's four arrays, in whatever format."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.data import as_array, as_samples, check_rule, read_labels, warn_one_class
from plugnet.errors import DataError, FileFormatError
from plugnet.interfaces import Batch, Dataset, DataSplits

KEYS = ("train_data", "train_label", "test_data", "test_label")


@dataclass(eq=False)
class TrainTestArrays(Dataset):
    """A data set in four arrays; a subclass says how they are read.

    Attributes:
        path: the file or folder.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if the labels are class ids.
        ten_means_zero: whether the class id 10 stands for the digit 0.
    """

    path: str
    labels: str = "auto"
    first_class: int | None = None
    ten_means_zero: bool = False

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        check_rule(self.labels, self.first_class, self.ten_means_zero)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []

    @abstractmethod
    def read(self) -> Mapping[str, Array]:
        """Return the arrays by their names, `KEYS`.

        Raises:
            FileFormatError: an array is missing, or a file damaged or of another format.
        """

    def load(self) -> DataSplits:
        """Read the arrays; data ``(N, *shape)``, float32 or a smaller type that they have.

        The test part may have no rows.
        """
        arrays = self.read()
        train = as_samples(arrays["train_data"], name="train_data")
        train_label = self._labels(arrays["train_label"], len(train))
        warn_one_class(train_label)
        test = as_array(arrays["test_data"], "test_data")
        if test.ndim > 0 and len(test) == 0:
            return DataSplits(Batch(train, train_label))
        test = as_samples(test, name="test_data")
        test_label = self._labels(arrays["test_label"], len(test))
        if train.shape[1:] != test.shape[1:]:
            raise _unlike("data", train, test)
        columns = _columns(arrays["train_label"], train), _columns(arrays["test_label"], test)
        if train_label.ndim != test_label.ndim or (all(columns) and columns[0] != columns[1]):
            raise _unlike("label", arrays["train_label"], arrays["test_label"])
        return DataSplits(Batch(train, train_label), Batch(test, test_label))

    def _labels(self, labels: Array, rows: int) -> Array:
        return read_labels(labels, rows, self.labels, self.first_class, self.ten_means_zero)


def require_keys(found: Iterable[str], path: str) -> None:
    """Check that the four names are among those that are found.

    Raises:
        FileFormatError: one is missing; the message lists what is there.
    """
    names = sorted(found)
    missing = [key for key in KEYS if key not in names]
    if missing:
        hints = "".join(
            f" {name!r} should be spelled {name.lower()!r}."
            for name in names
            if name.lower() in missing
        )
        raise FileFormatError(
            f"{path!r} must hold {', '.join(KEYS)}; {', '.join(missing)} cannot be found, but "
            f"{', '.join(names) or 'nothing'} can.{hints}",
            path=path,
        )


def _columns(labels: Array, data: Array) -> int:
    """Return K if labels are ``(N, K)``, such as one-hot, and 0 if there is one per sample."""
    is_matrix = labels.ndim == 2 and len(labels) == len(data) and labels.shape[1] > 1
    return labels.shape[1] if is_matrix else 0


def _unlike(what: str, train: Array, test: Array) -> DataError:
    return DataError(
        f"The columns of train_{what} and test_{what} must mean the same, but the shapes are "
        f"{train.shape} and {test.shape}.",
        row=None,
    )
