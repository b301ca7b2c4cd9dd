"""Dropout."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape
from plugnet.errors import CallOrderError, ShapeError
from plugnet.interfaces import Layer


class Dropout(Layer):
    """In training, y = x m / (1 - p), each m being 0 with probability p, else 1; otherwise y = x.

    Srivastava et al. 2014, section 4, with the division in training instead of a multiplication
    afterwards ("inverted dropout", as in Caffe's dropout_layer.cpp): the mean of y is x.

    Attributes:
        rng: the generator given to `initialize`, from which every training batch draws.
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
            p: the probability that a number is dropped, from 0 to 0.999999. It is kept to within
                2^-24, as the draws are multiples of that, too coarse for a p still nearer to 1.
            channels: whether whole feature maps are dropped, one draw per sample and channel
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
            ShapeError: whole channels are to be dropped, but there is no axis before them.
        """
        if self.channels and len(shape) < 2:
            raise ShapeError(
                "Dropout of whole channels takes samples of shape (height, width, channels), but "
                f"the shape is {shape}. Leave out channels=True to drop single numbers.",
                expected=("height", "width", "channels"),
                got=shape,
            )
        return shape

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Keep the generator."""
        self.rng = rng

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        shape = self._mask_shape(batch_shape)
        self._draws, self._buffer = np.empty(shape, np.float32), np.empty(shape, dtype)
        self._y, self._dx = np.empty(batch_shape, dtype), np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x outside training, else x with some numbers 0 and the others scaled up."""
        if not training or self.p == 0:
            return x
        self._mask = self._draw(self._mask_shape(x.shape), x.dtype)
        return np.multiply(x, self._mask, out=self._y)

    def backward(self, dy: Array) -> Array:
        """Return dx = dy m / (1 - p), with the m of the forward pass."""
        return dy if self.p == 0 else np.multiply(dy, self._mask, out=self._dx)

    def _draw(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return 0 with probability p, else 1 / (1 - p)."""
        if self.rng is None:
            raise CallOrderError(
                "This dropout layer has no generator yet: call initialize(shape, rng, dtype) "
                "before a training forward, or put the layer in a Network, which does it."
            )
        # In float32 for any dtype of x: cheaper, and the same mask for the same seed.
        draws = self.rng.random(shape, np.float32, out=self._draws)
        mask: Array = np.greater_equal(draws, self.p, out=self._buffer).astype(dtype, copy=False)
        mask *= 1 / (1 - self.p)
        return mask

    def _mask_shape(self, shape: Shape) -> Shape:
        return (shape[0], *(1,) * (len(shape) - 2), shape[-1]) if self.channels else shape
