"""The layer 'fourier_features'."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from plugnet import Parameter
from plugnet.arguments import integer, number
from plugnet.arrays import Array, Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer


class FourierFeatures(Layer):
    """y = [cos(x F), sin(x F)], with random frequencies F that are not trained.

    A network alone is slow to learn what changes fast with few inputs, such as an image as a
    function of its coordinates; with these features in front it is not (Tancik et al. 2020,
    equation 5, where F is 2 pi B^T). F is ``(inputs, features)``, drawn once, and saved.
    """

    # Set by initialize, by forward and by prepare; None: an array is made each time.
    _frequencies: Parameter
    _y: Array
    _y_buffer: Array | None = None
    _dphase: Array | None = None
    _dx: Array | None = None

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
        self._frequencies = Parameter(drawn.astype(dtype, copy=False), trainable=False)

    def parameters(self) -> Mapping[str, Parameter]:
        return {"frequencies": self._frequencies}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        rows = batch_shape[0]
        self._y_buffer = np.empty((rows, 2 * self.features), dtype)
        self._dphase = np.empty((rows, self.features), dtype)
        self._dx = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the cosines, then the sines, ``(N, 2 * features)``."""
        phase = x @ self._frequencies.value
        buffer = self._y_buffer if training else None
        y = np.concatenate([np.cos(phase), np.sin(phase)], axis=1, out=buffer)
        if training:
            self._y = y
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx = (cos dsin - sin dcos) F^T."""
        cos, sin = np.split(self._y, 2, axis=1)
        dcos, dsin = np.split(dy, 2, axis=1)
        dphase = np.multiply(cos, dsin, out=self._dphase)
        dphase -= sin * dcos
        return np.matmul(dphase, self._frequencies.value.T, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return two for each frequency and input; sines and cosines are not counted."""
        return 2 * math.prod(shape) * self.features
