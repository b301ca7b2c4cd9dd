"""Checks of activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Activation
from plugnet.testing.comparison import allclose, writes_to
from plugnet.testing.gradients import RESTRICTED, compare_gradient, one_sided_slopes
from plugnet.testing.report import fail, require
from plugnet.testing.snapshot import Snapshot
from plugnet.testing.state import warnings_as_failures
from plugnet.testing.target import Target, for_each

#: Beyond where a clipped function bends, and where exp overflows in float32; no whole numbers, at
#: which a step function jumps.
FAR: Final = (3.3, 5.1, 7.7, 13.3, 29.3, 47.3, 89.3, 98.7)
ROUNDING: Final = 1e-2  # of a derivative in float32, and the effect on it of a change by 1e-5
LARGE: Final = (-1e3, -100.0, 100.0, 1e3)


class ActivationHarness(NamedTuple):
    """An activation with inputs for it.

    Attributes:
        activation: the activation.
        x: ``(5, 4)`` inputs: the example's, or drawn from a normal distribution.
        limits: the least and the largest number that it accepts.
    """

    activation: Activation
    x: Array
    limits: tuple[float, float]

    def within(self, numbers: Sequence[float]) -> Array:
        """Return the numbers within the limits."""
        low, high = self.limits
        return np.array([number for number in numbers if low < number < high])

    def total(self, x: Array) -> float:
        """Return the sum of the values."""
        return float(self.activation.forward(x.copy()).sum())

    def run(self, x: Array) -> tuple[Array, Array]:
        """Return copies of the value and the derivative."""
        y = np.array(self.activation.forward(x.copy()))
        return y, np.array(self.activation.derivative(x.copy(), y.copy()))


def harnesses(target: Target) -> Iterator[ActivationHarness]:
    """Yield a harness for each example."""
    for example in target.usable_examples:
        activation = target.build(example)
        if example.inputs is None:
            x: Array = np.random.default_rng(1).normal(0, 2, (5, 4))
            yield ActivationHarness(activation, x, (-np.inf, np.inf))
        else:
            x = np.resize(example.inputs.astype(float), (5, 4))
            yield ActivationHarness(activation, x, (float(x.min()), float(x.max())))


def exercise(target: Target) -> list[Array]:
    """Run an activation and its derivative."""
    return [array for harness in harnesses(target) for array in harness.run(harness.x)]


@for_each(harnesses)
def check_derivative(harness: ActivationHarness) -> None:
    """`derivative` agrees with central differences, in float64."""
    far = harness.within([*FAR, *(-number for number in FAR)])
    for x in (harness.x, *far.reshape(-1, 1)):  # each alone, because a sum would hide small ones
        where = "derivative" if x is harness.x else f"derivative at {x[0]:g}"
        compare_gradient(harness.run(x)[1], partial(harness.total, x), x, where)


@for_each(harnesses)
def check_float32_agrees(harness: ActivationHarness) -> None:
    """At moderate numbers up to 100 the derivative in float32 is that in float64."""
    far = harness.within([*FAR, *(-number for number in FAR)]).astype("float32")
    found, wide = harness.run(far)[1], far.astype("float64")
    expected, moved = (harness.run(x)[1] for x in (wide, wide * (1 + 1e-5)))
    slack = ROUNDING * np.maximum(1, abs(expected)) + abs(moved - expected)
    fits = abs(expected) < np.finfo("float32").max / 2
    for place in np.flatnonzero(fits & ~(abs(found - expected) <= slack)):
        fail(
            f"derivative at {far[place]:g} is {found[place]:.4g} in float32, but "
            f"{expected[place]:.4g} in float64. Use a formula that does not overflow."
        )


@for_each(harnesses)
def check_kinks(harness: ActivationHarness) -> None:
    """At kinks, the derivative lies between the one-sided slopes."""
    x = harness.within([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0])
    low, high = one_sided_slopes(harness.activation.forward, x, np.ones_like(x))
    slope = harness.run(x)[1]
    for place in np.flatnonzero((slope < low) | (slope > high) | np.isnan(slope)):
        fail(
            f"derivative at {x[place]:g} must lie between the slopes on both sides, within "
            f"{low[place]:.4g} .. {high[place]:.4g}, but it is {slope[place]:.4g}."
        )


@for_each(harnesses)
def check_large_inputs(harness: ActivationHarness) -> None:
    """At +-1000 the value and the derivative are finite, without overflow or warnings."""
    advice = (
        f"Use a formula that does not overflow; or, if it accepts only some numbers, {RESTRICTED}."
    )
    for dtype in ("float32", "float64"):
        x = harness.within(LARGE)[None].astype(dtype)
        with warnings_as_failures(f"{advice} At {x[0]} in {dtype}", ("over", "invalid")):
            y, slope = harness.run(x)
        for name, array in (("forward", y), ("derivative", slope)):
            require(np.isfinite(array).all(), f"{name} of {x[0]} in {dtype} gives {array}.")


@for_each(harnesses)
def check_elementwise(harness: ActivationHarness) -> None:
    """Each value depends only on its own input, for inputs of any shape, even empty."""
    x = harness.x
    whole = harness.run(x)
    for shape in ((1, x.size), (x.size,), (1, x.size, 1, 1)):
        for one, other in zip(harness.run(x.reshape(shape)), whole, strict=True):
            require(one.shape == shape, f"For x of shape {shape} it returns shape {one.shape}.")
            require(
                allclose(one.ravel(), other.ravel()), "Its values depend on the shape of the input."
            )
    for one, other in zip(harness.run(x[:1]), whole, strict=True):
        require(
            allclose(one, other[:1]),
            "The first row alone has different values: an activation must work element by element.",
        )
    for empty in harness.run(x[:0]):
        require(empty.shape == x[:0].shape, "An empty batch gives a different shape.")


@for_each(harnesses)
def check_out(harness: ActivationHarness) -> None:
    """The result is written to ``out`` and returned; without ``out`` it is a new array."""
    activation, x = harness.activation, harness.x
    y, slope = harness.run(x)
    for name, function, expected in (
        ("forward", partial(activation.forward, x), y),
        ("derivative", partial(activation.derivative, x, y), slope),
    ):
        out = np.full_like(x, np.nan)
        require(function(out) is out, f"{name} must return the array that is passed as out.")
        require(allclose(out, expected), f"{name} gives different values with out than without.")
    fresh = activation.forward(x)
    require(not np.shares_memory(fresh, x), "forward must return a new array, not its input.")


@for_each(harnesses)
def check_same_arrays(harness: ActivationHarness) -> None:
    """Results are computed anew from arrays with new numbers."""
    activation, x, y = harness.activation, harness.x.copy(), np.empty_like(harness.x)
    found = []
    for numbers in (harness.x, np.ascontiguousarray(harness.x[::-1])):
        x[...] = numbers
        y[...] = activation.forward(x)
        found = [y.copy(), np.array(activation.derivative(x, y))]
    require(
        all(map(allclose, found, harness.run(np.ascontiguousarray(harness.x[::-1])))),
        "With new numbers in the same arrays, its values or derivatives are not those of the new "
        "numbers. Compute anew each time.",
    )


def check_instances_independent(target: Target) -> None:
    """Two activations with the same arguments do not affect each other."""
    for one, other in zip(harnesses(target), harnesses(target), strict=True):
        x = one.x
        y, slope = one.run(x)
        kept = one.activation.derivative(x, y)
        other.run(np.ascontiguousarray(x[::-1]))
        require(
            allclose(kept, slope),
            "With another activation of the same class in use, a derivative is overwritten. Keep "
            "buffers in the object, not in the class or the module.",
        )


@for_each(harnesses)
def check_dtype(harness: ActivationHarness) -> None:
    """The value and the derivative have the dtype of the input, float32 or float64."""
    for dtype in ("float32", "float64"):
        found = [array.dtype for array in harness.run(harness.x.astype(dtype))]
        require(found == [dtype] * 2, f"In {dtype}, forward and derivative give {found}.")


@for_each(harnesses)
def check_inputs_unchanged(harness: ActivationHarness) -> None:
    """Neither x nor y is written to, and read-only arrays are accepted."""
    activation, x = harness.activation, harness.x
    y, _ = harness.run(x)
    require(not writes_to(activation.forward, x), "forward writes to its input x.")
    require(not writes_to(activation.derivative, x, y), "derivative writes to its input x or y.")


@for_each(harnesses)
def check_forward_keeps_nothing(harness: ActivationHarness) -> None:
    """`forward` changes no attribute, because other threads may predict at the same time."""
    before = Snapshot(harness.activation)
    harness.activation.forward(harness.x.copy())
    before.require_unchanged(
        "forward", "Only derivative, which is only used in training, may keep a buffer."
    )
