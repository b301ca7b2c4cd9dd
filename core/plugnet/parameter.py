"""Parameter: an array that belongs to a layer, and its gradient."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array


class Parameter:
    """A named array of a layer and the gradient of the loss with respect to it.

    Attributes:
        name: the layer's word for it ("weight"); inside a network the path ("fc1.weight").
        value: the array; optimizers change it in place and never replace it.
        grad: same shape and dtype as ``value``; overwritten by every backward pass, never
            accumulated. Stays zero if the parameter is not trained.
        decay: whether regularizers act on it; False for biases.
        trainable: False for an array that is saved with the network but not trained.
    """

    __slots__ = ("decay", "grad", "name", "trainable", "value")

    def __init__(
        self, name: str, value: Array, *, decay: bool = True, trainable: bool = True
    ) -> None:
        self.name = name
        self.value = value
        self.grad: Array = np.zeros_like(value)
        self.decay = decay
        self.trainable = trainable

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={self.value.shape}, dtype={self.value.dtype})"
