"""The layer that applies an activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet import registry
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Activation, Layer


class ActivationLayer(Layer):
    """y = f(x) elementwise, and dx = dy f'(x)."""

    _x: Array
    _y: Array
    _dx: Array | None = None
    _buffer: Array | None = None

    def __init__(self, activation: Activation) -> None:
        """Wrap ``activation``; a network given an activation does so on its own."""
        self.activation = registry.activations.resolve(activation)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"activation": "tanh"}, {"activation": "relu"}]

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._buffer, self._dx = np.empty(batch_shape, dtype), np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.activation.forward(x, self._buffer if training else None)
        if training:
            self._x, self._y = x, y
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.activation.derivative(self._x, self._y, self._dx)
        dx *= dy
        return dx
