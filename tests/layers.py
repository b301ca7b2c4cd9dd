"""Layers to make others of, and layers that are ready for samples."""

from typing import Any

import numpy as np

from plugnet import registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer


class Same(Layer):
    """y = x."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return dy


class OneAxis(Layer):
    """A layer for samples of one axis, which keeps their shape."""

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError("One axis, please.", expected=("features",), got=shape)
        return shape


def initialized(
    *arguments: Any, shape: Shape = (5,), dtype: str = "float64", seed: int = 1, **keywords: Any
) -> Layer:
    """Build a layer by its name and arguments, and initialize it for samples of a shape."""
    layer = registry.layers.build(*arguments, **keywords)
    layer.initialize(shape, np.random.default_rng(seed), np.dtype(dtype))
    return layer


def perturbed(*arguments: Any, **keywords: Any) -> Layer:
    """Initialize a layer and move all that is trained, so that no bias is left at zero."""
    layer = initialized(*arguments, **keywords)
    rng = np.random.default_rng(2)
    for parameter in layer.parameters().values():
        if parameter.trainable:
            parameter.value += rng.normal(0, 0.3, parameter.value.shape)
    return layer
