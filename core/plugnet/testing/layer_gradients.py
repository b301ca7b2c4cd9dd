"""Checks of layers: gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ShapeError
from plugnet.testing.cases import cases, harnesses
from plugnet.testing.comparison import allclose
from plugnet.testing.gradients import compare_gradient, one_sided_slopes
from plugnet.testing.layer_harness import LayerHarness
from plugnet.testing.report import CheckFailure, NotApplicable, require
from plugnet.testing.target import Target, for_each

MANY: Final = 9  # rows; enough that no layer treats them one by one
ROUNDING: Final = 1e-4  # of float32 against float64; float16 is further off
FILL: Final = 1e3
ADVICE: Final = "Random numbers must come from self.rng."
#: How inputs are drawn: once with a wide spread, beyond where a clipped function bends.
DRAWS: Final[tuple[dict[str, Any], ...]] = ({"seed": 1}, {"seed": 5, "spread": 4})


def _large_batches(target: Target) -> Iterator[LayerHarness]:
    for draw in DRAWS:
        yield from harnesses(target, rows=MANY, **draw)


@for_each(_large_batches)
def check_input_gradient(harness: LayerHarness) -> None:
    """The gradient with respect to the inputs agrees with central differences, in float64."""
    only_if_differentiable(harness)
    compare_inputs(harness)


@for_each(_large_batches)
def check_parameter_gradients(harness: LayerHarness) -> None:
    """The gradient of every trainable parameter agrees with central differences, in float64."""
    harness.require_trained()
    compare_parameters(harness)


@for_each(partial(harnesses, rows=1))
def check_batch_of_one(harness: LayerHarness) -> None:
    """A batch of one sample has the right gradients, or is refused with a ShapeError."""
    try:
        harness.run()
    except ShapeError as error:
        raise NotApplicable(f"it refuses to train on one sample: {error}") from None
    if harness.differentiable:
        compare_inputs(harness)
    compare_parameters(harness)


@for_each(harnesses)
def check_gradients_overwritten(harness: LayerHarness) -> None:
    """A backward pass overwrites what is in ``parameter.grad``."""
    harness.require_trained()
    expected = harness.run().grads
    for parameter in harness.trained().values():
        parameter.grad.fill(FILL)
    harness.backprop()
    for name, parameter in harness.trained().items():
        require(
            not np.all(parameter.grad == FILL),
            f"A backward pass writes nothing to {name}.grad. Fill it in gradients(dy).",
        )
        require(
            allclose(parameter.grad, expected[name]),
            f"{name}.grad depends on what it held before: gradients must overwrite it, never add "
            "to it.",
        )


@for_each(harnesses)
def check_new_values(harness: LayerHarness) -> None:
    """After parameter values change, outputs and gradients follow the new values."""
    harness.require_trained()
    harness.run()
    harness.forward(training=False)
    for parameter in harness.trained().values():
        parameter.value *= 1.25
    other = harness.twin()
    require(
        allclose(harness.forward(training=False), other.forward(training=False))
        and harness.run().allclose(other.run()),
        "After the values of its parameters changed, its outputs or gradients differ from those of "
        "a new layer with the same values. Do not keep what is computed from them after a pass.",
    )


@for_each(harnesses)
def check_ties(harness: LayerHarness) -> None:
    """At kinks, and among equal inputs, the gradient lies between the one-sided slopes.

    All inputs move together, so equal inputs stay equal. A maximum moves with its tied inputs, so
    their gradients must add up to its gradient, however they are shared.
    """
    only_if_differentiable(harness)
    only_if_any_numbers(harness)
    x = np.random.default_rng(3).integers(-1, 2, harness.x.shape).astype(float)
    weights = np.abs(harness.dy)  # positive, so that one-sided slopes add up to bounds
    least, most = (
        float(np.vdot(weights, side))
        for side in one_sided_slopes(harness.forward, x, np.ones_like(x))
    )
    slope = float(harness.run(x, weights).dx.sum())
    with unless_wrong_anyway(harness):
        require(
            least <= slope <= most,
            f"For inputs -1, 0 and 1 of shape {harness.case.shape}, many of them equal, the sum of "
            f"dx must lie within {least:.6g} .. {most:.6g}, but it is {slope:.6g}. Equal inputs "
            "must share a gradient, not each get all of it.",
        )


@for_each(harnesses)
def check_zeros(harness: LayerHarness) -> None:
    """For a sample of zeros, outputs and gradients are finite."""
    only_if_any_numbers(harness)
    x = harness.x.copy()
    x[0] = 0
    y, dx, grads = harness.run(x)
    found = {"y": y, "y, not in training,": harness.forward(x, False), "dx": dx, **grads}
    for name, array in found.items():
        require(
            np.isfinite(array).all(),
            f"For a sample of zeros, {name} has NaN or infinity. Add a small number to what is "
            "divided by, or take the logarithm or the root of.",
        )


def check_float32_agrees(target: Target) -> None:
    """In float32, outputs and gradients agree with float64 up to rounding."""
    for case in cases(target):
        narrow = LayerHarness(target, case, dtype="float32")
        wide = narrow.twin(dtype="float64")
        x, dy = narrow.x.astype("float64"), narrow.dy.astype("float64")
        _check_rounded(
            "y, not in training,", narrow.forward(training=False), wide.forward(x, False)
        )
        found, expected = narrow.run(), wide.run(x, dy)
        if narrow.has_drawn() or wide.has_drawn():
            continue  # random numbers may differ in float32
        _check_rounded("y", found.y, expected.y)
        _check_rounded("dx", found.dx, expected.dx)
        for name, grad in found.grads.items():
            _check_rounded(f"{name}.grad", grad, expected.grads[name])


def _check_rounded(name: str, found: Array, expected: Array) -> None:
    error = float(np.abs(found - expected).max(initial=0))
    scale = float(np.abs(expected).max(initial=1))
    require(
        error <= ROUNDING * scale,
        f"In float32, {name} differs by {error:.3g} from float64, for values up to "
        f"{scale:.3g}. Compute the same in every dtype, and nothing in float16.",
    )


def only_if_differentiable(harness: LayerHarness) -> None:
    """Raise NotApplicable if there is no gradient with respect to the inputs."""
    if not harness.differentiable:
        raise NotApplicable("the class says differentiable = False")


def only_if_any_numbers(harness: LayerHarness) -> None:
    """Raise NotApplicable if the layer accepts only some numbers."""
    if harness.case.example.inputs is not None:
        raise NotApplicable("its inputs are restricted")


@contextmanager
def unless_wrong_anyway(harness: LayerHarness) -> Iterator[None]:
    """Turn a failure into NotApplicable if gradients are wrong for ordinary inputs, too."""
    try:
        yield
    except CheckFailure:
        if _is_right(harness):
            raise
        raise NotApplicable("gradients are wrong for ordinary inputs") from None


def _is_right(harness: LayerHarness) -> bool:
    try:
        if harness.differentiable:
            compare_inputs(harness, entries=0)
        compare_parameters(harness, entries=0)
    except CheckFailure:
        return False
    return True


def compare_inputs(harness: LayerHarness, **options: int) -> None:
    """Compare dx with central differences; ``options`` are those of `compare_gradient`."""
    x: Array = harness.x.copy()
    dx = harness.run().dx
    where = f"dx (inputs of shape {harness.case.shape}, N = {len(x)})"
    compare_gradient(dx, partial(harness.loss, x), x, where, advice=ADVICE, **options)


def compare_parameters(harness: LayerHarness, **options: int) -> None:
    """Compare the gradients of parameters with central differences."""
    grads, x = harness.run().grads, harness.x
    for name, parameter in harness.trained().items():
        where = f"{name}.grad (inputs of shape {harness.case.shape}, N = {len(x)})"
        function = partial(harness.loss, x)
        compare_gradient(grads[name], function, parameter.value, where, advice=ADVICE, **options)
