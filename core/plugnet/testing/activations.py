"""Checks of activations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Activation
from plugnet.testing.arrays import near, read_only, same, strided
from plugnet.testing.gradients import RESTRICTED, compare
from plugnet.testing.report import fail, require
from plugnet.testing.subject import Subject

FAR: Final = (3.3, 5.1, 7.7, 13.0, 29.0, 47.0)  # beyond where a clipped function bends
LARGE: Final = (-1e3, -100.0, 100.0, 1e3)
Domain: TypeAlias = Callable[[Sequence[float]], Array]
TINY: Final = 1e-6  # the step of one-sided differences


def exercise(subject: Subject) -> list[Array]:
    """Run an activation and its derivative."""
    return [array for activation, x in _tried(subject) for array in _both(activation, x)]


def check_derivative(subject: Subject) -> None:
    """`derivative` is that of central differences, in float64."""
    for activation, x, domain in _domains(subject):
        far = domain([*FAR, *(-number for number in FAR)])
        for numbers in (x, *far.reshape(-1, 1)):  # each alone, as a sum would hide small ones
            slope = activation.derivative(numbers.copy(), activation.forward(numbers.copy()))
            where = "derivative" if numbers is x else f"derivative at {numbers[0]:g}"
            compare(slope, lambda: float(activation.forward(numbers.copy()).sum()), numbers, where)  # noqa: B023


def check_kinks(subject: Subject) -> None:
    """At kinks, the derivative lies between the slopes on both sides."""
    for activation, _, domain in _domains(subject):
        x = domain([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0])
        y = activation.forward(x.copy())
        rise = (activation.forward(x + TINY) - y) / TINY
        fall = (y - activation.forward(x - TINY)) / TINY
        slope = activation.derivative(x.copy(), y)
        low, high = np.minimum(rise, fall) - 1e-4, np.maximum(rise, fall) + 1e-4
        for place in np.flatnonzero((slope < low) | (slope > high) | np.isnan(slope)):
            fail(
                f"derivative at {x[place]:g} must lie between the slopes on both sides, "
                f"{fall[place]:.4g} and {rise[place]:.4g}, but it is {slope[place]:.4g}."
            )


def check_large_inputs(subject: Subject) -> None:
    """At +-1000 value and derivative are finite, and nothing overflows or warns."""
    for activation, _, domain in _domains(subject):
        large = domain(LARGE)
        for dtype in ("float32", "float64"):
            x = large[None].astype(dtype)
            with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
                warnings.simplefilter("error")
                try:
                    y, slope = _both(activation, x)
                except (FloatingPointError, Warning) as error:
                    fail(
                        f"At {x[0]} in {dtype}: {error}. Use a form without overflow; if there is "
                        f"none, and it takes only some numbers, {RESTRICTED}."
                    )
            for name, array in (("forward", y), ("derivative", slope)):
                require(np.isfinite(array).all(), f"{name} of {x[0]} in {dtype} gives {array}.")


def check_elementwise(subject: Subject) -> None:
    """Each value depends on its own input only; the shape is any, an empty one too."""
    for activation, x in _tried(subject):
        whole = _both(activation, x)
        for shape in ((1, x.size), (x.size,), (1, x.size, 1, 1)):
            for one, other in zip(_both(activation, x.reshape(shape)), whole, strict=True):
                require(one.shape == shape, f"For x of shape {shape} it gives shape {one.shape}.")
                require(near(one.ravel(), other.ravel()), "It depends on the shape of its input.")
        first = _both(activation, x[:1])
        require(
            all(near(one, other[:1]) for one, other in zip(first, whole, strict=True)),
            "The first row alone gives other values: an activation works element by element.",
        )
        for empty in _both(activation, x[:0]):
            require(empty.shape == x[:0].shape, "A batch of no samples gives another shape.")


def check_out(subject: Subject) -> None:
    """With ``out`` the result is written there and returned; without, it is a new array."""
    for activation, x in _tried(subject):
        y, slope = _both(activation, x)
        out, out_slope = np.full_like(x, np.nan), np.full_like(x, np.nan)
        returned = activation.forward(x, out), activation.derivative(x, y, out_slope)
        for name, given, got, expected in (
            ("forward", out, returned[0], y),
            ("derivative", out_slope, returned[1], slope),
        ):
            require(got is given, f"{name} must return the array that it is given as out.")
            require(near(given, expected), f"{name} gives other values with out than without.")
        fresh = activation.forward(x)
        require(not np.shares_memory(fresh, x), "forward must return a new array, not its input.")


def check_dtype(subject: Subject) -> None:
    """What comes in float32 leaves in float32, and float64 in float64."""
    for activation, x in _tried(subject):
        for dtype in ("float32", "float64"):
            for name, array in zip(
                ("forward", "derivative"), _both(activation, x.astype(dtype)), strict=True
            ):
                require(
                    array.dtype == dtype, f"In {dtype}, {name} must be so too, not {array.dtype}."
                )


def check_inputs_unchanged(subject: Subject) -> None:
    """Neither x nor y is changed."""
    for activation, x in _tried(subject):
        given = x.copy()
        y = activation.forward(given)
        require(same(given, x), "forward changes its input x.")
        kept = y.copy()
        activation.derivative(given, y)
        require(same(given, x) and same(y, kept), "derivative changes its input x or y.")


def check_read_only_inputs(subject: Subject) -> None:
    """Arrays that cannot be written to are taken."""
    for activation, x in _tried(subject):
        try:
            y = activation.forward(read_only(x))
            activation.derivative(read_only(x), read_only(y))
        except ValueError as error:
            fail(f"With read-only arrays it raised ValueError: {error}.")


def check_non_contiguous_inputs(subject: Subject) -> None:
    """Arrays that are strided or in column order give the same."""
    for activation, x in _tried(subject):
        plain = _both(activation, x)
        for change in (strided, np.asfortranarray):
            found = _both(activation, change(x))
            require(
                all(near(one, other) for one, other in zip(found, plain, strict=True)),
                "With an array that is not contiguous it gives other results.",
            )


def _tried(subject: Subject) -> Iterator[tuple[Activation, Array]]:
    """Yield each activation with inputs for it, ``(5, 4)``: the example's, or normal ones."""
    return ((activation, x) for activation, x, _ in _domains(subject))


def _domains(subject: Subject) -> Iterator[tuple[Activation, Array, Domain]]:
    """Yield also what picks, of some numbers, those that the activation may be given."""
    for example in subject.usable:
        if example.inputs is None:
            x: Array = np.random.default_rng(1).normal(0, 2, (5, 4))
            yield subject.build(example), x, np.array
        else:
            x = np.resize(example.inputs.astype(float), (5, 4))
            yield subject.build(example), x, partial(_between, x.min(), x.max())


def _between(low: float, high: float, numbers: Sequence[float]) -> Array:
    return np.array([number for number in numbers if low < number < high])


def _both(activation: Activation, x: Array) -> tuple[Any, Any]:
    """Return copies of value and derivative."""
    y = np.array(activation.forward(x.copy(order="K")))
    return y, np.array(activation.derivative(x.copy(order="K"), y.copy()))


CHECKS: Final = (
    check_derivative,
    check_kinks,
    check_large_inputs,
    check_elementwise,
    check_out,
    check_dtype,
    check_inputs_unchanged,
    check_read_only_inputs,
    check_non_contiguous_inputs,
)
