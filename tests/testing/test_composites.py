"""Layers that hold layers, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from tests.checks import names_faults

from plugnet import registry
from plugnet.arrays import Array, Shape
from plugnet.chain import Chain
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter
from plugnet.testing import check_component

FC = ("fc", {"outputs": 6})


@pytest.fixture(autouse=True)
def _names(plugin_registry: Any) -> None:
    """Let specs name the layers of this module."""
    plugin_registry.layers.register("skip")(Skip)
    plugin_registry.layers.register("two_ways")(TwoWays)


class Skip(Layer):
    """y = x + f(x), f being a chain of layers that keeps the shape."""

    def __init__(self, body: Any) -> None:
        self.body = body if isinstance(body, Chain) else registry.layers.resolve(body)

    @classmethod
    def examples(cls) -> list[tuple[dict[str, Any], Shape]]:
        return [({"body": ("chain", [FC, "tanh", FC])}, (6,))]

    def inner(self) -> Mapping[str, Layer]:
        return {"body": self.body}

    def output_shape(self, shape: Shape) -> Shape:
        if self.body.output_shape(shape) != shape:
            raise ShapeError("The body must keep the shape.", expected=shape, got=shape)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = x + self.body.forward(x, training)
        return y

    def backward(self, dy: Array) -> Array:
        dx: Array = dy + self.body.backward(dy)
        return dx

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        if inputs:
            return self.backward(dy)
        self.body.backprop(dy, False)
        return None


class TwoWays(Layer):
    """y = g tanh(f(x)), with a gain g of its own, and a layer f that may be no chain."""

    _gain: Parameter
    _x: Array
    _inside: Array

    def __init__(self, layer: Any = FC) -> None:
        self.layer = registry.layers.resolve(layer)

    def output_shape(self, shape: Shape) -> Shape:
        return self.layer.output_shape(shape)

    def inner(self) -> Mapping[str, Layer]:
        return {"layer": self.layer}

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, rng, dtype)
        self._gain = Parameter(np.full(self.output_shape(shape), 0.5, dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"gain": self._gain}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self.layer.prepare(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        inside = np.tanh(self.layer.forward(x, training))
        if training:
            self._inside = inside
        y: Array = self._gain.value * inside
        return y

    def gradients(self, dy: Array) -> None:
        self.backprop(dy, False)

    def backward(self, dy: Array) -> Array:
        dx = self.backprop(dy, True)
        assert dx is not None
        return dx

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        inside = self._inside
        if self._gain.trainable:
            self._gain.grad = (dy * inside).sum(axis=0)
        dx = self.layer.backprop(dy * self._gain.value * (1 - inside**2), inputs)
        for parameter in self.layer.parameters().values():
            parameter.grad *= parameter.trainable  # which a chain does for its layers
        return dx


class Doubled(Layer):
    """y = 2 x; it has no registered name."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return 2 * x

    def backward(self, dy: Array) -> Array:
        return 2 * dy


class Hidden(Skip):
    """Does not return its inner layer from inner()."""

    def inner(self) -> Mapping[str, Layer]:
        return {}

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.body.initialize(shape, rng, dtype)


class ForgottenSkip(Skip):
    """Its gradient goes through the body only."""

    def backward(self, dy: Array) -> Array:
        return self.body.backward(dy)


class NoGradients(Skip):
    """Trains nothing when dx is not used."""

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        return self.backward(dy) if inputs else None


class Unprepared(TwoWays):
    """Prepares its inner layer for the first batch only."""

    _prepared = False

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        if not self._prepared:
            super().prepare(batch_shape, dtype)
        self._prepared = True


BODY = ("chain", [FC, "tanh"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Skip,
        lambda: ("skip", BODY),
        lambda: Skip(Chain([FC, "tanh"])),
        lambda: Skip(Chain(["tanh"])),
        lambda: Skip(Chain([FC, ("skip", BODY), ("activation", "relu")])),
        lambda: ("chain", [FC, ("chain", [FC, "tanh"]), "tanh"]),
        lambda: Chain([("chain", [FC]), FC]),
        lambda: Chain([Doubled(), FC]),
        lambda: TwoWays,
        lambda: TwoWays(registry.build("fc", 6, 6)),
        lambda: TwoWays(Chain([FC])),
        lambda: registry.spec(Skip(Chain([FC, "tanh"]))),
    ],
)
def test_a_right_composite_passes_however_it_is_given(make: Callable[[], Any]) -> None:
    check_component(make())


def test_a_composite_that_was_trained_is_checked_anew() -> None:
    layer = Skip(Chain([FC, "tanh"]))
    layer.initialize((6,), np.random.default_rng(0), np.dtype("float32"))
    layer.backprop(layer.forward(np.ones((2, 6), "float32"), training=True), True)
    check_component(layer)


test_the_fault_is_named = names_faults(
    {
        Hidden: {"parameters", "network"},
        ForgottenSkip: {"input_gradient", "batch_of_one"},
        NoGradients: {"backprop"},
        Unprepared: {"prepare"},
    }
)
