"""Batch normalization."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter, Statistic


class BatchNorm(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for every feature.

    A feature is an entry of the last axis: a number of flat samples, a channel of images. In
    training, mean and variance are those of the batch, over all axes but the last (Ioffe and
    Szegedy 2015, algorithm 1). Otherwise they are the running ones, which each training step
    moves: ``running = momentum * running + (1 - momentum) * batch``, with the unbiased variance
    of the batch, as in PyTorch. They are saved but not trained. They move even while gamma and beta
    are frozen, also as in PyTorch.
    """

    differs_in_training: ClassVar[bool] = True

    _gamma: Parameter
    _beta: Parameter
    _mean: Statistic
    _variance: Statistic
    _centred: Array  # x - mean
    _inverse: Array  # 1 / the standard deviation of each feature
    _buffer: Array | None = None
    _y: Array | None = None
    _dx: Array | None = None

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        scale: bool = True,
        shift: bool = True,
    ) -> None:
        """Describe the layer.

        Args:
            momentum: how much of the running values stays, at least 0 and below 1, as in Keras
                and Caffe. PyTorch's momentum is 1 minus this; the defaults agree.
            epsilon: what is added to the variance, above 0.
            scale: whether there is a gamma; else it is 1.
            shift: whether there is a beta; else it is 0.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.momentum = number("momentum", momentum, at_least=0, below=1)
        self.epsilon = number("epsilon", epsilon, above=0)
        self.scale = flag("scale", scale)
        self.shift = flag("shift", shift)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"scale": False, "shift": False}]

    def input_scale(self) -> None:
        """Return None: it brings any magnitude to 1."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Start with gamma 1, beta 0, running mean 0 and running variance 1."""
        ones, zeros = np.ones(shape[-1], dtype), np.zeros(shape[-1], dtype)
        if self.scale:
            self._gamma = Parameter(ones, decay_mult=0)
        if self.shift:
            self._beta = Parameter(zeros, decay_mult=0)
        self._mean = Statistic(zeros.copy(), momentum=self.momentum)
        self._variance = Statistic(ones.copy(), momentum=self.momentum)

    def parameters(self) -> Mapping[str, Parameter]:
        gamma = {"gamma": self._gamma} if self.scale else {}
        beta = {"beta": self._beta} if self.shift else {}
        return {**gamma, **beta, "running_mean": self._mean, "running_variance": self._variance}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Make the buffers.

        Raises:
            ShapeError: there is only one value of each feature: it has no variance.
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
        """Return the normalised x, of the shape of x."""
        if not training:
            y = x - _at_each_pixel(self._mean.value, x)  # first: the difference is often small
            inverse = 1 / np.sqrt(self._variance.value + self.epsilon)
            return self._scale_and_shift(y, inverse, out=y)
        rows = x.reshape(-1, x.shape[-1])  # (N, ..., features) -> (M, features)
        mean, variance = self._mean.grad, self._variance.grad
        sum_rows(rows, out=mean)
        mean /= len(rows)
        centred = np.subtract(x, _at_each_pixel(mean, x), out=self._buffer)
        # A long float32 sum is not exact; what is left of the mean shows once it is subtracted.
        left = sum_rows(centred.reshape(rows.shape)) / len(rows)
        mean += left
        centred -= _at_each_pixel(left, x)
        y = np.square(centred, out=self._y)
        sum_rows(y.reshape(rows.shape), out=variance)
        variance /= len(rows)
        self._centred, self._inverse = centred, 1 / np.sqrt(variance + self.epsilon)
        variance *= len(rows) / (len(rows) - 1)
        return self._scale_and_shift(centred, self._inverse, out=y)

    def gradients(self, dy: Array, sums: tuple[Array, Array] | None = None) -> None:
        """Write dgamma = the sum of dy (x - mean) / deviation, and dbeta = the sum of dy."""
        of_products, of_dy = self._sums(dy) if sums is None else sums
        if self.scale and self._gamma.trainable:
            np.multiply(of_products, self._inverse, out=self._gamma.grad)
        if self.shift and self._beta.trainable:
            np.copyto(self._beta.grad, of_dy)

    def backward(self, dy: Array, sums: tuple[Array, Array] | None = None) -> Array:
        """Return dx, the paper's equations of section 3 put together; with c = x - mean,
        dx = gamma / deviation * (dy - mean of dy - c / deviation^2 * mean of (dy c)).
        """
        of_products, of_dy = self._sums(dy) if sums is None else sums
        size, inverse = dy.size // dy.shape[-1], self._inverse
        factor = of_products * np.square(inverse) / size
        dx = np.multiply(self._centred, _at_each_pixel(factor, dy), out=self._dx)
        np.subtract(dy, dx, out=dx)
        dx -= _at_each_pixel(of_dy / size, dy)
        dx *= _at_each_pixel(self._scaled(inverse), dy)
        return dx

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Do both with the same sums."""
        sums = self._sums(dy)
        self.gradients(dy, sums)
        return self.backward(dy, sums) if inputs else None

    def flops(self, shape: Shape) -> int:
        """Return a subtraction, a multiplication and an addition per number, as in use."""
        return 3 * math.prod(shape)

    def _sums(self, dy: Array) -> tuple[Array, Array]:
        """Return the sums over all rows of dy (x - mean) and of dy."""
        products = np.multiply(dy, self._centred, out=self._dx)
        rows = (-1, dy.shape[-1])  # (N, ..., features) -> (M, features)
        return sum_rows(products.reshape(rows)), sum_rows(dy.reshape(rows))

    def _scale_and_shift(self, centred: Array, inverse: Array, out: Array) -> Array:
        y: Array = np.multiply(centred, _at_each_pixel(self._scaled(inverse), centred), out=out)
        if self.shift:
            y += _at_each_pixel(self._beta.value, y)
        return y

    def _scaled(self, inverse: Array) -> Array:
        return inverse * self._gamma.value if self.scale else inverse


def _at_each_pixel(vector: Array, x: Array) -> Array:
    """Repeat a vector ``(features,)`` to the shape of one sample of ``x``, ``(..., features)``.

    NumPy would broadcast it as it is, but runs much faster along a long last axis than a short one.
    """
    return vector if x.ndim == 2 else np.broadcast_to(vector, x.shape[1:]).copy()
