"""The layer that learns what brings samples to the order of 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter, Statistic
from plugnet_builtin.moments import Moments


class Standardize(Layer):
    """y = (x - mean) / deviation, each number of a sample with a mean and a deviation of its own.

    It must be the first layer of a network. `adapt` learns the means and the standard deviations of
    the population from the samples of the training part, which all count the same; before that it
    changes nothing. A number that is the same in all samples, up to rounding, or missing in all,
    says nothing: its output is 0, for other samples too.

    Samples come in the dtype in which they are stored, and are cast once the mean is subtracted: so
    a network in float32 tells timestamps a second apart. What is learned is in the network's dtype,
    as ``mean`` and ``mean_rest``, whose sum is the mean; ``scale``, 1 / deviation or 0; the binary
    ``exponent`` of the unit of these three, 0 for magnitudes between 2^-60 and 2^60; and ``seen``,
    the number of samples.

    >>> from plugnet import Network
    >>> network = Network([("standardize", {"missing": "mean"}), ("fc", 2, 1)])
    >>> x = np.array([[1.6e9, 7.0], [1.6e9 + 2, np.nan], [1.6e9 + 4, 7.0]])
    >>> network.adapt(x)
    >>> network.layers[0].forward(x).tolist()
    [[-1.2247449159622192, 0.0], [0.0, 0.0], [1.2247449159622192, 0.0]]
    """

    takes_stored = True

    _mean: Statistic
    _rest: Statistic
    _scale: Statistic
    _exponent: Statistic
    _seen: Statistic
    _work: Array | None = None  # what is subtracted from, in a dtype that holds the samples
    _y: Array | None = None
    _gaps: Array | None = None

    def __init__(self, missing: str | float | None = None) -> None:
        """Describe the layer.

        Args:
            missing: what stands for NaN, a missing value: "mean", the mean of the others; or a
                number, which then counts like any other. None: samples must not hold NaN.

        Raises:
            ArgumentError: it is neither.
        """
        if isinstance(missing, str) and missing != "mean":
            raise ArgumentError(
                "'missing' must be \"mean\", a number that stands for missing values, or None if "
                f"there are none, but it is {missing!r}.",
                argument="missing",
                value=missing,
            )
        is_number = missing is not None and not isinstance(missing, str)
        self.missing = number("missing", missing) if is_number else missing

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"missing": "mean"}, {"missing": -1.0}]

    @property
    def needs_adapt(self) -> bool:
        return not (self._is_initialized() and self._seen.value.any())

    @property
    def fills_missing(self) -> bool:
        return self.missing is not None

    def input_scale(self) -> None:
        """Return None: it brings any magnitude to 1."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        def kept(shape: Shape) -> Statistic:
            return Statistic(np.zeros(shape, dtype), momentum=1)

        self._mean, self._rest, self._scale, self._exponent = (kept(shape) for _ in range(4))
        self._scale.value.fill(1)
        self._seen = kept((1,))

    def parameters(self) -> Mapping[str, Parameter]:
        return {
            "mean": self._mean,
            "mean_rest": self._rest,
            "scale": self._scale,
            "exponent": self._exponent,
            "seen": self._seen,
        }

    def adapt(self, blocks: Iterable[Array]) -> None:
        moments, rows, precision = Moments(self._mean.value.shape), 0, 0.0
        with np.errstate(under="ignore"):
            for block in blocks:
                numbers = block.astype(np.float64)
                if isinstance(self.missing, float):
                    np.copyto(numbers, self.missing, where=np.isnan(numbers))
                moments.add(numbers)
                rows += len(block)
                floating = block.dtype if block.dtype.kind == "f" else numbers.dtype
                precision = max(precision, float(np.finfo(floating).eps))
            deviation, unit = moments.deviation(), -moments.exponent
            varies = deviation > precision * np.ldexp(moments.largest, unit)
            self._mean.value = moments.mean
            self._rest.value = moments.mean - self._mean.value
            self._scale.value = np.divide(1, deviation, out=np.zeros_like(deviation), where=varies)
            self._exponent.value = moments.exponent
            self._seen.value = np.array([rows])

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        own = self._mean.value.dtype
        work = np.result_type(dtype, own)
        self._y = np.empty(batch_shape, own)
        self._work = self._y if work == own else np.empty(batch_shape, work)
        fills = self.fills_missing and dtype.kind == "f"
        self._gaps = np.empty(batch_shape, bool) if fills else None

    def forward(self, x: Array, training: bool = False) -> Array:
        own = self._mean.value.dtype
        work = np.result_type(x.dtype, own)
        exponent = self._exponents()
        units = x if exponent is None else np.ldexp(x.astype(work), -exponent)
        is_prepared = training and self._work is not None and self._work.dtype == work
        z: Array = np.subtract(units, self._mean.value, out=self._work if is_prepared else None)
        z -= self._rest.value
        if self.missing is not None and x.dtype.kind == "f":
            gaps = np.isnan(x, out=self._gaps if training else None)
            np.copyto(z, self._filling(work), where=gaps)
        if work == own:
            z *= self._scale.value
            return z
        y = self._y if training and self._y is not None else np.empty(x.shape, own)
        return np.multiply(z, self._scale.value, out=y)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy * self._scale.value
        exponent = self._exponents()
        return dx if exponent is None else np.ldexp(dx, -exponent)

    def flops(self, shape: Shape) -> int:
        """Return three per number: two subtractions and a multiplication."""
        return 3 * math.prod(shape)

    def _exponents(self) -> Array | None:
        """Return the exponents of the units, or None if all are 0."""
        exponent = self._exponent.value
        return exponent.astype(int) if exponent.any() else None

    def _filling(self, dtype: np.dtype[Any]) -> Array | float:
        """Return what stands for NaN after the subtraction of the mean."""
        if not isinstance(self.missing, float):
            return 0.0
        value: Array = np.ldexp(self.missing, -self._exponent.value.astype(int)) - self._mean.value
        return (value - self._rest.value).astype(dtype)
