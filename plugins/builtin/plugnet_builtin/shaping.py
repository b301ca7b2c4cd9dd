"""Layers that only change the shape: flatten and reshape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from plugnet.arguments import integer
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Layer


class Flatten(Layer):
    """Flattens samples of any shape to ``(N, features)``, in C order."""

    _shape: Shape

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(features,)``, the product of ``shape``."""
        return (math.prod(shape),)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))  # (N, *shape) -> (N, features)

    def backward(self, dy: Array) -> Array:
        return dy.reshape(self._shape)  # (N, features) -> (N, *shape)


class Reshape(Layer):
    """Gives samples another shape of the same size, in C order.

    >>> from plugnet import registry
    >>> registry.layers.build("reshape", [28, 28, 1]).output_shape((784,))
    (28, 28, 1)
    """

    _shape: Shape

    def __init__(self, shape: Sequence[int]) -> None:
        """Describe the layer.

        Args:
            shape: the new shape of one sample, such as ``(28, 28, 1)``.

        Raises:
            ArgumentError: it is not a list of positive integers.
        """
        if isinstance(shape, str) or not isinstance(shape, Sequence) or not shape:
            raise ArgumentError(
                f"'shape' must be a list of sizes, such as [28, 28, 1], but it is {shape!r}.",
                argument="shape",
                value=shape,
            )
        self.shape = tuple(integer("shape", size, at_least=1) for size in shape)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"shape": [3, 2]}, {"shape": [6, 10]}]

    def output_shape(self, shape: Shape) -> Shape:
        """Return the new shape.

        Raises:
            ShapeError: the sizes differ.
        """
        if math.prod(shape) != math.prod(self.shape):
            raise ShapeError(
                f"Shape {shape} has {math.prod(shape)} numbers per sample, but the new shape "
                f"{self.shape} has {math.prod(self.shape)}. Reshape to one of the same size.",
                expected=math.prod(self.shape),
                got=shape,
            )
        return self.shape

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._shape = x.shape
        return x.reshape(len(x), *self.shape)  # (N, *shape) -> (N, *self.shape)

    def backward(self, dy: Array) -> Array:
        return dy.reshape(self._shape)  # (N, *self.shape) -> (N, *shape)
