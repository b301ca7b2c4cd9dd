"""Batch normalization."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ShapeError
from plugnet.parameter import Parameter, Statistic
from plugnet_normalization.normalization import Normalization


class BatchNorm(Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for every feature.

    A feature is an entry of the last axis: a number of flat samples, a channel of images. In
    training, mean and variance are those of the batch, over all axes but the last (Ioffe and
    Szegedy 2015, algorithm 1). Otherwise they are running values, updated by each training step:
    ``running = momentum * running + (1 - momentum) * batch``, with the unbiased variance of the
    batch, as in PyTorch. They are saved but not trained. They are updated even while gamma and beta
    are frozen, also as in PyTorch.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("batch_norm", epsilon=1e-9)
    >>> layer.initialize((1,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[7.0], [9.0]]), training=True).round(6).tolist()
    [[-1.0], [1.0]]
    """

    differs_in_training: ClassVar[bool] = True

    _mean: Statistic
    _variance: Statistic
    _centered: Array  # x - mean
    _inverse: Array  # (features,), 1 / standard deviation
    _buffer: Array | None = None

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        scale: bool = True,
        shift: bool = True,
    ) -> None:
        """Describe the layer as `Normalization` does; ``momentum`` is how much of the running
        values stays at each step, at least 0 and below 1.

        That is the momentum of Keras and Caffe. PyTorch's is 1 minus this; the defaults agree.
        """
        super().__init__(epsilon, scale, shift)
        self.momentum = number("momentum", momentum, at_least=0, below=1)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Start with gamma 1, beta 0, running mean 0 and running variance 1."""
        super().initialize(shape, rng, dtype)
        self._mean = Statistic(np.zeros(shape[-1], dtype), momentum=self.momentum)
        self._variance = Statistic(np.zeros(shape[-1], dtype), momentum=self.momentum)
        self._variance.value.fill(1)

    def parameters(self) -> Mapping[str, Parameter]:
        running = {"running_mean": self._mean, "running_variance": self._variance}
        return {**super().parameters(), **running}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Make the buffers.

        Raises:
            ShapeError: there is only one value of each feature, which has no variance.
        """
        values = math.prod(batch_shape[:-1])
        if values < 2:
            raise ShapeError(
                "Batch normalization in training needs at least 2 values of each feature, but x "
                f"of shape {batch_shape} has {values}. Train with larger batches.",
                expected="at least 2 values per feature",
                got=batch_shape,
            )
        self._buffer, self._y, self._dx = (np.empty(batch_shape, dtype) for _ in range(3))

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            y = x - _at_each_pixel(self._mean.value, x)  # first, because it is often small
            inverse = 1 / np.sqrt(self._variance.value + self.epsilon)
            return self._scale_and_shift(y, inverse, out=y)
        rows = x.reshape(-1, x.shape[-1])  # (N, ..., features) -> (M, features)
        mean, variance = self._mean.grad, self._variance.grad
        sum_rows(rows, out=mean)
        mean /= len(rows)
        centered = np.subtract(x, _at_each_pixel(mean, x), out=self._buffer)
        # A long float32 sum is not exact: what is left of the mean shows once it is subtracted.
        left = sum_rows(centered.reshape(rows.shape)) / len(rows)  # to (M, features), as below
        mean += left
        centered -= _at_each_pixel(left, x)
        y = np.square(centered, out=self._y)
        sum_rows(y.reshape(rows.shape), out=variance)
        variance /= len(rows)
        self._centered, self._inverse = centered, 1 / np.sqrt(variance + self.epsilon)
        variance *= len(rows) / (len(rows) - 1)
        return self._scale_and_shift(centered, self._inverse, out=y)

    def _shared(self, dy: Array) -> tuple[Array, Array]:
        """Return the sums over the batch of dy (x - mean), and of dy."""
        products = np.multiply(dy, self._centered, out=self._dx)
        rows = (-1, dy.shape[-1])  # (N, ..., features) -> (M, features)
        return sum_rows(products.reshape(rows)), sum_rows(dy.reshape(rows))

    def _write_gradients(self, shared: tuple[Array, Array]) -> None:
        """Write dgamma, the sum of dy (x - mean) / deviation, and dbeta, the sum of dy."""
        of_products, of_dy = shared
        if self.scale and self._gamma.trainable:
            np.multiply(of_products, self._inverse, out=self._gamma.grad)
        if self.shift and self._beta.trainable:
            np.copyto(self._beta.grad, of_dy)

    def _input_gradient(self, dy: Array, shared: tuple[Array, Array]) -> Array:
        """Return dx, the equations of the paper's section 3 combined: with c = x - mean,
        dx = gamma / deviation * (dy - mean of dy - c / deviation^2 * mean of (dy c)).
        """
        (of_products, of_dy), inverse = shared, self._inverse
        size = dy.size // dy.shape[-1]
        factor = of_products * np.square(inverse) / size
        dx = np.multiply(self._centered, _at_each_pixel(factor, dy), out=self._dx)
        np.subtract(dy, dx, out=dx)
        dx -= _at_each_pixel(of_dy / size, dy)
        dx *= _at_each_pixel(self._scaled(inverse), dy)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return three per number: a subtraction, a multiplication and an addition."""
        return 3 * math.prod(shape)

    def _scale_and_shift(self, centered: Array, inverse: Array, out: Array) -> Array:
        y: Array = np.multiply(centered, _at_each_pixel(self._scaled(inverse), centered), out=out)
        if self.shift:
            y += _at_each_pixel(self._beta.value, y)
        return y

    def _scaled(self, inverse: Array) -> Array:
        return inverse * self._gamma.value if self.scale else inverse


def _at_each_pixel(vector: Array, x: Array) -> Array:
    """Repeat a vector ``(features,)`` to the shape of one sample of ``x``, ``(..., features)``.

    NumPy would broadcast it on its own, but is much faster along a long last axis than a short one.
    """
    return vector if x.ndim == 2 else np.broadcast_to(vector, x.shape[1:]).copy()
