"""Batch normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import CallOrderError, ShapeError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter


class BatchNorm(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for every feature.

    A feature is an entry of the last axis: a number of flat samples, a channel of images. In
    training, mean and variance are those of the batch, over all axes but the last (Ioffe and
    Szegedy 2015, algorithm 1). Otherwise they are the running ones, which each training batch
    moves: ``running = momentum * running + (1 - momentum) * batch``, with the unbiased variance
    of the batch, as in PyTorch. They are parameters that are saved but not trained.
    """

    differs_in_training: ClassVar[bool] = True

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
            scale: whether gamma is trained; else it is 1.
            shift: whether beta is trained; else it is 0.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.momentum = number("momentum", momentum, at_least=0, below=1)
        self.epsilon = number("epsilon", epsilon, above=0)
        self.scale = flag("scale", scale)
        self.shift = flag("shift", shift)
        self._gamma: Parameter | None = None
        self._beta: Parameter | None = None
        self._mean: Parameter | None = None
        self._variance: Parameter | None = None
        self._centred: Array | None = None
        self._inverse: Array | None = None  # 1 / the standard deviation of each feature
        self._ones: Array | None = None
        self._y: Array | None = None
        self._dx: Array | None = None
        self._summed: tuple[Array, Array, Array] | None = None  # a dy, and its sums

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [{}, {"scale": False, "shift": False}]

    def input_scale(self) -> None:
        """Return None: it brings any magnitude to 1."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Start with gamma 1, beta 0, running mean 0 and running variance 1."""
        features = shape[-1]
        self._gamma = Parameter("gamma", np.ones(features, dtype), decay=False)
        self._beta = Parameter("beta", np.zeros(features, dtype), decay=False)
        self._mean = Parameter(
            "running_mean", np.zeros(features, dtype), decay=False, trainable=False
        )
        self._variance = Parameter(
            "running_variance", np.ones(features, dtype), decay=False, trainable=False
        )

    def parameters(self) -> Sequence[Parameter]:
        """Return gamma and beta as far as they are trained, then the running values."""
        chosen = (
            (self._gamma, self.scale),
            (self._beta, self.shift),
            (self._mean, True),
            (self._variance, True),
        )
        return [parameter for parameter, kept in chosen if parameter is not None and kept]

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the normalised x, of the shape of x.

        Raises:
            CallOrderError: the layer is not initialized.
            ShapeError: there are other features than it was initialized for, or in training only
                one value of each.
        """
        gamma, beta = self._initialized(self._gamma), self._initialized(self._beta)
        if x.shape[-1:] != gamma.value.shape:
            raise ShapeError(
                f"This layer was initialized for {len(gamma.value)} features, the last axis of x, "
                f"but x has the shape {x.shape}. Give it samples like the first.",
                expected=("N", ..., len(gamma.value)),
                got=x.shape,
            )
        if not training:
            factor = gamma.value / np.sqrt(self._initialized(self._variance).value + self.epsilon)
            constant = beta.value - self._initialized(self._mean).value * factor
            y = x * _at_each_pixel(factor, x)
            y += _at_each_pixel(constant, x)
            return y
        rows = x.reshape(-1, x.shape[-1])  # (N, ..., features) -> (M, features)
        if len(rows) < 2:
            raise ShapeError(
                "Batch normalization in training needs at least 2 values of each feature, but x "
                f"of shape {x.shape} has {len(rows)}. Train with larger batches.",
                expected="at least 2 values per feature",
                got=x.shape,
            )
        centred = self._centred = reuse(self._centred, x)
        y = self._y = reuse(self._y, x)
        mean = self._sum(rows) / len(rows)
        np.subtract(x, _at_each_pixel(mean, x), out=centred)
        # A long float32 sum is not exact; what is left of the mean shows once it is subtracted.
        left = self._sum(centred.reshape(rows.shape)) / len(rows)
        mean += left
        centred -= _at_each_pixel(left, x)
        squares = np.square(centred, out=y).reshape(rows.shape)
        variance = self._sum(squares) / len(rows)
        self._inverse = 1 / np.sqrt(variance + self.epsilon)
        np.multiply(centred, _at_each_pixel(self._inverse * gamma.value, x), out=y)
        y += _at_each_pixel(beta.value, x)
        self._summed = None
        self._run(self._mean, mean)
        self._run(self._variance, variance * (len(rows) / (len(rows) - 1)))
        return y

    def gradients(self, dy: Array) -> None:
        """Write dgamma = the sum of dy (x - mean) / deviation, and dbeta = the sum of dy."""
        self._summed = dy, *self._sums(dy)
        gamma = self._initialized(self._gamma)
        np.multiply(self._summed[1], self.kept(self._inverse), out=gamma.grad)
        self._initialized(self._beta).grad[...] = self._summed[2]

    def backward(self, dy: Array) -> Array:
        """Return dx, the paper's equations of section 3 put together; with c = x - mean,
        dx = gamma / deviation * (dy - mean of dy - c / deviation^2 * mean of (dy c)).
        """
        centred, inverse = self.kept(self._centred), self.kept(self._inverse)
        summed, self._summed = self._summed, None
        of_products, of_dy = (
            summed[1:] if summed is not None and summed[0] is dy else self._sums(dy)
        )
        size = dy.size // dy.shape[-1]
        dx = self._dx = reuse(self._dx, dy)
        np.multiply(centred, _at_each_pixel(of_products * np.square(inverse) / size, dy), out=dx)
        np.subtract(dy, dx, out=dx)
        dx -= _at_each_pixel(of_dy / size, dy)
        dx *= _at_each_pixel(inverse * self._initialized(self._gamma).value, dy)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return a multiplication and an addition per number, as outside training."""
        return 2 * math.prod(shape)

    def _sums(self, dy: Array) -> tuple[Array, Array]:
        """Return the sums over all rows of dy (x - mean) and of dy."""
        products = self._dx = reuse(self._dx, dy)
        np.multiply(dy, self.kept(self._centred), out=products)
        rows = (-1, dy.shape[-1])  # (N, ..., features) -> (M, features)
        return self._sum(products.reshape(rows)), self._sum(dy.reshape(rows))

    def _sum(self, rows: Array) -> Array:
        """Return the sum over the rows, ``(features,)``."""
        ones = self._ones = reuse(self._ones, rows, rows.shape[:1])
        ones.fill(1)
        total: Array = np.matmul(ones, rows)  # several times as fast as rows.sum(axis=0)
        return total

    def _run(self, running: Parameter | None, batch: Array) -> None:
        value = self._initialized(running).value
        value *= self.momentum
        value += (1 - self.momentum) * batch

    def _initialized(self, parameter: Parameter | None) -> Parameter:
        if parameter is None:
            raise CallOrderError(
                "This batch normalization has no running values yet: call initialize(shape, rng, "
                "dtype) before forward, or put the layer in a Network, which does it."
            )
        return parameter


def _at_each_pixel(vector: Array, x: Array) -> Array:
    """Repeat a vector ``(features,)`` to the shape of one sample of ``x``, ``(..., features)``.

    NumPy would broadcast it as it is, but runs much faster along a long last axis than a short one.
    """
    return np.ascontiguousarray(np.broadcast_to(vector, x.shape[1:]))
