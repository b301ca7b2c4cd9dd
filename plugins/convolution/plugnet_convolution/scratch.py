"""Arrays for intermediate results."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape


class Scratch:
    """Arrays by name, made once and reused in later calls where they fit."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def array(self, name: str, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return an array with any values in it, valid until the next call with that name."""
        size = math.prod(shape)
        array = self._arrays.get(name)
        if array is None or array.size < size or array.dtype != dtype:
            array = self._arrays[name] = np.empty(size, dtype)
        # (size or more,) -> shape
        return array[:size].reshape(shape)

    def zeros(self, name: str, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return an array that is zero wherever nothing has been written to it."""
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self._arrays[name] = np.zeros(shape, dtype)
        return array
