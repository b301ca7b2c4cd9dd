"""What optimizers with a memory share: arrays kept for each parameter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Optimizer
from plugnet.parameter import Parameter, packed

BLOCK = 65536  # numbers updated at a time: all passes but the first find them in the cache


class SlotOptimizer(Optimizer):
    """An optimizer that keeps, for each parameter, arrays of its shape, zero at first.

    The state's names are ``slot/parameter``, as ``velocity/fc1.weight``.
    """

    #: The names of the arrays that are kept.
    slots: ClassVar[tuple[str, ...]]
    #: How many more arrays `step` computes in.
    scratches: ClassVar[int] = 1

    def __init__(self) -> None:
        self._slots: dict[str, list[Array]] = {}
        self._parameters: list[tuple[Parameter, Array, Array]] = []
        self._blocks: list[list[Array]] = []

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy begins with: not the arrays' parts, which would be parts no more."""
        return {**vars(self), "_parameters": [], "_blocks": []}

    @abstractmethod
    def step(self, value: Array, grad: Array, rate: float, *arrays: Array) -> None:
        """Change ``value`` and the slots in place, for one block of a parameter.

        ``arrays`` are the slots, then the scratch arrays, which hold anything; all have the shape
        of ``value``.
        """

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        """Take one step with learning rate ``rate``."""
        if not self._knows(parameters):
            self._take_up(parameters)
        for value, grad, *arrays in self._blocks:
            self.step(value, grad, rate, *arrays)

    def state(self) -> dict[str, Array]:
        """Return the arrays that are kept, by ``slot/parameter``."""
        return {
            f"{slot}/{name}": array
            for name, arrays in self._slots.items()
            for slot, array in zip(self.slots, arrays, strict=True)
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over, by copy, what `state` returned.

        Raises:
            ShapeError: the names are not those of this optimizer's state.
        """
        names = dict.fromkeys(name.partition("/")[2] for name in state)
        expected = {f"{slot}/{name}" for name in names for slot in self.slots}
        if expected != state.keys():
            raise ShapeError(
                f"{type(self).__name__} keeps {' and '.join(self.slots)} for every parameter, but "
                f"the state to restore has {sorted(state)}. Restore it into an optimizer of the "
                "kind that saved it.",
                expected=sorted(expected),
                got=sorted(state),
            )
        self._slots = {
            name: [np.array(state[f"{slot}/{name}"]) for slot in self.slots] for name in names
        }
        self._parameters = []

    def _knows(self, parameters: Sequence[Parameter]) -> bool:
        """Tell whether these are the parameters of the update before, in the same arrays."""
        if len(parameters) != len(self._parameters):
            return False
        for p, (parameter, value, grad) in zip(parameters, self._parameters, strict=True):
            if p is not parameter or p.value is not value or p.grad is not grad:
                return False
        return True

    def _take_up(self, parameters: Sequence[Parameter]) -> None:
        """Begin to keep arrays for parameters, or go on with those kept."""
        self._check(parameters)
        pack = packed(parameters)
        if pack is None:
            for p in parameters:
                self._slots.setdefault(p.name, [np.zeros_like(p.value) for _ in self.slots])
            wholes = [(p.value, p.grad, *self._slots[p.name]) for p in parameters]
        else:
            flat = [np.zeros_like(pack.values) for _ in self.slots]
            for parameter, place in zip(parameters, pack.places, strict=True):
                views = [slot[place].reshape(parameter.value.shape) for slot in flat]
                for view, kept in zip(views, self._slots.get(parameter.name, ()), strict=False):
                    view[...] = kept
                self._slots[parameter.name] = views
            wholes = [(pack.values, pack.grads, *flat)]
        self._blocks = [block for arrays in wholes for block in self._divide(arrays)]
        self._parameters = [(p, p.value, p.grad) for p in parameters]

    def _check(self, parameters: Sequence[Parameter]) -> None:
        """Check that what is remembered under a parameter's name is its own."""
        known = {p.name: p for p, _, _ in self._parameters}
        for parameter in parameters:
            self._check_slots(parameter)
            if known.get(parameter.name, parameter) is not parameter:
                raise ArgumentError(
                    f"The optimizer already remembers another parameter called "
                    f"'{parameter.name}'. Use one optimizer for each network, and give the "
                    "parameters of separate layers names of their own.",
                    argument="parameters",
                    value=parameter.name,
                )

    def _check_slots(self, parameter: Parameter) -> None:
        value = parameter.value
        for slot in self._slots.get(parameter.name, ()):
            if slot.shape != value.shape or slot.dtype != value.dtype:
                raise ShapeError(
                    f"The optimizer remembers '{parameter.name}' with the shape {slot.shape} and "
                    f"dtype {slot.dtype}, but it has {value.shape} and {value.dtype}. Use a new "
                    "optimizer for another network.",
                    expected=slot.shape,
                    got=value.shape,
                )

    def _divide(self, arrays: Sequence[Array]) -> Iterator[list[Array]]:
        """Yield the parts of some arrays of one shape, whole rows each, and scratch arrays."""
        arrays = np.atleast_1d(*arrays)
        value = arrays[0]
        rows = max(1, BLOCK * len(value) // max(value.size, 1))
        scratches = [np.empty_like(value[:rows]) for _ in range(self.scratches)]
        for start in range(0, len(value), rows):
            block = [array[start : start + rows] for array in arrays]
            yield block + [scratch[: len(block[0])] for scratch in scratches]
