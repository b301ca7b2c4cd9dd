"""Optimizers, right ones and ones whose fault the kit must name."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from tests.checks import names_faults

from plugnet.arrays import Array
from plugnet.interfaces import Optimizer

LAST: list[Array] = []
VELOCITIES: dict[int, tuple[Array, Array]] = {}


class Momentum(Optimizer):
    """Gradient descent with momentum 0.5."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        self.move(value, grad, rate, decay, *arrays)

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        velocity, scratch = arrays
        velocity *= 0.5
        velocity += np.multiply(grad, rate, out=scratch)
        value -= velocity


class Climbs(Momentum):
    """Adds the gradient."""

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        super().move(value, grad, -rate, decay, *arrays)


class NotInPlace(Momentum):
    """Changes a copy of the value."""

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        super().move(value.copy(), grad, rate, decay, *arrays)


class DestroysGrad(Momentum):
    """Clears the gradients."""

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        super().move(value, grad, rate, decay, *arrays)
        grad.fill(0)


class AlwaysDecays(Momentum):
    """Shrinks every parameter, biases too."""

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        super().move(value, grad, rate, decay, *arrays)
        value *= 1 - 0.001 * rate


class DecaysUnasked(Momentum):
    """Decays, but does not say so."""

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        super().move(value, grad, rate, decay, *arrays)
        value *= 1 - 0.001 * rate * decay


class Decoupled(DecaysUnasked):
    """Says that it decays."""

    decoupled_decay: ClassVar[bool] = True


class DecaysInWordsOnly(Momentum):
    """Says that it decays, but does not."""

    decoupled_decay: ClassVar[bool] = True


class IgnoresRate(Momentum):
    """Ignores the rate."""

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        super().move(value, grad, 0.01, decay, *arrays)


class NoSlots(Momentum):
    """Does not declare its state."""

    slots: ClassVar[tuple[str, ...]] = ()


class ReadsScratch(Momentum):
    """Adds to the contents of the scratch array."""

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        velocity, scratch = arrays
        scratch += rate * grad
        velocity *= 0.5
        velocity += scratch
        value -= velocity


class Counts(Optimizer):
    """Counts its own steps, and shortens them."""

    def __init__(self) -> None:
        self._steps = 0

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        self._steps += 1
        value -= rate / self._steps * grad


class SharesLast(Optimizer):
    """Keeps the last gradient of all in the module."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        last = LAST.pop() if LAST and t > 1 and LAST[0].shape == grad.shape else grad
        LAST[:] = [grad.copy()]
        value -= rate * (grad + 0.1 * last)


class KeyedByArray(Optimizer):
    """Keeps the velocity of each array in the module, beside the array: its id stays its own."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = rate * grad
        if t > 1 and id(value) in VELOCITIES:
            velocity += VELOCITIES[id(value)][1] / 2
        VELOCITIES[id(value)] = value, velocity
        value -= velocity


class LayerWise(Optimizer):
    """Steps in proportion to the norm of the values, like LARS: not elementwise."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        length = float(np.linalg.norm(grad))
        if length:
            value -= rate * float(np.linalg.norm(value)) / length * grad


class LayerWiseAndSaysSo(LayerWise):
    """Right: says that it is not elementwise."""

    elementwise: ClassVar[bool] = False


class RowsOnly(Momentum):
    """Centers gradients over the inputs, but works only for values of two axes."""

    elementwise: ClassVar[bool] = False

    def move(self, value: Array, grad: Array, rate: float, decay: float, *arrays: Array) -> None:
        super().move(value, grad - grad.mean(axis=(0, 1)), rate, decay, *arrays)


test_the_fault_is_named = names_faults(
    {
        Momentum: set(),
        Decoupled: set(),
        LayerWiseAndSaysSo: set(),
        Climbs: {"descends"},
        NotInPlace: {"descends", "rate"},
        DestroysGrad: {"grad_unchanged"},
        AlwaysDecays: {"zero_gradient"},
        DecaysUnasked: {"decay"},
        DecaysInWordsOnly: {"decay"},
        IgnoresRate: {"rate"},
        NoSlots: {"step"},
        ReadsScratch: {"scratch"},
        Counts: {"pure", "resume"},
        SharesLast: {"pure", "resume"},
        KeyedByArray: {"resume"},
        LayerWise: {"elementwise"},
        RowsOnly: {"step"},
    }
)
