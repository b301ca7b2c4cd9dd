"""What residual connections and branches share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.chain import Chain
from plugnet.interfaces import Layer


class Fork(Layer):
    """A layer that gives its input to several chains and combines their outputs.

    Each chain prepares and checks its own layers, and its backward pass goes only as far back as
    there is anything to train.
    """

    _chains: tuple[Chain, ...]
    _y: Array | None = None
    _dx: Array | None = None

    def input_shape(self) -> Shape | None:
        shapes = (chain.input_shape() for chain in self._chains)
        return next((shape for shape in shapes if shape is not None), None)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        for chain, own in zip(self._chains, rng.spawn(len(self._chains)), strict=True):
            chain.initialize(shape, own, dtype)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty((batch_shape[0], *self.output_shape(batch_shape[1:])), dtype)
        self._dx = np.empty(batch_shape, dtype)

    @abstractmethod
    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Go back through every chain; return dx, summed over the chains, if ``inputs``."""


def as_chain(value: Any) -> Chain:
    """Return ``value``, a layer in any form, as a chain: of one layer, unless it is a chain.

    Raises:
        ArgumentError: it is a list that does not begin with a name.
        RegistryError: a name cannot be built.
    """
    chain = Chain([value])
    layer = chain.layers[0]
    return layer if isinstance(layer, Chain) else chain
