"""A lazy array of what is in memory, which notes what is read of it."""

import numpy as np

from plugnet.arrays import Array
from plugnet.data import LazyArray


class Held(LazyArray):
    def __init__(self, array: Array) -> None:
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.most = 0  # rows that were read at once

    def read(self, rows: Array) -> Array:
        assert rows.dtype == np.intp
        assert rows.ndim == 1
        self.most = max(self.most, len(rows))
        return self.array[rows]
