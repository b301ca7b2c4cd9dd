"""Dropout."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape
from plugnet.errors import CallOrderError, ShapeError
from plugnet.interfaces import Layer


class Dropout(Layer):
    """In training y = x m / (1 - p), where each m is 0 with probability p, else 1; otherwise y = x.

    Srivastava et al. 2014, section 4, with a division in training instead of a multiplication
    afterwards ("inverted dropout", as in Caffe's dropout_layer.cpp): the mean of y is x.

    Attributes:
        rng: the generator given to `initialize`; every training batch draws from it.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("dropout", 0.5)
    >>> layer.initialize((6,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.ones((1, 6)), training=True).tolist()
    [[2.0, 2.0, 2.0, 0.0, 0.0, 0.0]]
    """

    differs_in_training: ClassVar[bool] = True

    _mask: Array  # m / (1 - p)
    _draws: Array | None = None
    _buffer: Array | None = None
    _y: Array | None = None
    _dx: Array | None = None

    def __init__(self, p: float = 0.5, channels: bool = False) -> None:
        """Describe the layer.

        Args:
            p: the probability that a number is dropped, from 0 to 0.999999. It holds to within
                2^-24, because draws are multiples of that: too coarse for a p even closer to 1.
            channels: whether whole feature maps are dropped, with one draw per sample and channel
                (Tompson et al. 2015; PyTorch's Dropout2d), instead of single numbers.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.p = number("p", p, at_least=0, at_most=0.999999)
        self.channels = flag("channels", channels)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"p": 0.2, "channels": True}]

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape.

        Raises:
            ShapeError: whole channels are dropped, but samples have no axis before the channels.
        """
        if self.channels and len(shape) < 2:
            raise ShapeError(
                "To drop whole channels, samples must have a shape such as (height, width, "
                f"channels), but it is {shape}. Leave out channels=True to drop single numbers.",
                expected=("height", "width", "channels"),
                got=shape,
            )
        return shape

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.rng = rng

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        shape = self._mask_shape(batch_shape)
        self._draws, self._buffer = np.empty(shape, np.float32), np.empty(shape, dtype)
        self._y, self._dx = np.empty(batch_shape, dtype), np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training or self.p == 0:
            return x
        self._mask = self._draw(self._mask_shape(x.shape), x.dtype)
        return np.multiply(x, self._mask, out=self._y)

    def backward(self, dy: Array) -> Array:
        """Return dx = dy m / (1 - p), with m from the forward pass."""
        return dy if self.p == 0 else np.multiply(dy, self._mask, out=self._dx)

    def _draw(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return 0 with probability p, else 1 / (1 - p)."""
        if self.rng is None:
            raise CallOrderError(
                "Dropout has no generator yet. Call initialize before a training forward, or use "
                "the layer in a Network, which does so."
            )
        # In float32 for any dtype of x: faster, and one seed gives one mask.
        draws = self.rng.random(shape, np.float32, out=self._draws)
        mask: Array = np.greater_equal(draws, self.p, out=self._buffer).astype(dtype, copy=False)
        mask *= 1 / (1 - self.p)
        return mask

    def _mask_shape(self, shape: Shape) -> Shape:
        return (shape[0], *(1,) * (len(shape) - 2), shape[-1]) if self.channels else shape
