"""The layer that brings samples to the size in which a network learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet.interfaces import Layer

LARGEST = 1e30


class Rescale(Layer):
    """y = (x - offset) / divisor, the same for all numbers of a sample.

    As the first layer it lets a set stay as it comes, a byte for each pixel: ``("rescale", 255)``
    brings pixels to [0, 1] batch by batch, and whoever has the model need not know how its samples
    were scaled. With a mean and a standard deviation it standardizes. (Keras, layers.Rescaling.)
    """

    _y: Array | None = None
    _dx: Array | None = None

    def __init__(self, divisor: float, offset: float = 0.0) -> None:
        """Keep the two numbers; ``divisor`` is the difference that becomes 1.

        Raises:
            ArgumentError: the divisor is 0, or a number is beyond what float32 can compute with.
        """
        self.divisor = number("divisor", divisor, at_least=-LARGEST, at_most=LARGEST)
        self.offset = number("offset", offset, at_least=-LARGEST, at_most=LARGEST)
        if abs(self.divisor) < 1 / LARGEST:
            raise ArgumentError(
                f"divisor must be the difference that becomes 1, 255 for pixels, but {divisor!r} "
                "is too near to 0.",
                argument="divisor",
                value=divisor,
            )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"divisor": 4.0}, {"divisor": -0.5, "offset": 3.0}]

    def input_scale(self) -> float:
        """Return the largest magnitude that becomes one of at most 1."""
        return abs(self.divisor) + abs(self.offset)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y, self._dx = np.empty(batch_shape, dtype), np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return (x - offset) / divisor."""
        out = self._y if training else None
        if not self.offset:
            return np.divide(x, self.divisor, out=out)
        y = np.subtract(x, self.offset, out=out)
        y /= self.divisor
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy / divisor."""
        return np.divide(dy, self.divisor, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return one or two per number."""
        return math.prod(shape) * (2 if self.offset else 1)
