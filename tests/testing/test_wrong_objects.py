"""Components that fail only beside another, after saving, in float32, or in larger batches."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from tests.checks import failures, names_faults
from tests.squared import Squared

from plugnet.arrays import Array, Shape
from plugnet.errors import CallOrderError
from plugnet.interfaces import Layer

POOL: dict[tuple[object, ...], Array] = {}


def pooled(value: Array, tag: str) -> Array:
    """Copy ``value`` to a buffer shared by all objects."""
    buffer = POOL.setdefault((tag, value.shape, value.dtype), np.empty_like(value))
    buffer[...] = value
    return buffer


class Tanh(Layer):
    """y = tanh(x)."""

    _y: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        y = np.tanh(x)
        if training:
            self._y = y
        return y.copy()

    def backward(self, dy: Array) -> Array:
        dx: Array = dy * (1 - self._y**2)
        return dx


class KeptOnClass(Tanh):
    """Keeps what backward reads on the class."""

    _shared: ClassVar[Array | None] = None

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        if training:
            KeptOnClass._shared = y.copy()
        return y

    def backward(self, dy: Array) -> Array:
        y = KeptOnClass._shared
        if y is None or y.shape != dy.shape:
            raise CallOrderError("Call forward first.")
        dx: Array = dy * (1 - y**2)
        return dx


class SharedOutputs(Tanh):
    """All objects return the same buffer in training."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        return pooled(y, "y") if training else y


class SharedGradient(Tanh):
    """All objects return the same dx."""

    def backward(self, dy: Array) -> Array:
        return pooled(super().backward(dy), "dx")


class SignInFloat32(Tanh):
    """The gradient has the wrong sign in float32."""

    def backward(self, dy: Array) -> Array:
        dx = super().backward(dy)
        return -dx if dx.dtype == np.float32 else dx


class HalfPrecision(Tanh):
    """Computes in float16 for float32 inputs."""

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.dtype != np.float32:
            return super().forward(x, training)
        return super().forward(x.astype(np.float16), training).astype(x.dtype)


class ThreeRows(Tanh):
    """Only the first three samples have a gradient."""

    def backward(self, dy: Array) -> Array:
        dx = super().backward(dy)
        dx[3:] = 0
        return dx


class LostMean(Layer):
    """Subtracts the batch's mean in training, else its average, which is not a Parameter."""

    differs_in_training: ClassVar[bool] = True

    _rows: int

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._mean = np.full(shape, 0.5, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x - self._mean
        mean = x.mean(axis=0)
        self._mean += 0.1 * (mean - self._mean)
        self._rows = len(x)
        y: Array = x - mean
        return y

    def backward(self, dy: Array) -> Array:
        dx: Array = dy - dy.sum(axis=0) / self._rows
        return dx


class ErrorInPool(Squared):
    """All objects keep the error in one buffer."""

    def kept(self, error: Array) -> Array:
        return pooled(error, "error")


class GradientInPool(Squared):
    """All objects return the same gradient."""

    def backward(self) -> Array:
        return pooled(super().backward(), "gradient")


test_the_fault_is_named = names_faults(
    {
        Tanh: set(),
        KeptOnClass: {"instances_independent"},
        SharedOutputs: {"instances_independent"},
        SharedGradient: {"instances_independent"},
        SignInFloat32: {"float32_agrees"},
        HalfPrecision: {"float32_agrees"},
        ThreeRows: {"input_gradient", "many_samples"},
        LostMean: {"state_complete", "copies"},
        Squared: set(),
        ErrorInPool: {"instances_independent"},
        GradientInPool: {"instances_independent"},
    }
)


class Scaled(Tanh):
    """tanh(x), times ``factor`` in training."""

    differs_in_training: ClassVar[bool] = True

    def __init__(self, factor: float) -> None:
        self.factor = factor

    @classmethod
    def examples(cls) -> list[dict[str, float]]:
        return [{"factor": 2.0}]

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training) * (self.factor if training else 1)

    def backward(self, dy: Array) -> Array:
        return super().backward(dy) * self.factor


def test_an_object_may_lack_the_difference_its_class_declares() -> None:
    assert failures(Scaled(1.0)) == {}


def test_a_difference_that_no_example_shows_is_named_for_objects_too() -> None:
    class Never(Scaled):
        """Declares a difference, but its examples have none."""

        @classmethod
        def examples(cls) -> list[dict[str, float]]:
            return [{"factor": 1.0}]

    assert failures(Never(1.0)).keys() == {"training_difference"}
