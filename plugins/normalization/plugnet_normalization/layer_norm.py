"""Layer normalization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, sum_rows
from plugnet_normalization.normalization import Normalization


class LayerNorm(Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for every row of features.

    Mean and variance are taken over the last axis: the numbers of a flat sample, the channels of
    each pixel of an image. Samples do not affect each other, so the layer does the same in training
    and outside it. Ba et al. 2016, equation 4; PyTorch's LayerNorm over the last axis.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("layer_norm", epsilon=1e-9)
    >>> layer.initialize((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[7.0, 9.0], [0.0, 100.0]])).round(6).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    _normalized: Array  # (M, features), (x - mean) / standard deviation
    _inverse: Array  # (M, 1), 1 / standard deviation
    _buffer: Array | None = None
    _products: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        rows = math.prod(batch_shape[:-1]), batch_shape[-1]
        self._buffer, self._y, self._dx, self._products = (np.empty(rows, dtype) for _ in range(4))

    def forward(self, x: Array, training: bool = False) -> Array:
        rows = x.reshape(-1, x.shape[-1])  # (N, ..., features) -> (M, features)
        mean = rows.mean(axis=1, keepdims=True)
        normalized = np.subtract(rows, mean, out=self._buffer if training else None)
        y: Array = np.square(normalized, out=self._y if training else None)
        inverse = 1 / np.sqrt(y.mean(axis=1, keepdims=True) + self.epsilon)
        normalized *= inverse
        if training:
            self._normalized, self._inverse = normalized, inverse
        if self.scale:
            np.multiply(normalized, self._gamma.value, out=y)
        else:
            np.copyto(y, normalized)
        if self.shift:
            y += self._beta.value
        return y.reshape(x.shape)  # (M, features) -> (N, ..., features)

    def _shared(self, dy: Array) -> tuple[Array, Array]:
        """Return dy times the normalized x, and dy, both ``(M, features)``."""
        rows = dy.reshape(self._normalized.shape)  # (N, ..., features) -> (M, features)
        return np.multiply(rows, self._normalized, out=self._products), rows

    def _write_gradients(self, shared: tuple[Array, Array]) -> None:
        """Write dgamma, the sum of dy times the normalized x, and dbeta, the sum of dy."""
        products, rows = shared
        if self.scale and self._gamma.trainable:
            sum_rows(products, out=self._gamma.grad)
        if self.shift and self._beta.trainable:
            sum_rows(rows, out=self._beta.grad)

    def _input_gradient(self, dy: Array, shared: tuple[Array, Array]) -> Array:
        """Return dx: with g = dy gamma, n the normalized x, and means over each row,
        dx = (g - mean of g - n * mean of (g n)) / deviation.
        """
        gn, g = shared
        if self.scale:
            g = np.multiply(g, self._gamma.value, out=self._dx)
            gn *= self._gamma.value
        dx: Array = np.subtract(g, g.mean(axis=1, keepdims=True), out=self._dx)
        dx -= np.multiply(self._normalized, gn.mean(axis=1, keepdims=True), out=gn)
        dx *= self._inverse
        return dx.reshape(dy.shape)  # (M, features) -> (N, ..., features)

    def flops(self, shape: Shape) -> int:
        """Return seven per number: mean, difference, variance, division, gamma, beta."""
        return 7 * math.prod(shape)
