"""Arrays to compute in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape


class Scratch:
    """Arrays for what nobody reads later, by name: made once, then used again where they fit."""

    def __init__(self) -> None:
        self._held: dict[str, Array] = {}

    def array(self, name: str, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return an array that holds anything, until the next call with that name."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.size < size or held.dtype != dtype:
            held = self._held[name] = np.empty(size, dtype)
        return held[:size].reshape(shape)

    def margined(self, name: str, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return an array that is zero wherever nothing has been written to it."""
        held = self._held.get(name)
        if held is None or held.shape != shape or held.dtype != dtype:
            held = self._held[name] = np.zeros(shape, dtype)
        return held
