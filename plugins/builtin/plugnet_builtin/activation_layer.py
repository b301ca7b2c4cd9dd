"""The layer that applies an activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet import registry
from plugnet.arrays import Array, reuse
from plugnet.interfaces import Activation, Layer


class ActivationLayer(Layer):
    """y = f(x) elementwise, and dx = dy f'(x)."""

    def __init__(self, activation: Activation) -> None:
        """Wrap ``activation``; a network does so where it is given an activation's name."""
        self.activation = registry.activations.resolve(activation)
        self._x: Array | None = None
        self._y: Array | None = None
        self._dx: Array | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [{"activation": "tanh"}, {"activation": "relu"}]

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return f(x), of the shape of x."""
        if not training:
            return self.activation.forward(x)
        self._x = x
        self._y = self.activation.forward(x, reuse(self._y, x))
        return self._y

    def backward(self, dy: Array) -> Array:
        """Return dy f'(x)."""
        x, y = self.kept(self._x), self.kept(self._y)
        self._dx = self.activation.derivative(x, y, reuse(self._dx, x))
        np.multiply(self._dx, dy, out=self._dx)
        return self._dx
