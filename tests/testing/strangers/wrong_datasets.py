"""Data sets with one fault each. `FORMULA` names those that keep the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Schema


def samples(count: int = 60, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    return (rng.normal(size=(count, 4)) + y[:, np.newaxis]).astype(np.float32), y


def split(x: Array, y: Array, **more: Any) -> DataSplits:
    end = 2 * len(x) // 3
    return DataSplits(Batch(x[:end], y[:end]), Batch(x[end:], y[end:]), **more)


class Shuffles(Dataset):
    """Shuffles with a fresh generator: each call has another test part."""

    # pytorch/vision#192
    def load(self) -> DataSplits:
        x, y = samples()
        order = np.random.default_rng().permutation(len(x))
        return split(x[order], y[order], classes=(0, 1, 2))


class ShufflesApart(Dataset):
    """Shuffles samples and labels by two orders: the labels mean nothing."""

    # chuanyangjin/fast-DiT#4
    def load(self) -> DataSplits:
        x, y = samples()
        rng = np.random.default_rng(0)
        return split(rng.permutation(x), rng.permutation(y), classes=(0, 1, 2))


class RowsBackwards(Dataset):
    """Yields the test part first."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        splits = self.load()
        assert splits.test is not None
        x = np.concatenate([splits.test.x, splits.train.x])
        yield Rows(x, np.concatenate([splits.test.y, splits.train.y]), range(len(x)))


class RowsUnscaled(Dataset):
    """Scales in load only: a model is asked about numbers 255 times too large."""

    def load(self) -> DataSplits:
        return split(samples()[0] / 255, samples()[1], classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        yield Rows(x, y, range(len(x)))


class RowsCutShort(Dataset):
    """Leaves out the last rows, which fill no block."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        for start in range(0, len(x) - 15, 16):
            end = start + 16
            yield Rows(x[start:end], y[start:end], range(start, end))


class RowsInOneBuffer(Dataset):
    """Fills the same array for each block: whoever keeps a block has the last one."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        buffer = np.empty((20, 4), np.float32)
        for start in range(0, len(x), 20):
            buffer[...] = x[start : start + 20]
            yield Rows(buffer, y[start : start + 20], range(start, start + 20))


class NumbersRestart(Dataset):
    """Counts the rows of each block from 0."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        for start in range(0, len(x), 20):
            yield Rows(x[start : start + 20], y[start : start + 20], range(20))


class NumbersFromOne(Dataset):
    """Counts the rows from 1."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        yield Rows(x, y, range(1, len(x) + 1))


class RowsMisordered(Dataset):
    """Yields the labels in the order of their names, not of their rows."""

    # pytorch/vision#714
    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        yield Rows(x, np.sort(y), range(len(x)))


class TestLeaks(Dataset):
    """Trains on all samples, the test part included."""

    # marin-community/marin#2700
    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x, y), Batch(x[40:], y[40:]), classes=(0, 1, 2))


class TestedOnTraining(Dataset):
    """Tests on what it trains on."""

    def load(self) -> DataSplits:
        batch = Batch(*samples())
        return DataSplits(batch, batch, classes=(0, 1, 2))


class StatisticsLeak(Dataset):
    """Standardizes before it splits: the test part shapes the training part."""

    # udacity/deep-learning#143
    def load(self) -> DataSplits:
        x, y = samples()
        return split((x - x.mean(axis=0)) / x.std(axis=0), y, classes=(0, 1, 2))


class OrderOfASet(Dataset):
    """Takes the classes from a set of strings: another order in each process."""

    # modestyachts/ImageNetV2#10, keras-team/keras#14416
    def load(self) -> DataSplits:
        x, y = samples()
        names = np.array(["ant", "bee", "cat"])[y]
        return split(x, names, classes=tuple({str(name) for name in names}))


class UnknownClass(Dataset):
    """Names two classes, but its labels are of three."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1))


class TestClass(Dataset):
    """Names the classes of the training part; the test part has one more."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x[y < 2], y[y < 2]), Batch(x[y == 2], y[y == 2]), classes=(0, 1))


class ClassTwice(Dataset):
    """Names a class twice: ids after it are those of others."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 1, 2))


class TooFewLabels(Dataset):
    """Has one label fewer than samples."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x, y[:-1]), classes=(0, 1, 2))


class ObjectSamples(Dataset):
    """Samples of the dtype object, as a table with mixed columns gives."""

    def load(self) -> DataSplits:
        x, y = samples()
        return split(x.astype(object), y, classes=(0, 1, 2))


class MissingUnsaid(Dataset):
    """NaN in the samples, and no word of what stands for it."""

    def load(self) -> DataSplits:
        x, y = samples()
        x[3, 1] = np.nan
        return split(x, y, classes=(0, 1, 2))


class ReadsOnce(Dataset):
    """Reads from an iterator that it keeps: the second load has nothing."""

    def __init__(self) -> None:
        self._source = iter(zip(*samples(), strict=True))

    def load(self) -> DataSplits:
        read = list(self._source)
        x = np.array([row for row, _ in read], np.float32).reshape(len(read), -1)
        return split(x, np.array([label for _, label in read], int), classes=(0, 1, 2))


class ScalesTwice(Dataset):
    """Divides the array of its class in place: by 255 in each call."""

    _x: ClassVar[Array] = samples()[0] * 255

    def load(self) -> DataSplits:
        x = self._x
        x /= 255
        return split(x, samples()[1], classes=(0, 1, 2))


class HandsOutItsOwn(Dataset):
    """Hands out the array that it keeps: what a caller changes is in the next load."""

    _x: ClassVar[Array] = samples()[0]

    def load(self) -> DataSplits:
        return split(self._x, samples()[1], classes=(0, 1, 2))


class NegativeWeights(Dataset):
    """Weights below 0."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x, y, np.linspace(-1, 1, len(x))), classes=(0, 1, 2))


class SeedsTheGlobal(Dataset):
    """Seeds NumPy's global generator for its own ends."""

    def load(self) -> DataSplits:
        np.random.seed(0)  # noqa: NPY002
        x, y = samples()
        order = np.random.permutation(len(x))  # noqa: NPY002
        return split(x[order], y[order], classes=(0, 1, 2))


class GlobalOrder(Dataset):
    """Shuffles with NumPy's global generator."""

    def load(self) -> DataSplits:
        x, y = samples()
        order = np.random.permutation(len(x))  # noqa: NPY002
        return split(x[order], y[order], classes=(0, 1, 2))


class TooFewColumns(Dataset):
    """Names three columns of four."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2), columns=("a", "b", "c"))


class OtherShape(Dataset):
    """The test part has a column fewer, which was the label's."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x[:40], y[:40]), Batch(x[40:, :3], y[40:]), classes=(0, 1, 2))


class Empty(Dataset):
    """No samples to train on: its pattern of file names fits none."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x[:0], y[:0]), Batch(x, y), classes=(0, 1, 2))


class TestByItself(Dataset):
    """Rows of the test part come without their labels, although load has them."""

    def load(self) -> DataSplits:
        return split(*samples(), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, _ = samples()
        yield Rows(x[:40], samples()[1][:40], range(40))
        yield Rows(x[40:], None, range(40, 60))


#: Those that only the files could convict, and two of which the contract says nothing.
FORMULA = {"ShufflesApart", "StatisticsLeak", "RowsBackwards", "RowsInOneBuffer", "HandsOutItsOwn"}


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("Shuffles", Shuffles),
    ("ShufflesApart", ShufflesApart),
    ("RowsBackwards", RowsBackwards),
    ("RowsUnscaled", RowsUnscaled),
    ("RowsCutShort", RowsCutShort),
    ("RowsInOneBuffer", RowsInOneBuffer),
    ("NumbersRestart", NumbersRestart),
    ("NumbersFromOne", NumbersFromOne),
    ("RowsMisordered", RowsMisordered),
    ("TestLeaks", TestLeaks),
    ("TestedOnTraining", TestedOnTraining),
    ("StatisticsLeak", StatisticsLeak),
    ("OrderOfASet", OrderOfASet),
    ("UnknownClass", UnknownClass),
    ("TestClass", TestClass),
    ("ClassTwice", ClassTwice),
    ("TooFewLabels", TooFewLabels),
    ("ObjectSamples", ObjectSamples),
    ("MissingUnsaid", MissingUnsaid),
    ("ReadsOnce", ReadsOnce),
    ("ScalesTwice", ScalesTwice),
    ("HandsOutItsOwn", HandsOutItsOwn),
    ("NegativeWeights", NegativeWeights),
    ("SeedsTheGlobal", SeedsTheGlobal),
    ("GlobalOrder", GlobalOrder),
    ("TooFewColumns", TooFewColumns),
    ("OtherShape", OtherShape),
    ("Empty", Empty),
    ("TestByItself", TestByItself),
]
