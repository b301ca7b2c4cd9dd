"""Optimizers that are wrong on purpose: the kit must name the fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from plugnet.arrays import Array
from plugnet.interfaces import Optimizer
from plugnet.parameter import Parameter
from plugnet.testing import check_component


class Momentum(Optimizer):
    """Gradient descent with momentum 0.5."""

    def __init__(self) -> None:
        self._velocity: dict[str, Array] = {}

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        for p in parameters:
            velocity = self._velocity.setdefault(p.name, np.zeros_like(p.value))
            velocity *= 0.5
            velocity += rate * p.grad
            p.value -= velocity

    def state(self) -> dict[str, Array]:
        return dict(self._velocity)

    def restore(self, state: Mapping[str, Array]) -> None:
        self._velocity = {name: array.copy() for name, array in state.items()}


class Climbs(Momentum):
    """Adds the gradient."""

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        super().update(parameters, -rate)


class ReplacesValue(Momentum):
    """Puts a new array in the place of the value."""

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        super().update(parameters, rate)
        for parameter in parameters:
            parameter.value = parameter.value.copy()


class DoesNotRestore(Momentum):
    """Forgets what it should restore."""

    def restore(self, state: Mapping[str, Array]) -> None:
        pass


class RestoresReference(Momentum):
    """Goes on in the arrays that it was given."""

    def restore(self, state: Mapping[str, Array]) -> None:
        self._velocity = dict(state)


class DestroysGrad(Momentum):
    """Clears the gradients."""

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        super().update(parameters, rate)
        for parameter in parameters:
            parameter.grad.fill(0)


class DecaysBiases(Momentum):
    """Shrinks every parameter, biases too."""

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        super().update(parameters, rate)
        for parameter in parameters:
            parameter.value *= 1 - 0.001 * rate


class IgnoresRate(Momentum):
    """Takes steps of its own length."""

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        super().update(parameters, 0.01)


class SharesByShape(Momentum):
    """Keeps one velocity for all parameters of a shape."""

    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        for p in parameters:
            velocity = self._velocity.setdefault(str(p.value.shape), np.zeros_like(p.value))
            velocity *= 0.5
            velocity += rate * p.grad
            p.value -= velocity


@pytest.mark.parametrize(
    ("component", "faults"),
    [
        (Momentum, set()),
        (Climbs, {"descends"}),
        (ReplacesValue, {"in_place"}),
        (DoesNotRestore, {"state"}),
        (RestoresReference, {"state"}),
        (DestroysGrad, {"grad_unchanged"}),
        (DecaysBiases, {"zero_gradient"}),
        (IgnoresRate, {"rate"}),
        (SharesByShape, {"parameters_apart"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_fault_is_named(component: type[Optimizer], faults: set[str]) -> None:
    report = check_component(component, raise_on_failure=False)
    assert {result.check for result in report.failed} == faults
