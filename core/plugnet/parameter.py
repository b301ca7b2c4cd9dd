"""Parameter: an array that belongs to a layer, and its gradient; and many of them laid together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from plugnet.arrays import Array


class Parameter:
    """A named array of a layer and the gradient of the loss with respect to it.

    Attributes:
        name: the layer's word for it ("weight"); inside a network the path ("fc1.weight").
        value: the array; optimizers change it in place and never replace it. Read it here each
            time: a network moves it once, after the layer's `initialize`.
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


class Pack(NamedTuple):
    """Parameters that lie side by side.

    What is done to each number by itself can be done to all at once: a network has many small
    arrays, and a call of NumPy costs as much as some thousand additions.

    Attributes:
        values: ``(n,)``, all values; first those of parameters that decay.
        grads: ``(n,)``, their gradients.
        places: where each parameter lies in them, in the order in which they were given.
        decaying: where those lie on which regularizers act.
    """

    values: Array
    grads: Array
    places: tuple[slice, ...]
    decaying: slice

    def holds(self, parameters: Sequence[Parameter]) -> bool:
        """Tell whether parameters still are here: somebody may have given one another array."""
        values, grads = self.values, self.grads
        for parameter in parameters:  # a loop, as `all` of a generator takes twice as long
            if parameter.value.base is not values or parameter.grad.base is not grads:
                return False
        return True


def pack(parameters: Sequence[Parameter]) -> None:
    """Lay the values of parameters side by side in one array, and their gradients in another.

    Parameters that share memory, or differ in dtype, stay where they are.
    """
    if not parameters:
        return
    owners = {id(p.value if p.value.base is None else p.value.base) for p in parameters}
    if len(owners) < len(parameters) or len({p.value.dtype for p in parameters}) != 1:
        return
    places, _ = _layout(parameters)
    size = sum(parameter.value.size for parameter in parameters)
    values, grads = (np.zeros_like(parameters[0].value, shape=(size,)) for _ in range(2))
    for parameter, place in zip(parameters, places, strict=True):
        shape = parameter.value.shape
        values[place] = parameter.value.reshape(-1)
        parameter.value, parameter.grad = values[place].reshape(shape), grads[place].reshape(shape)


def packed(parameters: Sequence[Parameter]) -> Pack | None:
    """Return the pack in which `pack` laid just these parameters; None: they do not lie so."""
    if not parameters:
        return None
    values, grads = parameters[0].value.base, parameters[0].grad.base
    places, decaying = _layout(parameters)
    size = sum(parameter.value.size for parameter in parameters)
    if values is None or grads is None or not values.shape == grads.shape == (size,):
        return None
    for parameter, place in zip(parameters, places, strict=True):
        for array, flat in ((parameter.value, values), (parameter.grad, grads)):
            if array.base is not flat or _address(array) != _address(flat[place]):
                return None
    return Pack(values, grads, places, decaying)


def _layout(parameters: Sequence[Parameter]) -> tuple[tuple[slice, ...], slice]:
    """Return where each parameter belongs, and where all that decay do: before the others."""
    order = sorted(parameters, key=lambda parameter: not parameter.decay)
    ends = accumulate(parameter.value.size for parameter in order)
    spans = {
        id(parameter): slice(end - parameter.value.size, end)
        for parameter, end in zip(order, ends, strict=True)
    }
    decaying = sum(parameter.value.size for parameter in parameters if parameter.decay)
    return tuple(spans[id(parameter)] for parameter in parameters), slice(decaying)


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])
