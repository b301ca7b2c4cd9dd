"""The layer of the guide's chapter on layers of your own: each sample at the same strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plugnet import Parameter
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer


class RmsNorm(Layer):
    """y = gain * x / r, where r is the root mean square of a sample (Zhang and Sennrich, 2019).

    It is taken over the last axis; the gain is trained.
    """

    _gain: Parameter
    _n: Array
    _r: Array

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._gain = Parameter(np.ones(shape, dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"gain": self._gain}

    def forward(self, x: Array, training: bool = False) -> Array:
        r = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
        n = x / r
        if training:
            self._n, self._r = n, r
        y: Array = self._gain.value * n
        return y

    def gradients(self, dy: Array) -> None:
        np.sum(dy * self._n, axis=0, out=self._gain.grad)

    def backward(self, dy: Array) -> Array:
        dn = self._gain.value * dy
        along = np.mean(dn * self._n, axis=-1, keepdims=True)
        dx: Array = (dn - along * self._n) / self._r
        return dx
