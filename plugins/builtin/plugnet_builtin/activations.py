"""The activations of the tutorial. None of them overflows, and float32 stays float32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plugnet.arrays import Array, ensure_buffer, scalar
from plugnet.interfaces import Activation


@dataclass(eq=False)
class Sigmoid(Activation):
    """f(x) = 1 / (1 + exp(-x)), computed as tanh(x / 2) / 2 + 1 / 2 (Caffe, sigmoid_layer.cpp).

    >>> import numpy as np
    >>> from plugnet import registry
    >>> registry.activations.build("sigmoid").forward(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """

    def forward(self, x: Array, out: Array | None = None) -> Array:
        out = np.multiply(x, 0.5, out=out)
        np.tanh(out, out=out)
        out *= 0.5
        out += 0.5
        return out

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return y (1 - y)."""
        out = np.subtract(scalar(1, y.dtype), y, out=out)
        out *= y
        return out


@dataclass(eq=False)
class Tanh(Activation):
    """f(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) (Caffe, tanh_layer.cpp).

    >>> import numpy as np
    >>> from plugnet import registry
    >>> tanh = registry.activations.build("tanh")
    >>> x = np.array([0.0, 1.0])
    >>> y = tanh.forward(x)
    >>> y.round(4).tolist(), tanh.derivative(x, y).round(4).tolist()
    ([0.0, 0.7616], [1.0, 0.42])
    """

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return 1 - y^2."""
        out = np.multiply(y, y, out=out)
        return np.subtract(scalar(1, y.dtype), out, out=out)


@dataclass(eq=False)
class Relu(Activation):
    """f(x) = max(x, 0) (Nair and Hinton 2010; Caffe, relu_layer.cpp).

    Its derivative at 0 is 1 (0 in Caffe and PyTorch).
    """

    def forward(self, x: Array, out: Array | None = None) -> Array:
        out = ensure_buffer(out, x)
        out.fill(0)
        return np.maximum(x, out, out=out)  # twice as fast as with the scalar 0

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return 1 where x >= 0, else 0."""
        return np.greater_equal(x, 0, out=ensure_buffer(out, x))


@dataclass(eq=False)
class Identity(Activation):
    """f(x) = x."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return a copy of x."""
        return np.positive(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return 1 everywhere."""
        out = ensure_buffer(out, x)
        out.fill(1)
        return out
