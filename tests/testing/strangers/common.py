"""What the strangers share: types, and the bases that are right."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from plugnet import Parameter
from plugnet.arrays import Array as Array
from plugnet.arrays import Shape as Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer, Loss
from plugnet.targets import as_rows, reweight, weighted_mean

Rng: TypeAlias = np.random.Generator
DType: TypeAlias = np.dtype[Any]

#: A name, and what the kit is given: a class, or a function that builds an object.
Stranger: TypeAlias = tuple[str, type[Any] | Callable[[], Any]]


def need(right: bool, expected: str, got: Shape) -> None:
    """Refuse a shape that a layer or a loss cannot take."""
    if not right:
        raise ShapeError(f"Expected {expected}, but got {got}.", expected=expected, got=got)


class Square(Layer):
    """y = x W + b with as many outputs as inputs, for flat samples; its backward pass is open."""

    _weight: Parameter
    _bias: Parameter
    _x: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 1, "flat samples", shape)
        return shape

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        size = shape[0]
        drawn = rng.standard_normal((size, size)) / np.sqrt(size)
        self._weight = Parameter(drawn.astype(dtype))
        self._bias = Parameter(np.zeros(size, dtype), decay_mult=0)

    def parameters(self) -> dict[str, Parameter]:
        return {"weight": self._weight, "bias": self._bias}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = x @ self._weight.value + self._bias.value
        return y

    @abstractmethod
    def gradients(self, dy: Array) -> None: ...


class RowLoss(Loss):
    """The weighted mean of a loss per row, with the slopes of each row; weights are right here."""

    _slopes: Array
    _weights: Array | None
    _total: float | None

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        rows = as_rows(targets, outputs, binary=self.threshold is not None)
        losses, slopes = self.rows(outputs, rows)
        if training:
            self._slopes, self._weights, self._total = slopes, weights, total
        return weighted_mean(losses, None, weights, total)

    def backward(self) -> Array:
        return reweight(self._slopes / len(self._slopes), self._weights, self._total)

    @abstractmethod
    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        """Return the loss of each row, ``(N,)``, and its slopes, ``(N, K)``."""


def softmax(x: Array) -> Array:
    """Return the softmax over the last axis."""
    e: Array = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def log_softmax(x: Array) -> Array:
    """Return its logarithm, which never is that of 0."""
    shifted = x - x.max(axis=-1, keepdims=True)
    y: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return y
