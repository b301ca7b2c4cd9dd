"""Checks of activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Activation
from plugnet.testing.comparison import allclose, identical, read_only, writes_to_read_only
from plugnet.testing.gradients import RESTRICTED, compare_gradient, one_sided_slopes
from plugnet.testing.report import fail, require
from plugnet.testing.state import Snapshot, warnings_as_failures
from plugnet.testing.target import Target, for_each

FAR: Final = (3.3, 5.1, 7.7, 13.0, 29.0, 47.0)  # beyond where a clipped function bends
LARGE: Final = (-1e3, -100.0, 100.0, 1e3)


class Trial(NamedTuple):
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

    def evaluate(self, x: Array) -> tuple[Array, Array]:
        """Return copies of the value and the derivative."""
        y = np.array(self.activation.forward(x.copy()))
        return y, np.array(self.activation.derivative(x.copy(), y.copy()))


def trials(target: Target) -> Iterator[Trial]:
    """Yield a trial for each example."""
    for example in target.usable_examples:
        activation = target.build(example)
        if example.inputs is None:
            x: Array = np.random.default_rng(1).normal(0, 2, (5, 4))
            yield Trial(activation, x, (-np.inf, np.inf))
        else:
            x = np.resize(example.inputs.astype(float), (5, 4))
            yield Trial(activation, x, (float(x.min()), float(x.max())))


def exercise(target: Target) -> list[Array]:
    """Run an activation and its derivative."""
    return [array for trial in trials(target) for array in trial.evaluate(trial.x)]


@for_each(trials)
def check_derivative(trial: Trial) -> None:
    """`derivative` agrees with central differences, in float64."""
    far = trial.within([*FAR, *(-number for number in FAR)])
    for x in (trial.x, *far.reshape(-1, 1)):  # each alone, because a sum would hide small ones
        where = "derivative" if x is trial.x else f"derivative at {x[0]:g}"
        forward = trial.activation.forward
        compare_gradient(trial.evaluate(x)[1], lambda: float(forward(x.copy()).sum()), x, where)  # noqa: B023


@for_each(trials)
def check_kinks(trial: Trial) -> None:
    """At kinks, the derivative lies between the one-sided slopes."""
    x = trial.within([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0])
    low, high = one_sided_slopes(trial.activation.forward, x, np.ones_like(x))
    slope = trial.evaluate(x)[1]
    for place in np.flatnonzero((slope < low) | (slope > high) | np.isnan(slope)):
        fail(
            f"derivative at {x[place]:g} must lie between the slopes on both sides, within "
            f"{low[place]:.4g} .. {high[place]:.4g}, but it is {slope[place]:.4g}."
        )


@for_each(trials)
def check_large_inputs(trial: Trial) -> None:
    """At +-1000 the value and the derivative are finite, without overflow or warnings."""
    for dtype in ("float32", "float64"):
        x = trial.within(LARGE)[None].astype(dtype)
        with warnings_as_failures(
            "Use a formula that does not overflow; or, if it accepts only some numbers, "
            f"{RESTRICTED}. At {x[0]} in {dtype}", ("over", "invalid"),
        ):  # fmt: skip
            y, slope = trial.evaluate(x)
        for name, array in (("forward", y), ("derivative", slope)):
            require(np.isfinite(array).all(), f"{name} of {x[0]} in {dtype} gives {array}.")


@for_each(trials)
def check_elementwise(trial: Trial) -> None:
    """Each value depends only on its own input, for inputs of any shape, even empty."""
    x = trial.x
    whole = trial.evaluate(x)
    for shape in ((1, x.size), (x.size,), (1, x.size, 1, 1)):
        for one, other in zip(trial.evaluate(x.reshape(shape)), whole, strict=True):
            require(one.shape == shape, f"For x of shape {shape} it returns shape {one.shape}.")
            require(
                allclose(one.ravel(), other.ravel()), "Its values depend on the shape of the input."
            )
    require(
        all(
            allclose(one, other[:1])
            for one, other in zip(trial.evaluate(x[:1]), whole, strict=True)
        ),
        "The first row alone gives different values: an activation must work element by element.",
    )
    for empty in trial.evaluate(x[:0]):
        require(empty.shape == x[:0].shape, "An empty batch gives a different shape.")


@for_each(trials)
def check_out(trial: Trial) -> None:
    """The result is written to ``out`` and returned; without ``out`` it is a new array."""
    activation, x = trial.activation, trial.x
    y, slope = trial.evaluate(x)
    out, out_slope = np.full_like(x, np.nan), np.full_like(x, np.nan)
    returned = activation.forward(x, out), activation.derivative(x, y, out_slope)
    for name, given, got, expected in (
        ("forward", out, returned[0], y),
        ("derivative", out_slope, returned[1], slope),
    ):
        require(got is given, f"{name} must return the array that is passed as out.")
        require(allclose(given, expected), f"{name} gives different values with out than without.")
    fresh = activation.forward(x)
    require(not np.shares_memory(fresh, x), "forward must return a new array, not its input.")


@for_each(trials)
def check_dtype(trial: Trial) -> None:
    """The value and the derivative have the dtype of the input, float32 or float64."""
    for dtype in ("float32", "float64"):
        found = [array.dtype for array in trial.evaluate(trial.x.astype(dtype))]
        require(found == [dtype] * 2, f"In {dtype}, forward and derivative give {found}.")


@for_each(trials)
def check_inputs_unchanged(trial: Trial) -> None:
    """Neither x nor y is written to, and read-only arrays are accepted."""
    activation, x = trial.activation, read_only(trial.x)
    y = read_only(trial.evaluate(trial.x)[0])
    expected = y.copy()
    require(
        not writes_to_read_only(partial(activation.forward, x)) and identical(x, trial.x),
        "forward writes to its input x.",
    )
    require(
        not writes_to_read_only(partial(activation.derivative, x, y))
        and identical(x, trial.x)
        and identical(y, expected),
        "derivative writes to its input x or y.",
    )


@for_each(trials)
def check_forward_keeps_nothing(trial: Trial) -> None:
    """`forward` changes no attribute, because other threads may predict at the same time."""
    before = Snapshot(trial.activation)
    trial.activation.forward(trial.x.copy())
    before.require_unchanged(
        "forward", "Only derivative, which is only used in training, may keep a buffer."
    )
