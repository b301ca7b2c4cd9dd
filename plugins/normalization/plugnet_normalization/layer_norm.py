"""Layer normalization."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape, sum_rows
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter


class LayerNorm(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for every row of features.

    Mean and variance are taken over the last axis: the numbers of a flat sample, the channels of
    each pixel of an image. No sample sees another, so training and use are the same. Ba et al.
    2016, equation 4; PyTorch's LayerNorm over the last axis.
    """

    _gamma: Parameter
    _beta: Parameter
    _normal: Array  # (x - mean) / the standard deviation of the row
    _inverse: Array  # 1 / the standard deviation of each row
    _buffer: Array | None = None
    _y: Array | None = None
    _dx: Array | None = None
    _products: Array | None = None

    def __init__(self, epsilon: float = 1e-5, scale: bool = True, shift: bool = True) -> None:
        """Describe the layer.

        Args:
            epsilon: what is added to the variance, above 0.
            scale: whether there is a gamma; else it is 1.
            shift: whether there is a beta; else it is 0.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.epsilon = number("epsilon", epsilon, above=0)
        self.scale = flag("scale", scale)
        self.shift = flag("shift", shift)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"scale": False, "shift": False}]

    def input_scale(self) -> None:
        """Return None: it brings any magnitude to 1."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Start with gamma 1 and beta 0."""
        if self.scale:
            self._gamma = Parameter(np.ones(shape[-1], dtype), decay_mult=0)
        if self.shift:
            self._beta = Parameter(np.zeros(shape[-1], dtype), decay_mult=0)

    def parameters(self) -> Mapping[str, Parameter]:
        gamma = {"gamma": self._gamma} if self.scale else {}
        return {**gamma, "beta": self._beta} if self.shift else gamma

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        rows = math.prod(batch_shape[:-1]), batch_shape[-1]
        self._buffer, self._y, self._dx, self._products = (np.empty(rows, dtype) for _ in range(4))

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the normalised x, of the shape of x."""
        rows = x.reshape(-1, x.shape[-1])  # (N, ..., features) -> (M, features)
        mean = rows.mean(axis=1, keepdims=True)
        normal = np.subtract(rows, mean, out=self._buffer if training else None)
        y: Array = np.square(normal, out=self._y if training else None)
        inverse = 1 / np.sqrt(y.mean(axis=1, keepdims=True) + self.epsilon)
        normal *= inverse
        if training:
            self._normal, self._inverse = normal, inverse
        if self.scale:
            np.multiply(normal, self._gamma.value, out=y)
        else:
            np.copyto(y, normal)
        if self.shift:
            y += self._beta.value
        return y.reshape(x.shape)  # (M, features) -> (N, ..., features)

    def gradients(self, dy: Array, products: Array | None = None) -> None:
        """Write dgamma = the sum of dy times the normalised x, and dbeta = the sum of dy."""
        if self.scale and self._gamma.trainable:
            sum_rows(self._multiply(dy) if products is None else products, out=self._gamma.grad)
        if self.shift and self._beta.trainable:
            sum_rows(dy.reshape(-1, dy.shape[-1]), out=self._beta.grad)  # dy as (M, features)

    def backward(self, dy: Array, products: Array | None = None) -> Array:
        """Return dx; with g = dy gamma, n the normalised x, and means over each row,
        dx = (g - mean of g - n * mean of (g n)) / deviation.
        """
        g, gn = dy.reshape(-1, dy.shape[-1]), products  # (N, ..., features) -> (M, features)
        if gn is None:
            gn = self._multiply(dy)
        if self.scale:
            g = np.multiply(g, self._gamma.value, out=self._dx)
            gn *= self._gamma.value
        dx: Array = np.subtract(g, g.mean(axis=1, keepdims=True), out=self._dx)
        dx -= np.multiply(self._normal, gn.mean(axis=1, keepdims=True), out=gn)
        dx *= self._inverse
        return dx.reshape(dy.shape)  # (M, features) -> (N, ..., features)

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Do both with the same products."""
        products = self._multiply(dy)
        self.gradients(dy, products)
        return self.backward(dy, products) if inputs else None

    def flops(self, shape: Shape) -> int:
        """Return seven per number: mean, difference, variance, division, gamma, beta."""
        return 7 * math.prod(shape)

    def _multiply(self, dy: Array) -> Array:
        """Return dy times the normalised x, ``(M, features)``."""
        return np.multiply(dy.reshape(self._normal.shape), self._normal, out=self._products)
