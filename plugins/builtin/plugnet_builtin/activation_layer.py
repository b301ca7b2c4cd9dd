"""The layer that applies an activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet import registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
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
            if y is not self._buffer:
                self._check(y, x, "forward")
            self._x, self._y = x, y
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.activation.derivative(self._x, self._y, self._dx)
        if dx is not self._dx:
            self._check(dx, self._x, "derivative")
        dx *= dy
        return dx

    def _check(self, found: object, x: Array, method: str) -> None:
        """Check what an own activation has returned, before this or the next layer is blamed."""
        if type(found) is np.ndarray and found.dtype == x.dtype and found.shape == x.shape:
            return
        what = f"a {type(found).__name__}"
        if isinstance(found, np.ndarray):
            what = f"one of shape {found.shape} and dtype {found.dtype}"
        raise ArgumentError(
            f"{type(self.activation).__name__}.{method} must return an array of shape {x.shape} "
            f"and dtype {x.dtype}, as its x is, but it returned {what}. Correct the activation.",
            argument="activation",
            value=self.activation,
        )
