"""Activation functions. None of them overflows, and float32 stays float32."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plugnet.arguments import flag, number
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
class LeakyRelu(Activation):
    """f(x) = x where x >= 0, else slope x (Maas et al. 2013). Its derivative at 0 is 1.

    Attributes:
        slope: between 0 and 1; for 0 use relu.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        self.slope = number("slope", self.slope, above=0, below=1)

    def forward(self, x: Array, out: Array | None = None) -> Array:
        out = np.multiply(x, self.slope, out=out)
        return np.maximum(out, x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return 1 where x >= 0, else slope."""
        out = np.greater_equal(x, 0, out=ensure_buffer(out, x))
        return np.maximum(out, self.slope, out=out)


@dataclass(eq=False)
class Elu(Activation):
    """f(x) = x where x > 0, else alpha (exp(x) - 1) (Clevert et al. 2016, equation 15).

    Attributes:
        alpha: minus the limit of f as x goes to minus infinity, above 0.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        self.alpha = number("alpha", self.alpha, above=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"alpha": 1.7}]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        out = np.minimum(x, 0, out=out)
        np.expm1(out, out=out)
        out *= self.alpha
        np.copyto(out, x, where=x > 0)
        return out

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return 1 where x > 0, else alpha exp(x) = y + alpha."""
        out = np.add(y, self.alpha, out=out)
        np.copyto(out, 1, where=x > 0)
        return out


class _Scratch(threading.local):
    """An array to compute in, one per thread: networks in several may share an activation."""

    array: Array | None = None


@dataclass(eq=False)
class Gelu(Activation):
    """f(x) = x P(X <= x) for X normal (Hendrycks and Gimpel 2016, section 2).

    Attributes:
        approximate: whether P is approximated by tanh, as in the paper and in early models:
            f(x) = x (1 + tanh(a (x + b x^3))) / 2, where a = sqrt(2 / pi) and b = 0.044715.
    """

    approximate: bool = False
    _scratch: _Scratch = field(default_factory=_Scratch, init=False, repr=False)

    def __post_init__(self) -> None:
        self.approximate = flag("approximate", self.approximate)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"approximate": True}]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        out = self._probability(x, out)
        out *= x
        return out

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return P(x) + x P'(x)."""
        out = self._probability(x, out)
        slope = self._scratch.array = ensure_buffer(self._scratch.array, x)
        np.clip(x, -40, 40, out=slope)  # beyond that P'(x) is 0, and x^2 might overflow
        slope *= slope
        if self.approximate:  # P'(x) = 2 P(x) (1 - P(x)) a (1 + 3 b x^2), and x P(x) = y
            slope *= 6 * _A * _B
            slope += 2 * _A
            np.subtract(1, out, out=out)
            slope *= out
            slope *= y
            np.subtract(1, out, out=out)
        else:  # P'(x) = exp(-x^2 / 2) / sqrt(2 pi)
            slope *= -0.5
            np.exp(slope, out=slope)
            slope *= 1 / math.sqrt(2 * math.pi)
            slope *= x
        out += slope
        return out

    def _probability(self, x: Array, out: Array | None) -> Array:
        if not self.approximate:
            from scipy.special import ndtr

            return ndtr(x, out=ensure_buffer(out, x))
        with np.errstate(over="ignore"):  # the tanh of an infinity is 1
            out = np.multiply(x, x, out=out)
            out *= _A * _B
            out += _A
            out *= x
        np.tanh(out, out=out)
        out += 1
        out *= 0.5
        return out


_A, _B = math.sqrt(2 / math.pi), 0.044715


@dataclass(eq=False)
class Softplus(Activation):
    """f(x) = log(1 + exp(x)), a smooth relu (Dugas et al. 2001; Caffe, bnll_layer.cpp)."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.logaddexp(x, 0, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return the sigmoid of x."""
        return Sigmoid().forward(x, out)


@dataclass(eq=False)
class Swish(Activation):
    """f(x) = x sigmoid(x) (Ramachandran et al. 2017), also called SiLU."""

    _scratch: _Scratch = field(default_factory=_Scratch, init=False, repr=False)

    def forward(self, x: Array, out: Array | None = None) -> Array:
        out = Sigmoid().forward(x, out)
        out *= x
        return out

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return s + y (1 - s) where s is the sigmoid of x."""
        out = Sigmoid().forward(x, out)
        rest = self._scratch.array = ensure_buffer(self._scratch.array, x)
        np.subtract(1, out, out=rest)
        rest *= y
        out += rest
        return out


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
