"""Samples that tell which row they are, so that their order can be read from the batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.source import from_samples
from plugnet.interfaces import Batch


def numbered(rows: int) -> tuple[Array, Array, Array]:
    """Return samples, labels and weights whose every value is the row's number."""
    labels = np.arange(rows)
    weights = labels.astype(np.float32)
    return np.repeat(weights[:, None], 3, axis=1), labels, weights


def loaded(
    numbers: tuple[Any, ...],
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    position: int = 0,
) -> Iterator[Batch]:
    return from_samples(Batch(*numbers), batch_size, shuffle, seed, position)


def pulled(batches: Iterator[Batch], count: int) -> list[list[int]]:
    """Return the numbers of the rows of the next batches, checking that all else goes with them."""
    return [rows_of(next(batches)) for _ in range(count)]


def rows_of(batch: Batch) -> list[int]:
    """Return the numbers of a batch's rows, checking that labels and weights belong to them."""
    assert batch.weights is not None
    assert batch.x[:, 0].tolist() == batch.x[:, 2].tolist() == batch.y.tolist()
    assert batch.weights.tolist() == batch.y.tolist()
    rows: list[int] = batch.y.tolist()
    return rows
