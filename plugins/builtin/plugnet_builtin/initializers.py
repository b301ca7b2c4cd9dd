"""Initializers: the first values of weights.

``fan_in`` and ``fan_out`` are the numbers of connections that enter and leave a neuron: inputs
and outputs for a weight ``(inputs, outputs)``, ``height * width * inputs`` and
``height * width * outputs`` for a kernel ``(height, width, inputs, outputs)``. Values are drawn in
double precision, so that a float32 network starts as the float64 one of the same seed, rounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Initializer


def fans(shape: Shape) -> tuple[int, int]:
    """Return fan_in and fan_out of a weight or kernel.

    Raises:
        ShapeError: the shape has fewer than two axes.
    """
    if len(shape) < 2:
        raise ShapeError(
            "This initializer scales with inputs and outputs, so it needs a shape (inputs, "
            f"outputs) or (height, width, inputs, outputs), but the shape is {shape}. Use "
            "constant, gaussian or uniform instead.",
            expected=("inputs", "outputs"),
            got=shape,
        )
    return math.prod(shape[:-1]), math.prod(shape[:-2]) * shape[-1]


def _uniform(
    variance: float, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
) -> Array:
    limit = math.sqrt(3 * variance)
    return Uniform(-limit, limit)(shape, rng, dtype)


def _normal(variance: float, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
    return Gaussian(0.0, math.sqrt(variance))(shape, rng, dtype)


@dataclass(eq=False)
class Xavier(Initializer):
    """Uniform within +-sqrt(6) / sqrt(fan_in + fan_out + 1): Glorot's, with a 1 more.

    The 1 is that of the lecture notes and first codes after Glorot and Bengio 2010; it matters to
    tiny layers only. ``glorot_uniform`` is without it. (Caffe's "xavier" is sqrt(3 / fan_in).)
    """

    def variance(self, shape: Shape) -> float:
        """Return 2 / (fan_in + fan_out + 1)."""
        return 2 / (sum(fans(shape)) + 1)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return _uniform(self.variance(shape), shape, rng, dtype)


@dataclass(eq=False)
class GlorotUniform(Initializer):
    """Uniform within +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16)."""

    def variance(self, shape: Shape) -> float:
        """Return 2 / (fan_in + fan_out)."""
        return 2 / sum(fans(shape))

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return _uniform(self.variance(shape), shape, rng, dtype)


@dataclass(eq=False)
class GlorotNormal(Initializer):
    """Normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, equation 12)."""

    def variance(self, shape: Shape) -> float:
        """Return 2 / (fan_in + fan_out)."""
        return 2 / sum(fans(shape))

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return _normal(self.variance(shape), shape, rng, dtype)


@dataclass(eq=False)
class HeUniform(Initializer):
    """Uniform within +-sqrt(6 / fan_in), variance 2 / fan_in: the uniform form of `HeNormal`."""

    def variance(self, shape: Shape) -> float:
        """Return 2 / fan_in."""
        return 2 / fans(shape)[0]

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return _uniform(self.variance(shape), shape, rng, dtype)


@dataclass(eq=False)
class HeNormal(Initializer):
    """Normal, variance 2 / fan_in, for relu (He et al. 2015, equation 10)."""

    def variance(self, shape: Shape) -> float:
        """Return 2 / fan_in."""
        return 2 / fans(shape)[0]

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return _normal(self.variance(shape), shape, rng, dtype)


@dataclass(eq=False)
class LecunNormal(Initializer):
    """Normal, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", equation 16).

    A plain normal distribution, not truncated as in some frameworks.
    """

    def variance(self, shape: Shape) -> float:
        """Return 1 / fan_in."""
        return 1 / fans(shape)[0]

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return _normal(self.variance(shape), shape, rng, dtype)


@dataclass(eq=False)
class Orthogonal(Initializer):
    """Orthonormal columns, or rows if there are fewer of them, times a gain (Saxe et al. 2014).

    A kernel counts as the matrix ``(height * width * inputs, outputs)``.

    Attributes:
        gain: the factor, above 0.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        self.gain = number("gain", self.gain, above=0)

    def variance(self, shape: Shape) -> float:
        """Return gain^2 / max(fan_in, outputs), as every row or column has the length gain."""
        return self.gain**2 / max(fans(shape)[0], shape[-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        rows, columns = fans(shape)[0], shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))  # else Q is not uniform over the orthogonal matrices
        matrix = q if rows >= columns else q.T
        return np.ascontiguousarray(self.gain * matrix, dtype).reshape(shape)


@dataclass(eq=False)
class Constant(Initializer):
    """The same value everywhere.

    Attributes:
        value: the value.
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        self.value = number("value", self.value)

    def variance(self, shape: Shape) -> float:
        """Return 0."""
        return 0.0

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Return an array of ``shape``."""
        return np.full(shape, self.value, dtype)


@dataclass(eq=False)
class Gaussian(Initializer):
    """Normal with the given mean and standard deviation.

    Attributes:
        mean: the mean.
        std: the standard deviation, at least 0.
    """

    mean: float = 0.0
    std: float = 0.01

    def __post_init__(self) -> None:
        self.mean = number("mean", self.mean)
        self.std = number("std", self.std, at_least=0)

    def variance(self, shape: Shape) -> float:
        """Return std^2."""
        return self.std**2

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return rng.normal(self.mean, self.std, shape).astype(dtype, copy=False)


@dataclass(eq=False)
class Uniform(Initializer):
    """Uniform between two bounds, which are Keras' by default (Caffe's are 0 and 1).

    Attributes:
        low: the lower bound.
        high: the upper bound, above low.
    """

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        self.low = number("low", self.low)
        self.high = number("high", self.high)
        if self.low >= self.high:
            raise ArgumentError(
                f"'high' must be above 'low', but they are {self.high} and {self.low}.",
                argument="high",
                value=self.high,
            )

    def variance(self, shape: Shape) -> float:
        """Return (high - low)^2 / 12."""
        return (self.high - self.low) ** 2 / 12

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Draw an array of ``shape``."""
        return rng.uniform(self.low, self.high, shape).astype(dtype, copy=False)
