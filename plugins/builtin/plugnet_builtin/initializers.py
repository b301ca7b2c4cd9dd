"""Initializers: the first values of weights.

Values are drawn in double precision, so a float32 network starts as the float64 network of the same
seed, rounded.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Initializer


def fans(shape: Shape) -> tuple[int, int]:
    """Return fan_in and fan_out: the numbers of connections that enter and leave a neuron.

    For a weight ``(inputs, outputs)`` these are inputs and outputs, for a kernel
    ``(height, width, inputs, outputs)`` height * width * inputs and height * width * outputs.

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


class VarianceScaling(Initializer):
    """Draws with mean 0 and a variance that follows from fan_in and fan_out."""

    #: Whether the distribution is normal, not uniform.
    is_normal: ClassVar[bool] = False

    @abstractmethod
    def rule(self, fan_in: int, fan_out: int) -> float:
        """Return the variance."""

    def variance(self, shape: Shape) -> float:
        return self.rule(*fans(shape))

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        variance = self.variance(shape)
        if self.is_normal:
            return Gaussian(0.0, math.sqrt(variance))(shape, rng, dtype)
        limit = math.sqrt(3 * variance)
        return Uniform(-limit, limit)(shape, rng, dtype)


class Xavier(VarianceScaling):
    """Uniform within +-sqrt(6) / sqrt(fan_in + fan_out + 1): Glorot's, plus a 1.

    The 1 comes from lecture notes and early code that followed Glorot and Bengio 2010; it matters
    only in tiny layers. ``glorot_uniform`` does without. (Caffe's "xavier" is sqrt(3 / fan_in).)

    >>> import numpy as np
    >>> from plugnet import registry
    >>> xavier = registry.initializers.build("xavier")
    >>> weight = xavier((784, 50), np.random.default_rng(0), np.dtype("float32"))
    >>> weight.shape, round(float(abs(weight).max()), 3)  # sqrt(6 / 835) = 0.0848
    ((784, 50), 0.085)
    """

    def rule(self, fan_in: int, fan_out: int) -> float:
        return 2 / (fan_in + fan_out + 1)


class GlorotUniform(VarianceScaling):
    """Uniform within +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16)."""

    def rule(self, fan_in: int, fan_out: int) -> float:
        return 2 / (fan_in + fan_out)


class GlorotNormal(VarianceScaling):
    """Normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, equation 12)."""

    is_normal: ClassVar[bool] = True

    def rule(self, fan_in: int, fan_out: int) -> float:
        return 2 / (fan_in + fan_out)


class HeUniform(VarianceScaling):
    """Uniform within +-sqrt(6 / fan_in), variance 2 / fan_in: the uniform form of `HeNormal`."""

    def rule(self, fan_in: int, fan_out: int) -> float:
        return 2 / fan_in


class HeNormal(VarianceScaling):
    """Normal, variance 2 / fan_in, for relu (He et al. 2015, equation 10)."""

    is_normal: ClassVar[bool] = True

    def rule(self, fan_in: int, fan_out: int) -> float:
        return 2 / fan_in


class LecunNormal(VarianceScaling):
    """Normal, variance 1 / fan_in (LeCun et al. 1998, "Efficient BackProp", equation 16).

    A plain normal distribution, not truncated as in some frameworks.
    """

    is_normal: ClassVar[bool] = True

    def rule(self, fan_in: int, fan_out: int) -> float:
        return 1 / fan_in


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
        """Return gain^2 / max(fan_in, outputs), because each row or column has the norm gain."""
        return self.gain**2 / max(fans(shape)[0], shape[-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        rows, columns = fans(shape)[0], shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))  # otherwise Q is not uniform over the orthogonal matrices
        matrix = q if rows >= columns else q.T
        # (rows, columns) -> (..., inputs, outputs)
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
        return 0.0

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
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
        return self.std**2

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(self.mean, self.std, shape).astype(dtype, copy=False)


@dataclass(eq=False)
class Uniform(Initializer):
    """Uniform between two bounds; the defaults are Keras's (Caffe's are 0 and 1).

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
        return (self.high - self.low) ** 2 / 12

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.uniform(self.low, self.high, shape).astype(dtype, copy=False)
