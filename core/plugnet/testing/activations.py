"""Checks of activations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Activation
from plugnet.testing.arrays import near, read_only, same, strided
from plugnet.testing.gradients import compare
from plugnet.testing.report import fail, require
from plugnet.testing.subject import Subject

LARGE: Final = (-1e3, -100.0, 100.0, 1e3)
TINY: Final = 1e-6  # the step of one-sided differences


def exercise(subject: Subject) -> list[Array]:
    """Run an activation and its derivative."""
    return [array for activation in _built(subject) for array in _both(activation, _inputs())]


def check_derivative(subject: Subject) -> None:
    """`derivative` is that of central differences, in float64."""
    for activation in _built(subject):
        x = _inputs()
        slope = activation.derivative(x.copy(), activation.forward(x.copy()))
        compare(slope, lambda: float(activation.forward(x.copy()).sum()), x, "derivative")  # noqa: B023


def check_kinks(subject: Subject) -> None:
    """At kinks, the derivative lies between the slopes on both sides."""
    for activation in _built(subject):
        x = np.array([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0])
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
    for activation in _built(subject):
        for dtype in ("float32", "float64"):
            x = np.array([LARGE], dtype)
            with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise"):
                warnings.simplefilter("error")
                try:
                    y, slope = _both(activation, x)
                except (FloatingPointError, Warning) as error:
                    fail(f"At {list(LARGE)} in {dtype}: {error}. Use a form without overflow.")
            for name, array in (("forward", y), ("derivative", slope)):
                require(
                    np.isfinite(array).all(), f"{name} of {list(LARGE)} in {dtype} gives {array}."
                )


def check_elementwise(subject: Subject) -> None:
    """Each value depends on its own input only; the shape is any, an empty one too."""
    for activation in _built(subject):
        x = _inputs()
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
    for activation in _built(subject):
        x = _inputs()
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
    for activation in _built(subject):
        for dtype in ("float32", "float64"):
            for name, array in zip(
                ("forward", "derivative"), _both(activation, _inputs().astype(dtype)), strict=True
            ):
                require(
                    array.dtype == dtype, f"In {dtype}, {name} must be so too, not {array.dtype}."
                )


def check_inputs_unchanged(subject: Subject) -> None:
    """Neither x nor y is changed."""
    for activation in _built(subject):
        x = _inputs()
        y = activation.forward(x)
        require(same(x, _inputs()), "forward changes its input x.")
        kept = y.copy()
        activation.derivative(x, y)
        require(same(x, _inputs()) and same(y, kept), "derivative changes its input x or y.")


def check_read_only_inputs(subject: Subject) -> None:
    """Arrays that cannot be written to are taken."""
    for activation in _built(subject):
        try:
            activation.derivative(
                read_only(_inputs()), read_only(activation.forward(read_only(_inputs())))
            )
        except ValueError as error:
            fail(f"With read-only arrays it raised ValueError: {error}.")


def check_non_contiguous_inputs(subject: Subject) -> None:
    """Arrays that are strided or in column order give the same."""
    for activation in _built(subject):
        plain = _both(activation, _inputs())
        for change in (strided, np.asfortranarray):
            found = _both(activation, change(_inputs()))
            require(
                all(near(one, other) for one, other in zip(found, plain, strict=True)),
                "With an array that is not contiguous it gives other results.",
            )


def _built(subject: Subject) -> Iterator[Activation]:
    return (subject.build(example) for example in subject.usable)


def _inputs() -> Array:
    x: Array = np.random.default_rng(1).normal(0, 2, (5, 4))
    return x


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
