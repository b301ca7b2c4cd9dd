"""Checks of optimizers on a quadratic: half the squared distance of the values from a goal."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import product
from typing import Final

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Optimizer
from plugnet.testing.comparison import allclose, identical
from plugnet.testing.report import CheckFailure, NotApplicable, fail, raised, require
from plugnet.testing.snapshot import Snapshot
from plugnet.testing.target import Target, for_each

RATES: Final = (1.0, 0.1, 0.01)
CHANGING: Final = (0.1, 0.02, 0.05)
STEPS: Final = 20
GOAL: Final = 0.25
#: The shapes of a weight, a bias, a kernel, a weight without inputs, and a scalar.
SHAPES: Final[tuple[Shape, ...]] = ((4, 3), (3,), (2, 3, 2, 4), (0, 3), (1,))


class OptimizerHarness:
    """An optimizer with one parameter and its slots.

    Attributes:
        optimizer: a copy of the optimizer.
        value: the values, which descend to the goal.
        grad: the gradient of the values.
        slots: the arrays that the optimizer keeps for them.
        t: the number of steps so far.
    """

    def __init__(
        self, optimizer: Optimizer, shape: Shape = (4, 3), dtype: str = "float64", seed: int = 1
    ) -> None:
        self.optimizer = copy.deepcopy(optimizer)  # a separate check covers what one keeps
        start = np.random.default_rng(seed).normal(1, 0.2, shape)
        self.value: Array = start.astype(dtype)
        self.grad = np.zeros_like(self.value)
        self.slots = [np.zeros_like(self.value) for _ in optimizer.slots]
        self.t = 0

    def step(self, rate: float = 0.1, decay: float = 0, fill: float = 0) -> None:
        """Take one step, with scratch arrays full of ``fill``."""
        self.t += 1
        np.subtract(self.value, GOAL, out=self.grad)
        scratches = [np.full_like(self.value, fill) for _ in range(self.optimizer.scratches)]
        self.optimizer.step(self.value, self.grad, rate, decay, self.t, *self.slots, *scratches)

    def steps(
        self, rates: Sequence[float] = CHANGING, decay: float = 0, fill: float = 0
    ) -> list[Array]:
        """Take one step for each rate, and return the values and the slots."""
        for rate in rates:
            self.step(rate, decay, fill)
        return [self.value, *self.slots]

    def cost(self) -> float:
        """Return the distance of the values from the goal."""
        return float(np.linalg.norm(self.value - GOAL))


def working_optimizers(target: Target) -> list[Optimizer]:
    """Return an optimizer for each example; not applicable if one cannot take steps."""
    try:
        check_step(target)
    except CheckFailure:
        raise NotApplicable("it cannot take steps: see step") from None
    return target.build_all()


def exercise(target: Target) -> list[Array]:
    """Take some steps."""
    return [
        array
        for optimizer, shape in product(working_optimizers(target), SHAPES)
        for array in OptimizerHarness(optimizer, shape, "float32").steps()
    ]


@for_each(Target.build_all)
def check_step(optimizer: Optimizer) -> None:
    """`step` works for values of any shape, with the declared slots and scratch arrays."""
    for shape in SHAPES:
        try:
            OptimizerHarness(optimizer, shape).step()
        except Exception as error:
            fail(
                f"With values of shape {shape}, the slots {optimizer.slots} and "
                f"{optimizer.scratches} scratch arrays, step {raised(error)}."
            )


@for_each(working_optimizers)
def check_descends(optimizer: Optimizer) -> None:
    """With a rate of 1, 0.1 or 0.01, steps reduce the loss, for values of each shape."""
    for shape in SHAPES:
        harnesses = [OptimizerHarness(optimizer, shape) for _ in RATES]
        before = harnesses[0].cost()
        for harness, rate in zip(harnesses, RATES, strict=True):
            harness.steps([rate] * STEPS)
        require(
            not before or any(harness.cost() < before for harness in harnesses),
            f"After {STEPS} steps on a quadratic, the loss of values of shape {shape} is not "
            f"lower with any of the rates {RATES}. A step must subtract from the values, in place.",
        )


@for_each(working_optimizers)
def check_grad_unchanged(optimizer: Optimizer) -> None:
    """``grad`` is not changed, because hooks and logs read it after the step."""
    for shape in SHAPES:
        harness = OptimizerHarness(optimizer, shape)
        harness.step()
        before = harness.value.copy()
        harness.step()
        require(
            allclose(harness.grad, before - GOAL), "step changes grad, but must not write to it."
        )


@for_each(working_optimizers)
def check_zero_gradient(optimizer: Optimizer) -> None:
    """Values whose gradient was always zero stay the same without decay."""
    harness = OptimizerHarness(optimizer)
    harness.value.fill(GOAL)
    harness.steps()
    require(np.all(harness.value == GOAL), "With a zero gradient and no decay, the value changes.")


@for_each(working_optimizers)
def check_rate(optimizer: Optimizer) -> None:
    """The first step is longer with a higher rate."""
    lengths = []
    for rate in (0.01, 0.02):
        harness = OptimizerHarness(optimizer)
        before = harness.value.copy()
        harness.step(rate)
        lengths.append(float(np.linalg.norm(harness.value - before)))
    require(
        lengths[1] > lengths[0],
        "The first step with the rate 0.02 is not longer than with 0.01: step must use the rate "
        "that is passed in.",
    )


def check_decay(target: Target) -> None:
    """``decay`` has an effect if and only if the class says ``decoupled_decay = True``."""
    counts = [
        not identical(
            OptimizerHarness(optimizer).steps()[0], OptimizerHarness(optimizer).steps(decay=1)[0]
        )
        for optimizer in working_optimizers(target)
    ]
    if not target.cls.decoupled_decay:
        require(
            not any(counts),
            "With decay=1 it takes different steps than with 0. Weights are decayed by a "
            "regularizer, unless the class says decoupled_decay = True.",
        )
    elif target.instance is None:  # one instance may not decay
        require(
            any(counts),
            "decoupled_decay is True, but with decay=1 it takes the same steps as with 0.",
        )


@for_each(working_optimizers)
def check_pure(optimizer: Optimizer) -> None:
    """A step depends on its arguments alone: state is kept only in the slots."""
    harness = OptimizerHarness(optimizer)
    before = Snapshot(harness.optimizer)
    alone = harness.steps()
    before.require_unchanged("step", "Keep state in a slot, declared by slots = ('velocity',).")
    one, other = OptimizerHarness(optimizer), OptimizerHarness(optimizer, seed=2)
    other.optimizer = one.optimizer
    for rate in CHANGING:
        one.step(rate)
        other.step(rate)
    require(
        all(map(identical, [one.value, *one.slots], alone)),
        "With steps of other parameters in between, it takes different steps. Keep no state in the "
        "class or the module.",
    )


@for_each(working_optimizers)
def check_scratch(optimizer: Optimizer) -> None:
    """The step does not depend on what the scratch arrays hold."""
    require(
        all(
            map(
                identical,
                OptimizerHarness(optimizer).steps(),
                OptimizerHarness(optimizer).steps(fill=np.nan),
            )
        ),
        "The contents of the scratch arrays change the step: write to them before reading.",
    )


@for_each(working_optimizers)
def check_elementwise(optimizer: Optimizer) -> None:
    """If ``elementwise``, a step on blocks of the values equals a step on the whole."""
    if not optimizer.elementwise:
        raise NotApplicable("the class says elementwise = False")
    for shape in SHAPES:
        start = OptimizerHarness(optimizer, shape).value.reshape(-1)
        whole = [array.reshape(-1) for array in OptimizerHarness(optimizer, shape).steps()]
        for cut in (0, 1, start.size // 2, start.size):
            for part in (slice(cut), slice(cut, start.size)):
                block = OptimizerHarness(optimizer, start[part].shape)
                block.value[...] = start[part]
                require(
                    all(map(allclose, block.steps(), [array[part] for array in whole])),
                    f"A block of values of shape {shape} takes different steps than within the "
                    "whole. Say elementwise = False in the class to get whole parameters.",
                )


@for_each(working_optimizers)
def check_resume(optimizer: Optimizer) -> None:
    """A new optimizer with copies of values, slots and count continues bit for bit."""
    straight, resumed = OptimizerHarness(optimizer), OptimizerHarness(optimizer)
    for own, array in zip([resumed.value, *resumed.slots], straight.steps(), strict=True):
        own[...] = array
    resumed.t = straight.t
    require(
        all(map(identical, straight.steps(), resumed.steps())),
        "A new optimizer with copies of the slots continues differently. Keep state only in the "
        "slots.",
    )
