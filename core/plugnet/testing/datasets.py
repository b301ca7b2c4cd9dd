"""Checks of data sets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Dataset, DataSplits
from plugnet.testing.comparison import identical
from plugnet.testing.report import fail, require
from plugnet.testing.target import Target, for_each


def _loaded(target: Target) -> Iterator[DataSplits]:
    return (dataset.load() for dataset in target.build_all())


def exercise(target: Target) -> list[Array]:
    """Load all arrays."""
    return [array for samples in _loaded(target) for array in _arrays(samples).values()]


@for_each(_loaded)
def check_samples(samples: DataSplits) -> None:
    """`load` returns `DataSplits` of arrays, with one label for each row of data."""
    require(isinstance(samples, DataSplits), f"load must return DataSplits, not {type(samples)}.")
    for name, array in _arrays(samples).items():
        require(isinstance(array, np.ndarray), f"{name} must be an array, not {type(array)}.")
    for part in ("train", "test"):
        data, label = (len(_arrays(samples)[f"{part}_{what}"]) for what in ("data", "label"))
        require(data == label, f"{part}_data has {data} rows, but {part}_label has {label}.")
    require(len(samples.train.x), "There must be at least one training sample.")


@for_each(_loaded)
def check_data(samples: DataSplits) -> None:
    """Data are finite numbers, and training and test samples have the same shape."""
    train, test = samples.train.x, samples.test.x
    for name, data in (("train_data", train), ("test_data", test)):
        require(data.dtype.kind in "biuf", f"{name} must be numbers, not {data.dtype}.")
        require(np.isfinite(data).all(), f"{name} must be finite, but has NaN or infinity.")
        require(data.ndim >= 2, f"{name} must be (N, ...), but its shape is {data.shape}.")
    require(
        train.shape[1:] == test.shape[1:],
        f"Samples must have one shape, not {train.shape[1:]} and {test.shape[1:]}.",
    )


@for_each(_loaded)
def check_labels(samples: DataSplits) -> None:
    """Labels are class ids from 0, which `classes` covers, or rows of finite numbers."""
    for name, label in (("train", samples.train.y), ("test", samples.test.y)):
        if label.ndim == 2:
            require(
                label.dtype.kind == "f" and np.isfinite(label).all(),
                f"Labels (N, K) must be finite real targets; {name}_label is {label.dtype}.",
            )
            continue
        if label.ndim != 1 or label.dtype.kind not in "iu":
            fail(
                f"{name}_label must be integer class ids (N,) or real targets (N, K), but it "
                f"has the shape {label.shape} and the dtype {label.dtype}."
            )
        if len(label):
            require(label.min() >= 0, f"Class ids start at 0, but {name}_label has negative ones.")
            require(
                not samples.classes or label.max() < len(samples.classes),
                f"{name}_label has the id {label.max()}, but classes has "
                f"{len(samples.classes)} names.",
            )


@for_each(Target.build_all)
def check_repeatable(dataset: Dataset) -> None:
    """Loading again gives equal arrays."""
    one, other = _arrays(dataset.load()), _arrays(dataset.load())
    for name, array in one.items():
        require(identical(array, other[name]), f"{name} differs when it is loaded again.")


def _arrays(samples: DataSplits) -> dict[str, Array]:
    names = ("train_data", "train_label", "test_data", "test_label")
    return {name: getattr(samples, name) for name in names}
