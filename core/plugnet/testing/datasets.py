"""Checks of data sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Schema
from plugnet.testing.comparison import identical
from plugnet.testing.report import fail, require
from plugnet.testing.target import Target, for_each


def _loaded(target: Target) -> Iterator[DataSplits]:
    return (dataset.load() for dataset in target.build_all())


def exercise(target: Target) -> list[Array]:
    """Load all arrays."""
    return [array for splits in _loaded(target) for array in _arrays(splits).values()]


@for_each(_loaded)
def check_samples(splits: DataSplits) -> None:
    """`load` returns `DataSplits` of batches of arrays, with one row per sample."""
    require(isinstance(splits, DataSplits), f"load must return DataSplits, not {type(splits)}.")
    for name, part in _parts(splits).items():
        require(isinstance(part, Batch), f"{name} must be a Batch, not {type(part)}.")
    for name, array in _arrays(splits).items():
        require(isinstance(array, np.ndarray), f"{name} must be an array, not {type(array)}.")
        rows = len(_parts(splits)[name.partition(".")[0]].x)
        require(len(array) == rows, f"{name} has {len(array)} rows for {rows} samples.")
    require(len(splits.train.x), "There must be at least one training sample.")
    if splits.test is not None:
        require(len(splits.test.x), "Without any sample to test on, test must be None.")


@for_each(_loaded)
def check_data(splits: DataSplits) -> None:
    """Samples are finite numbers of one shape; NaN stands for a value only if `missing` is set."""
    missing = splits.missing
    is_number = isinstance(missing, int | float) and bool(np.isfinite(missing))
    require(
        missing is None or missing == "mean" or is_number,
        f"missing must be 'mean', a finite number or None, not {missing!r}.",
    )
    for name, part in _parts(splits).items():
        x = part.x
        require(x.dtype.kind in "biuf", f"{name}.x must be numbers, not {x.dtype}.")
        require(x.ndim >= 2, f"{name}.x must be (N, ...), but its shape is {x.shape}.")
        require(not np.isinf(x).any(), f"{name}.x must be finite, but has an infinite value.")
        require(
            missing is not None or not np.isnan(x).any(),
            f"{name}.x has NaN. Say by missing what stands for it, or leave out those rows.",
        )
        shapes = splits.train.x.shape[1:], x.shape[1:]
        require(shapes[0] == shapes[1], f"Samples must have one shape, not {shapes}.")


@for_each(_loaded)
def check_labels(splits: DataSplits) -> None:
    """Labels are whole numbers or strings, all among `classes`, or finite real targets."""
    classes, first = splits.classes, splits.train.y
    require(
        len(set(classes)) == len(classes) and all(type(each) in (int, str) for each in classes),
        f"classes must be distinct, each an int or a str, but they are {classes}.",
    )
    for name, part in _parts(splits).items():
        y = part.y
        if y.ndim == 2:
            require(
                y.dtype.kind == "f" and bool(np.isfinite(y).all()),
                f"Labels (N, K) must be finite real targets; {name}.y is {y.dtype}.",
            )
            require(not classes, "Real targets have no classes, so classes must be ().")
        elif y.ndim != 1 or y.dtype.kind not in "iuU":
            fail(
                f"{name}.y must be whole numbers or strings (N,), or real targets (N, K), but it "
                f"has the shape {y.shape} and the dtype {y.dtype}."
            )
        else:
            _check_classes(name, y, classes)
        require(
            y.shape[1:] == first.shape[1:] and (y.dtype.kind == "U") == (first.dtype.kind == "U"),
            f"train.y and {name}.y must be alike, but the shapes are {first.shape} and {y.shape}, "
            f"the dtypes {first.dtype} and {y.dtype}.",
        )


def _check_classes(name: str, y: Array, classes: tuple[str | int, ...]) -> None:
    found = set(y.tolist())
    if classes:
        odd = sorted(found - set(classes))
        require(not odd, f"{name}.y has {odd}, but classes are {classes}.")
    else:
        require(y.dtype.kind != "U", f"{name}.y has strings, so classes must list them.")
        least = min(found, default=0)
        require(least >= 0, f"Without classes ids start at 0, but {name}.y has {least}.")


@for_each(_loaded)
def check_weights(splits: DataSplits) -> None:
    """Weights are finite numbers from 0, one per sample, or None."""
    for name, part in _parts(splits).items():
        weights = part.weights
        if weights is None:
            continue
        require(
            weights.ndim == 1 and weights.dtype.kind in "iuf",
            f"{name}.weights must be numbers (N,), but the shape is {weights.shape} and the dtype "
            f"{weights.dtype}.",
        )
        require(
            bool((np.isfinite(weights) & (weights >= 0)).all()),
            f"{name}.weights must be finite, at least 0.",
        )


@for_each(_loaded)
def check_columns(splits: DataSplits) -> None:
    """Names of columns are distinct, one for each feature and one for each target, or none."""
    x, y = splits.train.x, splits.train.y
    for name, columns, array in (("columns", splits.columns, x), ("targets", splits.targets, y)):
        width = int(np.prod(array.shape[1:]))
        require(
            len(columns) in (0, width),
            f"{name} has {len(columns)} names for {width} columns, {', '.join(columns)}.",
        )
    everything = (*splits.columns, *splits.targets, *splits.dropped)
    twice = sorted({name for name in everything if everything.count(name) > 1})
    require(not twice, f"Columns must have distinct names, but {twice} occur twice.")


@for_each(Target.build_all)
def check_rows(dataset: Dataset) -> None:
    """`rows` yields blocks of samples shaped as `load` gives them, numbered upwards from 0."""
    splits = dataset.load()
    schema = Schema(
        "real" if splits.train.y.ndim == 2 else "class",
        splits.classes,
        splits.columns,
        splits.targets,
        splits.dropped,
    )
    following = 0
    for rows in dataset.rows(schema):
        require(isinstance(rows, Rows), f"rows must yield Rows, not {type(rows)}.")
        lengths = {len(each) for each in _of_rows(rows)}
        require(
            lengths == {len(rows.numbers)},
            f"Rows must have as many of everything as numbers, {len(rows.numbers)}, not {lengths}.",
        )
        numbers = np.asarray(rows.numbers)
        require(
            bool((np.diff(numbers) > 0).all()) and (not len(numbers) or numbers[0] >= following),
            f"Row numbers must count upwards from block to block, but {numbers} comes after "
            f"{following - 1}.",
        )
        following = int(numbers[-1]) + 1 if len(numbers) else following
        if not isinstance(rows.x, Mapping):
            shapes = splits.train.x.shape[1:], rows.x.shape[1:]
            require(shapes[0] == shapes[1], f"rows and load give samples of shapes {shapes}.")
    require(following, "rows must yield at least one sample.")


def _of_rows(rows: Rows) -> Iterable[Array]:
    """Return what must have one value per row."""
    yield from rows.x.values() if isinstance(rows.x, Mapping) else (rows.x,)
    yield from (np.asarray(each) for each in rows.others.values())
    for each in (rows.y, rows.lines):
        if each is not None:
            yield np.asarray(each)


@for_each(Target.build_all)
def check_repeatable(dataset: Dataset) -> None:
    """Loading again gives equal arrays."""
    one, other = _arrays(dataset.load()), _arrays(dataset.load())
    require(one.keys() == other.keys(), "Loaded again, there are other arrays.")
    for name, array in one.items():
        require(identical(array, other[name]), f"{name} differs when it is loaded again.")


def _parts(splits: DataSplits) -> dict[str, Batch]:
    parts = {"train": splits.train, "test": splits.test}
    return {name: _in_memory(part) for name, part in parts.items() if part is not None}


def _in_memory(part: Batch) -> Batch:
    """Return samples that are read when they are wanted, a `LazyArray`, as an array."""
    x: Any = getattr(part, "x", None)
    return part._replace(x=x[:]) if hasattr(x, "telling") else part


def _arrays(splits: DataSplits) -> dict[str, Array]:
    """Return all arrays, called ``train.x`` and so on."""
    return {
        f"{name}.{field}": array
        for name, part in _parts(splits).items()
        for field, array in part._asdict().items()
        if array is not None
    }
