"""Components that accept or return only some numbers, right ones and wrong ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.checks import names_faults

from plugnet import Network
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet.interfaces import Activation, Layer
from plugnet.parameter import Parameter
from plugnet.testing import check_component

POSITIVE = np.array([[0.1, 0.5, 2.0], [3.0, 0.7, 1.3]])


class Embedding(Layer):
    """One row of a table for each number of a sample."""

    differentiable: ClassVar[bool] = False

    _table: Parameter
    _ids: Array

    def __init__(self, words: int = 10, size: int = 4) -> None:
        self.words = words
        self.size = size

    @classmethod
    def examples(cls) -> list[tuple[dict[str, Any], Array]]:
        """Return arguments to try it with, and ids."""
        return [({}, np.array([[7, 0, 1], [3, 9, 3], [9, 9, 9]]))]

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape, self.size)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._table = Parameter(rng.normal(size=(self.words, self.size)).astype(dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"table": self._table}

    def forward(self, x: Array, training: bool = False) -> Array:
        ids = x.astype(int)
        if training:
            self._ids = ids
        y: Array = self._table.value[ids]
        return y

    def gradients(self, dy: Array) -> None:
        self._table.grad.fill(0)
        np.add.at(self._table.grad, self._ids, dy)

    def backward(self, dy: Array) -> Array:
        raise NotImplementedError


class LastRowOnly(Embedding):
    """Of equal ids, only one gets its gradient."""

    def gradients(self, dy: Array) -> None:
        self._table.grad.fill(0)
        self._table.grad[self._ids] += dy


class OwnTable(Embedding):
    """Reads the array from which it made its parameter, which the network has since replaced."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, rng, dtype)
        self._own = self._table.value

    def forward(self, x: Array, training: bool = False) -> Array:
        super().forward(x, training)
        y: Array = self._own[x.astype(int)]
        return y


class LogLayer(Layer):
    """y = ln x."""

    _x: Array

    @classmethod
    def examples(cls) -> list[tuple[dict[str, Any], Array]]:
        """Return inputs to try it with."""
        return [({}, POSITIVE)]

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = np.log(x)
        return y

    def backward(self, dy: Array) -> Array:
        dx: Array = dy / self._x
        return dx


class LogWithoutX(LogLayer):
    """Its gradient forgets the 1/x."""

    def backward(self, dy: Array) -> Array:
        dx: Array = dy + 0 * self._x
        return dx


class Log(Activation):
    """f(x) = ln x."""

    @classmethod
    def examples(cls) -> list[tuple[dict[str, Any], Array]]:
        """Return numbers to try it with."""
        return [({}, POSITIVE)]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.log(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.divide(1, x, out=out)


class LogWrong(Log):
    """Its derivative is that of the common logarithm."""

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.divide(math.log10(math.e), x, out=out)


class UnitLength(Layer):
    """y = x / max(|x|, 1e-12), as PyTorch's normalize: of enormous slope at 0."""

    _kept: tuple[Array, Array, Array]

    def forward(self, x: Array, training: bool = False) -> Array:
        length = np.sqrt((x * x).sum(axis=-1, keepdims=True))
        floored = np.maximum(length, 1e-12)
        y: Array = x / floored
        if training:
            self._kept = y, floored, length
        return y

    def backward(self, dy: Array) -> Array:
        y, floored, length = self._kept
        along = np.where(length > floored / 2, (dy * y).sum(axis=-1, keepdims=True), 0)
        dx: Array = (dy - along * y) / floored
        return dx


class ClippedAtFive(Layer):
    """y = min(x, 5), whose gradient forgets the 5."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return np.minimum(x, 5)

    def backward(self, dy: Array) -> Array:
        return dy.copy()


test_the_fault_is_named = names_faults(
    {
        Embedding: set(),
        LastRowOnly: {"parameter_gradients"},
        LogLayer: set(),
        LogWithoutX: {"input_gradient", "batch_of_one"},
        Log: set(),
        LogWrong: {"derivative", "kinks"},
        UnitLength: set(),
        ClippedAtFive: {"input_gradient"},
        OwnTable: {"parameter_gradients", "batch_of_one", "network"},
    }
)


def test_an_object_is_tried_with_the_inputs_of_the_like_example() -> None:
    assert not check_component(LogLayer()).failed


def test_a_layer_without_input_gradient_must_come_first() -> None:
    network = Network([Embedding(), "flatten", ("fc", {"outputs": 3})], input_shape=(3,))
    network.backprop(np.ones_like(network.forward(np.ones((2, 3)), training=True)))
    with pytest.raises(ArgumentError, match="Layer 'embedding1' has no gradient with respect"):
        network.backprop(np.ones((2, 3), np.float32), inputs=True)
    with pytest.raises(ArgumentError, match="Put it before all layers that have anything to train"):
        Network([("fc", {"outputs": 3}), Embedding()], input_shape=(3,))
