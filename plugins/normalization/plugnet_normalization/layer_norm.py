"""Layer normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import CallOrderError, ShapeError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter


class LayerNorm(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for every row of features.

    Mean and variance are taken over the last axis: the numbers of a flat sample, the channels of
    each pixel of an image. No sample sees another, so training and use are the same. Ba et al.
    2016, equation 4; PyTorch's LayerNorm over the last axis.
    """

    def __init__(self, epsilon: float = 1e-5, scale: bool = True, shift: bool = True) -> None:
        """Describe the layer.

        Args:
            epsilon: what is added to the variance, above 0.
            scale: whether gamma is trained; else it is 1.
            shift: whether beta is trained; else it is 0.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.epsilon = number("epsilon", epsilon, above=0)
        self.scale = flag("scale", scale)
        self.shift = flag("shift", shift)
        self._gamma: Parameter | None = None
        self._beta: Parameter | None = None
        self._normal: Array | None = None  # (x - mean) / the standard deviation of the row
        self._inverse: Array | None = None  # 1 / the standard deviation of each row
        self._ones: Array | None = None
        self._y: Array | None = None
        self._dx: Array | None = None
        self._products: Array | None = None
        self._multiplied: Array | None = None  # the dy that the products are of

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [{}, {"scale": False, "shift": False}]

    def input_scale(self) -> None:
        """Return None: it brings any magnitude to 1."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Start with gamma 1 and beta 0."""
        self._gamma = Parameter("gamma", np.ones(shape[-1], dtype), decay=False)
        self._beta = Parameter("beta", np.zeros(shape[-1], dtype), decay=False)

    def parameters(self) -> Sequence[Parameter]:
        """Return gamma and beta, as far as they are trained."""
        return [
            parameter
            for parameter, trained in ((self._gamma, self.scale), (self._beta, self.shift))
            if parameter is not None and trained
        ]

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the normalised x, of the shape of x.

        Raises:
            CallOrderError: the layer is not initialized.
            ShapeError: there are other features than it was initialized for.
        """
        gamma, beta = self._initialized(self._gamma), self._initialized(self._beta)
        features = len(gamma.value)
        if x.shape[-1] != features:
            raise ShapeError(
                f"This layer was initialized for {features} features, the last axis of x, but x "
                f"has the shape {x.shape}. Give it samples like the first.",
                expected=("N", ..., features),
                got=x.shape,
            )
        rows = x.reshape(-1, features)  # (N, ..., features) -> (M, features)
        normal = reuse(self._normal if training else None, rows)
        y = reuse(self._y if training else None, x)
        y_rows = y.reshape(rows.shape)
        np.subtract(rows, rows.mean(axis=1, keepdims=True), out=normal)
        variance = np.square(normal, out=y_rows).mean(axis=1, keepdims=True)
        inverse = 1 / np.sqrt(variance + self.epsilon)
        normal *= inverse
        np.multiply(normal, gamma.value, out=y_rows)
        y_rows += beta.value
        if training:
            self._normal, self._inverse, self._y, self._multiplied = normal, inverse, y, None
        return y

    def gradients(self, dy: Array) -> None:
        """Write dgamma = the sum of dy times the normalised x, and dbeta = the sum of dy."""
        products = self._multiply(dy)
        self._multiplied = dy
        ones = self._ones = reuse(self._ones, dy, products.shape[:1])
        ones.fill(1)
        np.matmul(ones, products, out=self._initialized(self._gamma).grad)
        np.matmul(ones, dy.reshape(products.shape), out=self._initialized(self._beta).grad)

    def backward(self, dy: Array) -> Array:
        """Return dx; with g = dy gamma, n the normalised x, and means over each row,
        dx = (g - mean of g - n * mean of (g n)) / deviation.
        """
        normal, inverse = self.kept(self._normal), self.kept(self._inverse)
        products = self._products if self._multiplied is dy else None
        if products is None:
            products = self._multiply(dy)
        self._multiplied = None
        gamma = self._initialized(self._gamma).value
        dy_rows = dy.reshape(normal.shape)  # (N, ..., features) -> (M, features)
        dx = self._dx = reuse(self._dx, dy)
        rows = dx.reshape(normal.shape)
        np.multiply(dy_rows, gamma, out=rows)
        rows -= rows.mean(axis=1, keepdims=True)
        products *= gamma  # g n
        rows -= np.multiply(normal, products.mean(axis=1, keepdims=True), out=products)
        rows *= inverse
        return dx

    def flops(self, shape: Shape) -> int:
        """Return seven per number: mean, difference, variance, division, gamma, beta."""
        return 7 * math.prod(shape)

    def _multiply(self, dy: Array) -> Array:
        """Return dy times the normalised x, ``(M, features)``."""
        normal = self.kept(self._normal)
        self._products = reuse(self._products, normal)
        return np.multiply(dy.reshape(normal.shape), normal, out=self._products)

    def _initialized(self, parameter: Parameter | None) -> Parameter:
        if parameter is None:
            raise CallOrderError(
                "This layer normalization has no gamma and beta yet: call initialize(shape, rng, "
                "dtype) before forward, or put the layer in a Network, which does it."
            )
        return parameter
