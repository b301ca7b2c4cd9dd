"""Checks of regularizers."""

from __future__ import annotations

from typing import Final

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Regularizer
from plugnet.testing.comparison import allclose, identical
from plugnet.testing.gradients import compare_gradient
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.snapshot import Snapshot
from plugnet.testing.target import Target, for_each

#: The shapes of a weight, a kernel, a weight without inputs, and a scalar.
SHAPES: Final[tuple[Shape, ...]] = ((4, 3), (2, 3, 2, 4), (0, 3), (1,))


def exercise(target: Target) -> list[Array]:
    """Compute penalties and gradients."""
    results = []
    for regularizer in target.build_all():
        for value in _values():
            results += [np.array(regularizer.penalty(value)), _gradient(regularizer, value)]
    return results


@for_each(Target.build_all)
def check_gradient(regularizer: Regularizer) -> None:
    """`add_gradient` adds the gradient of `penalty`, for values of every shape, in float64."""
    for value in _values():
        gradient = _gradient(regularizer, value)
        compare_gradient(gradient, lambda: regularizer.penalty(value), value, "gradient")  # noqa: B023


@for_each(Target.build_all)
def check_adds(regularizer: Regularizer) -> None:
    """`add_gradient` adds to what the gradient holds."""
    for value in _values():
        require(
            allclose(_gradient(regularizer, value, before=3), _gradient(regularizer, value) + 3),
            "add_gradient must add to grad, which holds the gradient of the loss.",
        )


@for_each(Target.build_all)
def check_scale(regularizer: Regularizer) -> None:
    """What is added is proportional to ``scale``."""
    for value in _values():
        plain = _gradient(regularizer, value)
        for scale in (0.0, 0.5, 2.0):
            require(
                allclose(_gradient(regularizer, value, scale), scale * plain),
                f"With scale={scale} it must add {scale} times what it adds with scale=1.",
            )


@for_each(Target.build_all)
def check_scratch(regularizer: Regularizer) -> None:
    """The gradient does not depend on what the scratch array holds."""
    for value in _values():
        require(
            identical(_gradient(regularizer, value, fill=np.nan), _gradient(regularizer, value)),
            "The contents of scratch change the gradient: write to it before reading.",
        )


@for_each(Target.build_all)
def check_elementwise(regularizer: Regularizer) -> None:
    """If ``elementwise``, results for blocks of the values equal those for the whole."""
    if not regularizer.elementwise:
        raise NotApplicable("the class does not say elementwise = True")
    flat = np.concatenate([value.reshape(-1) for value in _values()])
    whole, penalty = _gradient(regularizer, flat), regularizer.penalty(flat)
    for cut in (0, 1, len(flat) // 2):
        parts = flat[:cut], flat[cut:]
        require(
            allclose(np.concatenate([_gradient(regularizer, part) for part in parts]), whole)
            and allclose(sum(map(regularizer.penalty, parts)), penalty),
            "Two blocks of values have a different gradient or penalty than together, so the class "
            "must not say elementwise = True.",
        )


@for_each(Target.build_all)
def check_penalty(regularizer: Regularizer) -> None:
    """The penalty is a finite float of at least 0."""
    for value in (*_values(), np.zeros((2, 3)), *(v.astype("float32") for v in _values())):
        penalty = regularizer.penalty(value)
        require(
            isinstance(penalty, float) and 0 <= penalty < np.inf,
            f"The penalty must be a finite float of at least 0, but it is {penalty!r}.",
        )


@for_each(Target.build_all)
def check_value_unchanged(regularizer: Regularizer) -> None:
    """Values and attributes are not changed."""
    before = Snapshot(regularizer)
    for value, expected in zip(_values(), _values(), strict=True):
        regularizer.penalty(value)
        regularizer.add_gradient(value, np.zeros_like(value), 1.0, np.zeros_like(value))
        require(identical(value, expected), "penalty or add_gradient changes the values.")
    before.require_unchanged("penalty or add_gradient", "A regularizer must keep no state.")


def _values() -> list[Array]:
    return [np.random.default_rng(1).normal(size=shape) for shape in SHAPES]


def _gradient(
    regularizer: Regularizer, value: Array, scale: float = 1.0, before: float = 0, fill: float = 0
) -> Array:
    """Return grad, which held ``before``; the scratch array is full of ``fill``."""
    grad = np.full_like(value, before)
    regularizer.add_gradient(value.copy(), grad, scale, np.full_like(value, fill))
    return grad
