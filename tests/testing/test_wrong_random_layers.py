"""Layers with random numbers, ties or running averages, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from tests.checks import failures, names_faults
from tests.layers import OneAxis

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter, Statistic


class Drop(Layer):
    """Sets half of the inputs to 0 in training, and doubles the others."""

    differs_in_training: ClassVar[bool] = True

    _mask: Array

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.rng = rng

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x.copy()
        self._mask = self.draw(x.shape).astype(x.dtype)
        return x * self._mask

    def draw(self, shape: Shape) -> Array:
        assert self.rng is not None
        return 2.0 * (self.rng.random(shape) < 0.5)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy * self._mask
        return dx


class NewMask(Drop):
    """Draws another mask in backward."""

    def backward(self, dy: Array) -> Array:
        dx: Array = dy * self.draw(dy.shape).astype(dy.dtype) + 0 * self._mask
        return dx


class GlobalMask(Drop):
    """Draws its mask from NumPy's global generator."""

    def draw(self, shape: Shape) -> Array:
        return 2.0 * (np.random.random(shape) < 0.5)  # noqa: NPY002


class DropsAlways(Drop):
    """Draws a mask outside training too."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training=True)


class ElsewhereKept(Drop):
    """Keeps its generator where a network does not find it."""

    _dice: np.random.Generator

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._dice = rng

    def draw(self, shape: Shape) -> Array:
        return 2.0 * (self._dice.random(shape) < 0.5)


class Dice:
    """Holds the generator that a layer draws from."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng


class Helped(Drop):
    """Keeps its generator in a helper object."""

    _helper: Dice

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._helper = Dice(rng)

    def draw(self, shape: Shape) -> Array:
        return 2.0 * (self._helper.rng.random(shape) < 0.5)


class HelpedAndKept(Helped):
    """Right: keeps the generator in a second attribute too."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, rng, dtype)
        self.rng = rng


class MaskOfLastTime(Drop):
    """Uses the numbers that it drew for the last batch."""

    _next: Array | None = None

    def draw(self, shape: Shape) -> Array:
        mask = self._next
        self._next = super().draw(shape)
        return self._next if mask is None or mask.shape != shape else mask


class Largest(OneAxis):
    """The largest number of each sample; among equals, the first gets the gradient."""

    _x: Array

    def output_shape(self, shape: Shape) -> Shape:
        super().output_shape(shape)
        return (1,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = x.max(axis=1, keepdims=True)
        return y

    def backward(self, dy: Array) -> Array:
        x = self._x
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), x.argmax(axis=1)] = dy[:, 0]
        return dx


class AllLargest(Largest):
    """Gives the whole gradient to each of several equal maxima."""

    def backward(self, dy: Array) -> Array:
        x = self._x
        dx: Array = dy * (x == x.max(axis=1, keepdims=True)).astype(x.dtype)
        return dx


class Centre(Layer):
    """Subtracts the batch's mean in training, its running average otherwise."""

    differs_in_training: ClassVar[bool] = True

    _mean: Statistic
    _rows: int

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._mean = Statistic(np.zeros(shape, dtype), momentum=0.9)

    def parameters(self) -> Mapping[str, Parameter]:
        return {"mean": self._mean}

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x - self._mean.value
        self._mean.grad = x.mean(axis=0)
        self._rows = len(x)
        y: Array = x - self._mean.grad
        return y

    def backward(self, dy: Array) -> Array:
        dx: Array = dy - dy.sum(axis=0) / self._rows
        return dx


class ForgottenMean(Centre):
    """Treats the batch's mean as a constant in backward."""

    def backward(self, dy: Array) -> Array:
        return dy * (self._rows * 0 + 1)


class SpectralNorm(OneAxis):
    """y = x W / s, s being W's largest singular value, by power iteration from where it ended.

    Miyato et al. 2018, algorithm 1. W is not trained here, so s is a constant.
    """

    differs_in_training: ClassVar[bool] = True

    _weight: Parameter
    _left: Statistic
    _scale: float

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        weight = rng.normal(size=(*shape, *shape)).astype(dtype)
        self._weight = Parameter(weight, trainable=False)
        self._left = Statistic(rng.normal(size=shape).astype(dtype), momentum=0)

    def parameters(self) -> Mapping[str, Parameter]:
        return {"weight": self._weight, "left": self._left}

    def forward(self, x: Array, training: bool = False) -> Array:
        weight, left = self._weight.value, self._left.value
        right = left @ weight
        if training:
            self._left.grad = left = weight @ right / np.linalg.norm(weight @ right)
            right = left @ weight
            self._scale = float(np.linalg.norm(right))
        y: Array = x @ weight / np.linalg.norm(right)
        return y

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T / self._scale
        return dx


class MovesSpectralNorm(SpectralNorm):
    """Updates its iterated vector outside training too."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        if not training:
            right = self._left.value @ self._weight.value
            self._left.value = self._weight.value @ right / np.linalg.norm(right)
        return y


class Step(Layer):
    """Jumps everywhere, so that no slope can be measured."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.sin(1e9 * x).astype(x.dtype)
        return y

    def backward(self, dy: Array) -> Array:
        return dy.copy()


test_the_fault_is_named = names_faults(
    {
        Drop: set(),
        NewMask: {"input_gradient", "batch_of_one"},
        DropsAlways: {
            "training_difference",
            "samples_independent",
            "inference_changes_nothing",
            "network",
        },
        ElsewhereKept: {"random", "copies"},
        Helped: {"random", "copies"},
        HelpedAndKept: set(),
        MaskOfLastTime: {"random", "copies"},
        Largest: set(),
        AllLargest: {"ties"},
        Centre: set(),
        ForgottenMean: {"input_gradient", "batch_of_one"},
        SpectralNorm: set(),
        MovesSpectralNorm: {"inference_changes_nothing"},
        Step: {"input_gradient", "batch_of_one", "float32_agrees"},
    }
)


def test_the_global_generator_is_named() -> None:
    """Which other checks fail depends on the numbers drawn."""
    assert {"global_state", "same_seed"} <= failures(GlobalMask).keys()
