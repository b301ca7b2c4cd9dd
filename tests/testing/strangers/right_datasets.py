"""Data sets that are right, however odd they look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Schema


def samples(count: int = 60) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    return (rng.normal(size=(count, 4)) + y[:, np.newaxis]).astype(np.float32), y


class NoLabelsForRows(Dataset):
    """Rows have no labels, as a file that is to be answered has none."""

    def load(self) -> DataSplits:
        return DataSplits(Batch(*samples()), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, _ = samples()
        yield Rows(x, None, range(len(x)))


class Blocks(Dataset):
    """Rows come in blocks of different lengths, from a generator."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x[:40], y[:40]), Batch(x[40:], y[40:]), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        for start, end in ((0, 1), (1, 7), (7, 59), (59, 60)):
            yield Rows(x[start:end], y[start:end], range(start, end))


class Seeded(Dataset):
    """Shuffles, but always in the same order."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def load(self) -> DataSplits:
        x, y = samples()
        order = np.random.default_rng(self.seed).permutation(len(x))
        x, y = x[order], y[order]
        return DataSplits(Batch(x[:40], y[:40]), Batch(x[40:], y[40:]), classes=(0, 1, 2))


class Words(Dataset):
    """Labels are words, in an order that is not the alphabet's, one of which is never used."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(
            Batch(x, np.array(["low", "mid", "high"])[y]), classes=("low", "mid", "high", "top")
        )


class Real(Dataset):
    """Two real targets: there are no classes."""

    def load(self) -> DataSplits:
        x, _ = samples()
        return DataSplits(Batch(x, np.stack([x.sum(1), x[:, 0]], axis=1)), columns=tuple("abcd"))


class Repeats(Dataset):
    """The same sample many times in both parts, as of coin tosses: no leak."""

    def load(self) -> DataSplits:
        x = np.array([[0.0, 1.0], [1.0, 0.0]] * 20, np.float32)
        y = np.array([0, 1] * 20)
        return DataSplits(Batch(x[:30], y[:30]), Batch(x[30:], y[30:]), classes=(0, 1))


class Bytes(Dataset):
    """Pictures of bytes, for a network that begins with a layer that scales them."""

    def load(self) -> DataSplits:
        x = np.random.default_rng(0).integers(0, 256, (30, 5, 5, 1)).astype(np.uint8)
        return DataSplits(Batch(x, np.arange(30) % 2), classes=(0, 1))


class Missing(Dataset):
    """NaN, and it says that the mean stands for it."""

    def load(self) -> DataSplits:
        x, y = samples()
        x[3, 1] = np.nan
        return DataSplits(Batch(x, y), classes=(0, 1, 2), missing="mean")


class Weighed(Dataset):
    """Some samples of weight 0: they are there, but do not count."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x, y, (np.arange(60) % 5 > 0).astype(float)), classes=(0, 1, 2))


class NeedsAPath(Dataset):
    """Reads a file: no arguments work everywhere, so there are no examples."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []

    def load(self) -> DataSplits:
        x = np.load(self.path)
        return DataSplits(Batch(x, np.arange(len(x)) % 2), classes=(0, 1))


class RowsByColumn(Dataset):
    """Rows come as a mapping from names to arrays, with line numbers and an id."""

    def load(self) -> DataSplits:
        return DataSplits(
            Batch(*samples()), classes=(0, 1, 2), columns=tuple("abcd"), dropped=("id",)
        )

    def rows(self, schema: Schema) -> Iterator[Rows]:
        x, y = samples()
        columns = {name: x[:, number] for number, name in enumerate("abcd")}
        others = {"id": [f"no {number}" for number in range(60)]}
        yield Rows(columns, y, range(60), lines=range(2, 62), others=others)


class ReadOnly(Dataset):
    """Hands out the same arrays each time, which nobody can write to."""

    def load(self) -> DataSplits:
        x, y = samples()
        x.flags.writeable = y.flags.writeable = False
        return DataSplits(Batch(x, y), classes=(0, 1, 2))


class OneSample(Dataset):
    """One sample of one class."""

    def load(self) -> DataSplits:
        return DataSplits(Batch(np.zeros((1, 4), np.float32), np.array([0])), classes=())


class MoreRows(Dataset):
    """The file holds rows without a label, which load leaves out and rows does not."""

    def load(self) -> DataSplits:
        x, y = samples()
        return DataSplits(Batch(x[:50], y[:50]), classes=(0, 1, 2))

    def rows(self, schema: Schema) -> Iterator[Rows]:
        yield Rows(samples()[0], None, range(60))


def needs_a_path() -> Dataset:
    """Write the file into the working directory, and return what reads it."""
    np.save("samples.npy", samples()[0])
    return NeedsAPath("samples.npy")


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("NoLabelsForRows", NoLabelsForRows),
    ("Blocks", Blocks),
    ("Seeded", Seeded),
    ("Words", Words),
    ("Real", Real),
    ("Repeats", Repeats),
    ("Bytes", Bytes),
    ("Missing", Missing),
    ("Weighed", Weighed),
    ("NeedsAPath", needs_a_path),
    ("RowsByColumn", RowsByColumn),
    ("ReadOnly", ReadOnly),
    ("OneSample", OneSample),
    ("MoreRows", MoreRows),
]
