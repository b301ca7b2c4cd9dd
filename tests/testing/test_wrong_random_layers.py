"""Layers with random numbers, ties or running averages, wrong on purpose; and right ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from plugnet.arrays import Array, Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter
from plugnet.testing import check_component


class Drop(Layer):
    """Sets half of the inputs to 0 in training, and doubles the others."""

    differs_in_training: ClassVar[bool] = True

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._mask: Array | None = None

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._rng = rng

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x.copy()
        self._mask = self.draw(x.shape).astype(x.dtype)
        return x * self._mask

    def draw(self, shape: Shape) -> Array:
        return 2.0 * (self._rng.random(shape) < 0.5)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy * self.kept(self._mask)
        return dx


class NewMask(Drop):
    """Draws another mask in backward."""

    def backward(self, dy: Array) -> Array:
        dx: Array = dy * self.draw(dy.shape).astype(dy.dtype) + 0 * self.kept(self._mask)
        return dx


class GlobalMask(Drop):
    """Draws its mask from NumPy's global generator."""

    def draw(self, shape: Shape) -> Array:
        return 2.0 * (np.random.random(shape) < 0.5)  # noqa: NPY002


class DropsAlways(Drop):
    """Draws a mask outside training too."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training=True)


class Largest(Layer):
    """The largest number of each sample; of equal ones the first gets the gradient."""

    def __init__(self) -> None:
        self._x: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError("One axis, please.", expected=("features",), got=shape)
        return (1,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = x.max(axis=1, keepdims=True)
        return y

    def backward(self, dy: Array) -> Array:
        x = self.kept(self._x)
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), x.argmax(axis=1)] = dy[:, 0]
        return dx


class AllLargest(Largest):
    """Gives every one of equal largest numbers the whole gradient."""

    def backward(self, dy: Array) -> Array:
        x = self.kept(self._x)
        dx: Array = dy * (x == x.max(axis=1, keepdims=True)).astype(x.dtype)
        return dx


class Centre(Layer):
    """Subtracts the batch's mean in training, its running average otherwise."""

    differs_in_training: ClassVar[bool] = True

    def __init__(self) -> None:
        self._seen = False

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._mean = Parameter("mean", np.zeros(shape, dtype), trainable=False)

    def parameters(self) -> Sequence[Parameter]:
        return (self._mean,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x - self._mean.value
        mean = x.mean(axis=0)
        self._mean.value *= 0.9
        self._mean.value += 0.1 * mean
        self._seen = True
        y: Array = x - mean
        return y

    def backward(self, dy: Array) -> Array:
        self.kept(self._seen or None)
        dx: Array = dy - dy.mean(axis=0)
        return dx


class ForgottenMean(Centre):
    """Takes the batch's mean for a constant in backward."""

    def backward(self, dy: Array) -> Array:
        self.kept(self._seen or None)
        return dy.copy()


class Step(Layer):
    """Jumps everywhere, so that no slope can be measured."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.sin(1e9 * x).astype(x.dtype)
        return y

    def backward(self, dy: Array) -> Array:
        return dy.copy()


@pytest.mark.parametrize(
    ("layer", "faults"),
    [
        (Drop, set()),
        (NewMask, {"input_gradient", "batch_of_one", "ties", "inference_keeps_pending"}),
        (
            DropsAlways,
            {
                "training_difference",
                "samples_independent",
                "inference_keeps_pending",
                "state_complete",
            },
        ),
        (Largest, set()),
        (AllLargest, {"ties"}),
        (Centre, set()),
        (ForgottenMean, {"input_gradient", "batch_of_one", "ties"}),
        (Step, {"input_gradient", "batch_of_one", "float32_agrees"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_fault_is_named(layer: type[Layer], faults: set[str]) -> None:
    report = check_component(layer, raise_on_failure=False)
    assert {result.check for result in report.failed} == faults


def test_the_global_generator_is_named() -> None:
    """What else goes wrong depends on what is drawn."""
    report = check_component(GlobalMask, raise_on_failure=False)
    assert {"global_state", "same_seed"} <= {result.check for result in report.failed}
