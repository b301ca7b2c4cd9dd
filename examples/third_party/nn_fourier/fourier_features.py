"""The layer 'fourier_features'."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from plugnet import Parameter
from plugnet.arguments import integer, number
from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import CallOrderError, ShapeError
from plugnet.interfaces import Layer


class FourierFeatures(Layer):
    """y = [cos(x F), sin(x F)], with random frequencies F that are not trained.

    A network alone is slow to learn what changes fast with few inputs, such as an image as a
    function of its coordinates; with these features in front it is not (Tancik et al. 2020,
    equation 5, where F is 2 pi B^T). F is ``(inputs, features)``, drawn once, and saved.
    """

    def __init__(self, features: int = 64, scale: float = 1.0) -> None:
        """Describe the layer.

        Args:
            features: the number of frequencies; there are twice as many outputs.
            scale: their standard deviation, in periods per unit of x. Larger: finer details.

        Raises:
            ArgumentError: ``features`` is not a positive integer, or ``scale`` not above 0.
        """
        self.features = integer("features", features, at_least=1)
        self.scale = number("scale", scale, above=0)
        self._frequencies: Parameter | None = None
        self._y: Array | None = None
        self._dphase: Array | None = None
        self._dx: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(2 * features,)``.

        Raises:
            ShapeError: a sample is not a row of numbers.
        """
        if len(shape) != 1:
            raise ShapeError(
                f"Fourier features take samples of shape (inputs,), but this is {shape}. Put the "
                "layer 'flatten' before.",
                expected=("inputs",),
                got=shape,
            )
        return (2 * self.features,)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the frequencies."""
        self.output_shape(shape)
        drawn = rng.normal(0, 2 * math.pi * self.scale, (*shape, self.features))
        frequencies = drawn.astype(dtype, copy=False)
        self._frequencies = Parameter("frequencies", frequencies, trainable=False)

    def parameters(self) -> list[Parameter]:
        """Return the frequencies, so that they are saved with the network."""
        return [] if self._frequencies is None else [self._frequencies]

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the cosines, then the sines, ``(N, 2 * features)``."""
        phase = x @ self._drawn()
        y = reuse(self._y if training else None, phase, (len(x), 2 * self.features))
        if training:
            self._y = y
        np.cos(phase, out=y[:, : self.features])
        np.sin(phase, out=y[:, self.features :])
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx = (cos dsin - sin dcos) F^T."""
        y, frequencies = self.kept(self._y), self._drawn()
        cos, sin = np.split(y, 2, axis=1)
        dcos, dsin = np.split(dy, 2, axis=1)
        self._dphase = reuse(self._dphase, cos)
        np.multiply(cos, dsin, out=self._dphase)
        self._dphase -= sin * dcos
        self._dx = reuse(self._dx, y, (len(y), len(frequencies)))
        return np.matmul(self._dphase, frequencies.T, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return two for each frequency and input; sines and cosines are not counted."""
        return 2 * math.prod(shape) * self.features

    def _drawn(self) -> Array:
        if self._frequencies is None:
            raise CallOrderError(
                "These features have no frequencies yet: call initialize(shape, rng, dtype) "
                "before forward, or put the layer in a Network, which does it."
            )
        return self._frequencies.value
