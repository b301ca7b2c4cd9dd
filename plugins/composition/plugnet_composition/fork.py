"""What residual connections and branches share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.chain import Chain
from plugnet.interfaces import Layer


class Fork(Layer):
    """A layer that gives what it is given to several chains, and makes one of their outputs.

    The chains prepare and check their layers by themselves, and go back only as far as there is
    anything to train.
    """

    _chains: tuple[Chain, ...]
    _y: Array | None = None
    _dx: Array | None = None

    def input_shape(self) -> Shape | None:
        shapes = (chain.input_shape() for chain in self._chains)
        return next((shape for shape in shapes if shape is not None), None)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Initialize every chain for inputs of ``shape``."""
        for chain, own in zip(self._chains, rng.spawn(len(self._chains)), strict=True):
            chain.initialize(shape, own, dtype)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty((batch_shape[0], *self.output_shape(batch_shape[1:])), dtype)
        self._dx = np.empty(batch_shape, dtype)

    @abstractmethod
    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Go back through every chain; return the sum of their gradients by x if ``inputs``."""


def as_chain(value: Any) -> Chain:
    """Return the chain that ``value``, a layer in any form, means; others become chains of one.

    Raises:
        ArgumentError: it is a list that begins with no name.
        RegistryError: a name cannot be built.
    """
    chain = Chain([value])
    layer = chain.layers[0]
    return layer if isinstance(layer, Chain) else chain
