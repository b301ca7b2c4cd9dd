"""The tutorial's four variables, however a file holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from plugnet.arrays import Array
from plugnet.data import as_array, as_samples, read_labels, warn_one_class
from plugnet.errors import DataError, FileFormatError
from plugnet.interfaces import Samples

KEYS = ("train_data", "train_label", "test_data", "test_label")


def require_keys(found: Iterable[str], path: str) -> None:
    """Check that a file has the four variables.

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


def four_samples(
    arrays: Mapping[str, Array],
    labels: str = "auto",
    first_class: int | None = None,
    ten_means_zero: bool = False,
) -> Samples:
    """Return the four arrays as `Samples`: data by `as_samples`, labels by `read_labels`.

    The test part may have no rows.

    Raises:
        DataError: they break a rule, or the training and the test part do not fit together.
    """
    train = as_samples(arrays["train_data"], name="train_data")
    train_label = read_labels(
        arrays["train_label"], len(train), labels, first_class, ten_means_zero
    )
    warn_one_class(train_label)
    test = as_array(arrays["test_data"], "test_data")
    if test.ndim > 0 and len(test) == 0:
        return Samples(train, train_label, train[:0], train_label[:0])
    test = as_samples(test, name="test_data")
    test_label = read_labels(arrays["test_label"], len(test), labels, first_class, ten_means_zero)
    if train.shape[1:] != test.shape[1:]:
        raise _unlike("data", train, test)
    widths = _width(arrays["train_label"], len(train)), _width(arrays["test_label"], len(test))
    if train_label.ndim != test_label.ndim or (all(widths) and widths[0] != widths[1]):
        raise _unlike("label", arrays["train_label"], arrays["test_label"])
    return Samples(train, train_label, test, test_label)


def _width(labels: Array, rows: int) -> int:
    """Return K of ``(N, K)`` labels, one-hot for example, and 0 for one label per sample."""
    is_matrix = labels.ndim == 2 and len(labels) == rows and labels.shape[1] > 1
    return labels.shape[1] if is_matrix else 0


def _unlike(what: str, train: Array, test: Array) -> DataError:
    return DataError(
        f"The columns of train_{what} and test_{what} must mean the same, but the shapes are "
        f"{train.shape} and {test.shape}.",
        row=None,
    )
