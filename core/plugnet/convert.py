"""Any data set as a MATLAB file with the tutorial's four variables."""

from __future__ import annotations

import os
from typing import Any, cast

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataError, counted, listed
from plugnet.files.atomic import replacing
from plugnet.interfaces import Batch, DataSplits
from plugnet.schema import Label

#: Classes, and numbers from the smallest class to the largest, that one-hot rows may have.
_MOST_CLASSES = 10_000
#: Bytes that a variable may have in the format.
_MOST_BYTES = 2**32


def write_mat(samples: DataSplits, path: str | os.PathLike[str]) -> None:
    """Write ``samples`` as a compressed level-5 file, wholly or not at all.

    train_data and test_data are ``(N, features)``, every sample flattened in C order; train_label
    and test_label are one-hot ``(N, K)`` float32 with a column for each class, see
    `columns_of_labels`, or the real targets as they are.

    Raises:
        DataError: an array is too large for the format (4 GiB), the labels are not those of
            classes, or there are weights or missing values, which such a file cannot hold.
        OSError: the file cannot be written.
    """
    from scipy.io import savemat
    from scipy.io.matlab import MatWriteError

    train, test = _read(samples.train), samples.test
    classes = columns_of_labels(samples)
    _check(train)
    if test is None:
        test = Batch(train.x[:0], train.y[:0])
    else:
        test = _read(test)
        _check(test)
    variables = {
        "train_data": _rows(train.x),
        "train_label": _one_hot(train.y, classes) if classes else train.y,
        "test_data": _rows(test.x),
        "test_label": _one_hot(test.y, classes) if classes else test.y,
    }
    with replacing(path) as file:
        try:
            savemat(cast(Any, file), variables, do_compression=True)
        except MatWriteError as error:
            raise DataError(f"MATLAB's format cannot hold the data: {error}.", row=None) from error


def columns_of_labels(samples: DataSplits) -> tuple[Label, ...]:
    """Return the classes that the columns of one-hot labels stand for; () for real targets.

    They are those of the data set, or else the class ids to the largest of both parts, at least
    two.

    Raises:
        DataError: they are too many, so far apart that they are hardly classes, or one only.
    """
    if samples.train.y.ndim == 2:
        return ()
    parts = [part.y for part in (samples.train, samples.test) if part is not None]
    numbers = [each for each in samples.classes if isinstance(each, int)]
    numbers = numbers or [0, *(int(y.max()) for y in parts if y.dtype.kind in "iu" and len(y))]
    smallest, largest = min(numbers), max(numbers)
    if largest - smallest >= _MOST_CLASSES or len(samples.classes) > _MOST_CLASSES:
        raise DataError(
            f"One-hot labels may have up to {_MOST_CLASSES} columns, but the labels reach from "
            f"{smallest} to {largest}, of {len(samples.classes)} classes. Check that they are "
            "class ids, and not in another byte order.",
            row=None,
        )
    if len(samples.classes) == 1:
        raise DataError("One-hot labels need two classes or more, but there is one.", row=None)
    return samples.classes or tuple(range(max(largest, 1) + 1))


def _read(part: Batch) -> Batch:
    """Return samples that may be a `plugnet.data.LazyArray` as an array."""
    return part._replace(x=part.x[:])


def _check(part: Batch) -> None:
    """Check that the format can hold samples."""
    if part.weights is not None:
        raise DataError("The tutorial's file has no place for weights. Leave them out.", row=None)
    missing = np.isnan(part.x).reshape(len(part.x), -1).any(axis=1)
    if missing.any():
        row = int(np.argmax(missing))
        raise DataError(
            f"The tutorial's file must have no missing values, but row {row} has one. Fill it, or "
            "drop the row.",
            row=row,
        )


def _one_hot(labels: Array, classes: tuple[Label, ...]) -> Array:
    """Return ``(N, K)`` rows for ``(N,)`` labels."""
    needed = len(labels) * len(classes) * 4
    if needed > _MOST_BYTES:
        raise DataError(
            f"MATLAB's format holds up to 4 GiB per variable, but one-hot labels of {len(labels)} "
            f"samples and {counted(len(classes), 'class', 'classes')} take {needed} bytes.",
            row=None,
        )
    names = np.array(classes)
    order = np.argsort(names)
    places = np.searchsorted(names[order], labels).clip(max=len(classes) - 1)
    columns = order[places]
    unknown = names[columns] != labels
    if unknown.any():
        row = int(np.argmax(unknown))
        raise DataError(
            f"Labels must be among the classes, {listed(classes)}, but row {row} is "
            f"{labels[row].item()!r}. Correct it, or name its class.",
            row=row,
        )
    rows = np.zeros((len(labels), len(classes)), np.float32)
    rows[np.arange(len(labels)), columns] = 1
    return rows


def _rows(data: Array) -> Array:
    # (N, *shape) -> (N, features); N may be 0, so the features are counted, not inferred by -1
    return data.reshape(len(data), int(np.prod(data.shape[1:])))
