"""Global pooling: a whole feature map becomes one number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer


class GlobalMaxPool(Layer):
    """y = the largest number of each channel.

    Of equals the first in row-major order gets the gradient. A NaN makes its channel NaN.
    """

    _shape: Shape
    _winner: Array
    _dx: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)`` for samples ``(height, width, channels)``, or of other axes.

        Raises:
            ShapeError: there is no axis before the channels.
        """
        return _channels(shape)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._dx = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the maxima, ``(N, channels)``."""
        pixels = _as_pixels(x)
        winner = pixels.argmax(axis=1, keepdims=True)  # twice as fast as max
        if training:
            self._shape, self._winner = x.shape, winner
        return np.take_along_axis(pixels, winner, axis=1)[:, 0]

    def backward(self, dy: Array) -> Array:
        """Return dx: dy at the winner of each channel, else 0."""
        dx = np.empty(self._shape, dy.dtype) if self._dx is None else self._dx
        dx.fill(0)
        np.put_along_axis(_as_pixels(dx), self._winner, dy[:, np.newaxis], axis=1)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return one comparison per number."""
        return math.prod(shape)


class GlobalAveragePool(Layer):
    """y = the mean of each channel (Lin et al. 2014, "Network in network", section 3.2)."""

    _shape: Shape
    _y: Array | None = None
    _dx: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)`` for samples ``(height, width, channels)``, or of other axes.

        Raises:
            ShapeError: there is no axis before the channels.
        """
        return _channels(shape)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty((batch_shape[0], batch_shape[-1]), dtype)
        self._dx = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the means, ``(N, channels)``."""
        if training:
            self._shape = x.shape
        pixels = _as_pixels(x)
        weights = np.full(pixels.shape[1], 1 / pixels.shape[1], x.dtype)
        y: Array = np.matmul(weights, pixels, out=self._y if training else None)  # faster than mean
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx: dy divided by the number of pixels, at each of them."""
        dx = np.empty(self._shape, dy.dtype) if self._dx is None else self._dx
        pixels = _as_pixels(dx)
        np.divide(dy[:, np.newaxis], pixels.shape[1], out=pixels)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return one addition per number."""
        return math.prod(shape)


def _channels(shape: Shape) -> Shape:
    if len(shape) < 2:
        raise ShapeError(
            "Global pooling takes samples of shape (height, width, channels), but shape "
            f"{shape} has nothing to pool over. Pool before flattening.",
            expected=("height", "width", "channels"),
            got=shape,
        )
    return shape[-1:]


def _as_pixels(x: Array) -> Array:
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])  # -> (N, pixels, channels)
