"""What optimizers with a memory share: arrays kept for each parameter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Optimizer
from plugnet.parameter import Parameter

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
        self._values: dict[str, Array] = {}
        self._blocks: dict[str, list[tuple[slice | EllipsisType, list[Array]]]] = {}

    @abstractmethod
    def step(self, value: Array, grad: Array, rate: float, *arrays: Array) -> None:
        """Change ``value`` and the slots in place, for one block of a parameter.

        ``arrays`` are the slots, then the scratch arrays, which hold anything; all have the shape
        of ``value``.
        """

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        """Take one step with learning rate ``rate``."""
        for parameter in parameters:
            value, grad = parameter.value, parameter.grad
            for block, arrays in self._blocks_of(parameter):
                self.step(value[block], grad[block], rate, *arrays)

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
        self._blocks, self._values = {}, {}

    def _blocks_of(self, parameter: Parameter) -> list[tuple[slice | EllipsisType, list[Array]]]:
        """Return the parts of a parameter, whole rows each, and the arrays for each part."""
        name, value = parameter.name, parameter.value
        if self._values.get(name) is not value:
            self._take_up(name, value)
        return self._blocks[name]

    def _take_up(self, name: str, value: Array) -> None:
        """Begin to keep arrays for a parameter, or go on with restored ones."""
        slots = self._slots.setdefault(name, [np.zeros_like(value) for _ in self.slots])
        if any(slot.shape != value.shape or slot.dtype != value.dtype for slot in slots):
            raise ShapeError(
                f"The optimizer remembers '{name}' with the shape {slots[0].shape} and dtype "
                f"{slots[0].dtype}, but it has {value.shape} and {value.dtype}. Use a new "
                "optimizer for another network.",
                expected=slots[0].shape,
                got=value.shape,
            )
        if name in self._values:
            raise ArgumentError(
                f"The optimizer already remembers another parameter called '{name}'. Use one "
                "optimizer for each network, and give the parameters of separate layers names of "
                "their own.",
                argument="parameters",
                value=name,
            )
        self._blocks[name] = self._divide(value, slots)
        self._values[name] = value

    def _divide(
        self, value: Array, slots: list[Array]
    ) -> list[tuple[slice | EllipsisType, list[Array]]]:
        if value.size <= BLOCK:
            return [(..., slots + [np.empty_like(value) for _ in range(self.scratches)])]
        rows = max(1, BLOCK * len(value) // value.size)
        scratches = [np.empty_like(value[:rows]) for _ in range(self.scratches)]
        blocks: list[tuple[slice | EllipsisType, list[Array]]] = []
        for start in range(0, len(value), rows):
            block = slice(start, start + rows)
            left = len(value) - start
            arrays = [slot[block] for slot in slots] + [array[:left] for array in scratches]
            blocks.append((block, arrays))
        return blocks
