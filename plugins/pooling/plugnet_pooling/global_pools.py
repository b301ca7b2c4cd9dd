"""Global pooling: a whole feature map becomes one number."""

from __future__ import annotations

import math

import numpy as np

from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer


class GlobalMaxPool(Layer):
    """y = the largest number of each channel.

    Of equals the first in row-major order gets the gradient. A NaN makes its channel NaN.
    """

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._winner: Array | None = None
        self._dx: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)`` for samples ``(height, width, channels)``, or of other axes.

        Raises:
            ShapeError: there is no axis before the channels.
        """
        return _channels(shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the maxima, ``(N, channels)``."""
        pixels = _as_pixels(x)
        winner = pixels.argmax(axis=1, keepdims=True)  # twice as fast as max
        if training:
            self._shape, self._winner = x.shape, winner
        return np.take_along_axis(pixels, winner, axis=1)[:, 0]

    def backward(self, dy: Array) -> Array:
        """Return dx: dy at the winner of each channel, else 0."""
        dx = self._dx = reuse(self._dx, dy, self.kept(self._shape))
        dx.fill(0)
        np.put_along_axis(_as_pixels(dx), self.kept(self._winner), dy[:, np.newaxis], axis=1)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return one comparison per number."""
        return math.prod(shape)


class GlobalAveragePool(Layer):
    """y = the mean of each channel (Lin et al. 2014, "Network in network", section 3.2)."""

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._dx: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)`` for samples ``(height, width, channels)``, or of other axes.

        Raises:
            ShapeError: there is no axis before the channels.
        """
        return _channels(shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the means, ``(N, channels)``."""
        if training:
            self._shape = x.shape
        pixels = _as_pixels(x)
        weights = np.full_like(x, 1 / pixels.shape[1], shape=pixels.shape[1:2])
        y: Array = np.matmul(weights, pixels)  # much faster than mean
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx: dy divided by the number of pixels, at each of them."""
        dx = self._dx = reuse(self._dx, dy, self.kept(self._shape))
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
