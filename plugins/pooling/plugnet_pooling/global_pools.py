"""Global pooling: a whole feature map becomes one number."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer


class GlobalPool(Layer):
    """What both kinds share: shapes, and the buffer for dx."""

    _shape: Shape
    _dx: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)`` for samples ``(height, width, channels)``, or with other axes.

        Raises:
            ShapeError: there is no axis before the channels.
        """
        if len(shape) < 2:
            raise ShapeError(
                "Global pooling takes samples of shape (height, width, channels), but shape "
                f"{shape} has nothing to pool over. Pool before flattening.",
                expected=("height", "width", "channels"),
                got=shape,
            )
        return shape[-1:]

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._dx = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._shape = x.shape
        return self.pool(_as_pixels(x), training)

    def backward(self, dy: Array) -> Array:
        dx = np.empty(self._shape, dy.dtype) if self._dx is None else self._dx
        self.write_gradient(dy, _as_pixels(dx))
        return dx

    def flops(self, shape: Shape) -> int:
        """Return one comparison or addition per number."""
        return math.prod(shape)

    @abstractmethod
    def pool(self, x: Array, training: bool) -> Array:
        """Return y, ``(N, channels)``, for x as ``(N, pixels, channels)``."""

    @abstractmethod
    def write_gradient(self, dy: Array, dx: Array) -> None:
        """Write dx as ``(N, pixels, channels)``."""


class GlobalMaxPool(GlobalPool):
    """y = the largest number of each channel.

    Of equal numbers the first in row-major order gets the gradient. A NaN makes its channel NaN.
    """

    _argmax: Array

    def pool(self, x: Array, training: bool) -> Array:
        argmax = x.argmax(axis=1, keepdims=True)  # twice as fast as max
        if training:
            self._argmax = argmax
        return np.take_along_axis(x, argmax, axis=1)[:, 0]

    def write_gradient(self, dy: Array, dx: Array) -> None:
        """Write dy at the largest number of each channel, else 0."""
        dx.fill(0)
        np.put_along_axis(dx, self._argmax, dy[:, np.newaxis], axis=1)


class GlobalAveragePool(GlobalPool):
    """y = the mean of each channel (Lin et al. 2014, "Network in network", section 3.2)."""

    _y: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        super().prepare(batch_shape, dtype)
        self._y = np.empty((batch_shape[0], batch_shape[-1]), dtype)

    def pool(self, x: Array, training: bool) -> Array:
        weights = np.full(x.shape[1], 1 / x.shape[1], x.dtype)
        y: Array = np.matmul(weights, x, out=self._y if training else None)  # faster than mean
        return y

    def write_gradient(self, dy: Array, dx: Array) -> None:
        """Write dy divided by the number of pixels, at each of them."""
        np.divide(dy[:, np.newaxis], dx.shape[1], out=dx)


def _as_pixels(x: Array) -> Array:
    # (N, ..., channels) -> (N, pixels, channels)
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])
