"""The layer that scales samples to the order of 1."""

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

    As the first layer it lets a data set stay as it is, a byte per pixel: ``("rescale", 255)``
    brings pixels to [0, 1] batch by batch, and users of the model need not know how its samples
    were scaled. With a mean and a standard deviation it standardizes. (Keras, layers.Rescaling.)

    >>> import numpy as np
    >>> from plugnet import registry
    >>> registry.layers.build("rescale", 255).forward(np.array([[0.0, 51.0, 255.0]])).tolist()
    [[0.0, 0.2, 1.0]]
    """

    _y: Array | None = None
    _dx: Array | None = None

    def __init__(self, divisor: float, offset: float = 0.0) -> None:
        """Describe the layer.

        Args:
            divisor: the difference that becomes 1.
            offset: the number that becomes 0.

        Raises:
            ArgumentError: the divisor is 0, or a number is too large or small for float32.
        """
        self.divisor = number("divisor", divisor, at_least=-LARGEST, at_most=LARGEST)
        self.offset = number("offset", offset, at_least=-LARGEST, at_most=LARGEST)
        if abs(self.divisor) < 1 / LARGEST:
            raise ArgumentError(
                f"'divisor' must be the difference that becomes 1, such as 255 for pixels, but "
                f"{divisor!r} is too close to 0.",
                argument="divisor",
                value=divisor,
            )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"divisor": 4.0}, {"divisor": -0.5, "offset": 3.0}]

    def input_scale(self) -> float:
        """Return the magnitude of inputs whose outputs are at most 1."""
        return abs(self.divisor) + abs(self.offset)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y, self._dx = np.empty(batch_shape, dtype), np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        out = self._y if training else None
        if not self.offset:
            return np.divide(x, self.divisor, out=out)
        y = np.subtract(x, self.offset, out=out)
        y /= self.divisor
        return y

    def backward(self, dy: Array) -> Array:
        return np.divide(dy, self.divisor, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return one per number for the division, and one for an offset."""
        return math.prod(shape) * (2 if self.offset else 1)
