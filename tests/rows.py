"""Samples that tell which row they are, so that their order can be read from the batches."""

from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.training.data import Data


def numbered(rows: int) -> tuple[Array, Array, Array]:
    """Return samples, labels and weights whose every value is the row's number."""
    labels = np.arange(rows)
    weights = labels.astype(np.float32)
    return np.repeat(weights[:, None], 3, axis=1), labels, weights


def loaded(numbers: tuple[Any, ...], batch_size: int, **options: Any) -> Data:
    data = Data(batch_size, **options)
    data.get_data(*numbers)
    return data


def pulled(data: Data, batches: int) -> list[list[int]]:
    """Return the numbers of the rows of the next batches, checking that all else goes with them."""
    found = []
    for _ in range(batches):
        x, y, weights = data.pull_batch()
        assert weights is not None
        assert x[:, 0].tolist() == x[:, 2].tolist() == y.tolist() == weights.tolist()
        found.append(y.tolist())
    return found
