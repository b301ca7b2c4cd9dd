"""Right activations that a naive kit refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.testing.strangers.common import Array, Stranger
from tests.testing.strangers.wrong_activations import put

from plugnet import registry
from plugnet.interfaces import Activation


class PowerThreeHalves(Activation):
    """x sqrt|x|: its slope is 0 and its curvature infinite at 0."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x * np.sqrt(np.abs(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(1.5 * np.sqrt(np.abs(x)), out)


class Logarithm(Activation):
    """log x, for numbers above 0 only: its example gives such."""

    @classmethod
    def examples(cls) -> list[Any]:
        return [({}, np.array([[0.5, 1.0], [2.0, 7.0]]))]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.log(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(1 / x, out)


class Logit(Activation):
    """log(x / (1 - x)), within 0 .. 1: steep at both ends."""

    @classmethod
    def examples(cls) -> list[Any]:
        return [({}, np.array([[0.001, 0.3], [0.5, 0.999]]))]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.log(x) - np.log1p(-x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(1 / (x * (1 - x)), out)


class Spike(Activation):
    """A step, with a surrogate gradient (Neftci et al. 2019). No flag can say so."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put((x > 0).astype(x.dtype), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        s = 1 + 10 * np.abs(x)
        return put(1 / (s * s), out)


class ReluOfZero(Activation):
    """relu, with the derivative 0 at 0, as in Caffe and PyTorch."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.maximum(x, 0), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put((x > 0).astype(x.dtype), out)


class HardTanh(Activation):
    """x cut off at -1 and 1, its kinks where tests like to look."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.clip(x, -1, 1, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put((np.abs(x) < 1).astype(x.dtype), out)


class HardSwish(Activation):
    """x relu6(x + 3) / 6: two kinks, at which the derivative is that of the middle."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x * np.clip(x + 3, 0, 6) / 6, out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        middle = x / 3 + 0.5
        return put(np.where(np.abs(x) <= 3, middle, (x > 0).astype(x.dtype)), out)


class Wave(Activation):
    """sin(30 x), as in SIREN: step sizes that suit others are too wide for it."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.sin(30 * x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(30 * np.cos(30 * x), out)


class Bell(Activation):
    """exp(-x^2): 0, and flat, almost everywhere."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.exp(-np.minimum(x * x, 700)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(-2 * x * y, out)


class Floor(Activation):
    """The next whole number below: flat between jumps, and its derivative is truly 0."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.floor(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.zeros_like(x), out)


class Huge(Activation):
    """10^8 x."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.multiply(x, 1e8, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.full_like(x, 1e8), out)


class Tiny(Activation):
    """10^-9 tanh x."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.tanh(x) * 1e-9, out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        t = np.tanh(x)
        return put((1 - t * t) * 1e-9, out)


class SquaredRelu(Activation):
    """max(x, 0)^2 (So et al. 2021)."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        positive = np.maximum(x, 0)
        return np.multiply(positive, positive, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(2 * np.maximum(x, 0), out)


class Cube(Activation):
    """x^3, which grows fast."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x * x * x, out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(3 * x * x, out)


class CutExponential(Activation):
    """exp x up to x = 20, flat above: the derivative falls from e^20 to 0."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.exp(np.minimum(x, 20)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.where(x < 20, y, np.zeros_like(y)), out)


class Magnitude(Activation):
    """|x|, with the derivative 0 at 0."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.abs(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.sign(x, out=out)


class HardShrink(Activation):
    """x where |x| > 0.5, else 0: it jumps at both ends."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(np.abs(x) > 0.5, x, np.zeros_like(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put((np.abs(x) > 0.5).astype(x.dtype), out)


class Snake(Activation):
    """x + sin(a x)^2 / a (Ziyin et al. 2020), whose a is an argument."""

    def __init__(self, a: float = 5.0) -> None:
        self.a = a

    def forward(self, x: Array, out: Array | None = None) -> Array:
        s = np.sin(self.a * x)
        return put(x + s * s / self.a, out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(1 + np.sin(2 * self.a * x), out)


class Reciprocal(Activation):
    """1 / x, away from its pole: its example says where."""

    @classmethod
    def examples(cls) -> list[Any]:
        return [({}, np.array([-2.0, -0.5, 0.25, 4.0]))]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.divide(1, x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(-y * y, out)


class Dampened(Activation):
    """c f(x) for another activation f: without examples, given as an object."""

    def __init__(self, inner: Any, factor: float) -> None:
        self.inner = registry.activations.resolve(inner)
        self.factor = factor

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(self.factor * self.inner.forward(x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        plain = self.inner.derivative(x, self.inner.forward(x))
        return put(self.factor * plain, out)


RIGHT_ACTIVATIONS: list[Stranger] = [
    *(
        (each.__name__, each)
        for each in (
            PowerThreeHalves,
            Logarithm,
            Logit,
            Spike,
            ReluOfZero,
            HardTanh,
            HardSwish,
            Wave,
            Bell,
            Floor,
            Huge,
            Tiny,
            SquaredRelu,
            Cube,
            CutExponential,
            Magnitude,
            HardShrink,
            Snake,
            Reciprocal,
        )
    ),
    ("Dampened", lambda: Dampened("tanh", 0.5)),
]
