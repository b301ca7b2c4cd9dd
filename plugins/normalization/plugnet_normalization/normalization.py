"""What batch and layer normalization share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter


class Normalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    Gamma and beta are ``(features,)``, one of each per entry of the last axis.
    """

    _gamma: Parameter
    _beta: Parameter
    _y: Array | None = None
    _dx: Array | None = None

    def __init__(self, epsilon: float = 1e-5, scale: bool = True, shift: bool = True) -> None:
        """Describe the layer.

        Args:
            epsilon: what is added to the variance, above 0.
            scale: whether there is a gamma; otherwise it is 1.
            shift: whether there is a beta; otherwise it is 0.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.epsilon = number("epsilon", epsilon, above=0)
        self.scale = flag("scale", scale)
        self.shift = flag("shift", shift)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"scale": False, "shift": False}]

    def input_scale(self) -> None:
        """Return None: it brings any magnitude to 1."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        if self.scale:
            self._gamma = Parameter(np.zeros(shape[-1], dtype), decay_mult=0)
            self._gamma.value.fill(1)
        if self.shift:
            self._beta = Parameter(np.zeros(shape[-1], dtype), decay_mult=0)

    def parameters(self) -> Mapping[str, Parameter]:
        gamma = {"gamma": self._gamma} if self.scale else {}
        return {**gamma, "beta": self._beta} if self.shift else gamma

    def gradients(self, dy: Array) -> None:
        self._write_gradients(self._shared(dy))

    def backward(self, dy: Array) -> Array:
        return self._input_gradient(dy, self._shared(dy))

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        shared = self._shared(dy)
        self._write_gradients(shared)
        return self._input_gradient(dy, shared) if inputs else None

    @abstractmethod
    def _shared(self, dy: Array) -> tuple[Array, Array]:
        """Return what both the gradients and dx are computed from."""

    @abstractmethod
    def _write_gradients(self, shared: tuple[Array, Array]) -> None:
        """Write dgamma and dbeta."""

    @abstractmethod
    def _input_gradient(self, dy: Array, shared: tuple[Array, Array]) -> Array:
        """Return dx."""
