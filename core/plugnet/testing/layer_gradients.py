"""Checks of layers: gradients."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ShapeError
from plugnet.testing.arrays import near
from plugnet.testing.bench import Bench, benches, cases
from plugnet.testing.gradients import compare
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.state import Beginning
from plugnet.testing.subject import Subject

MANY: Final = 9  # rows; more than a layer would treat one by one
ROUNDING: Final = 1e-4  # between float32 and float64; float16 is off by more
TINY: Final = 1e-6  # the step of one-sided differences
#: How inputs are drawn: also wide ones, beyond where a clipped function bends.
DRAWS: Final[tuple[dict[str, Any], ...]] = ({"seed": 1}, {"seed": 5, "spread": 4})


def check_input_gradient(subject: Subject) -> None:
    """`backward` gives the gradient by the inputs: that of central differences, in float64."""
    _only_if_differentiable(subject)
    for draw in DRAWS:
        for bench in benches(subject, rows=MANY, **draw):
            _compare_inputs(bench)


def check_parameter_gradients(subject: Subject) -> None:
    """`gradients` gives the gradient by every trained parameter."""
    trained = [
        _compare_parameters(bench)
        for draw in DRAWS
        for bench in benches(subject, rows=MANY, **draw)
    ]
    if not any(trained):
        raise NotApplicable("it has no parameters to train")


def check_batch_of_one(subject: Subject) -> None:
    """A batch of one sample works, with the right gradients, or is refused with a ShapeError."""
    refusals = []
    tried = list(benches(subject, rows=1))
    for bench in tried:
        try:
            bench.run()
        except ShapeError as error:
            refusals.append(error)
            continue
        if bench.layer.differentiable:
            _compare_inputs(bench)
        _compare_parameters(bench)
    if len(refusals) == len(tried):
        raise NotApplicable(f"it refuses to train on one sample: {refusals[0]}")


def check_gradients_overwritten(subject: Subject) -> None:
    """`gradients` overwrites what is in ``parameter.grad``."""
    found = False
    for bench in benches(subject):
        expected = bench.run().grads
        for parameter in bench.trained():
            parameter.grad.fill(1e3)
        if expected:
            bench.layer.gradients(bench.dy.copy())
        for parameter, grad in zip(bench.trained(), expected, strict=True):
            found = True
            require(
                near(parameter.grad, grad),
                f"{parameter.name}.grad depends on what was in it: gradients must overwrite it "
                "wholly, never add to it.",
            )
    if not found:
        raise NotApplicable("it has no parameters to train")


def check_ties(subject: Subject) -> None:
    """At kinks, and among equal inputs, the gradient lies between the one-sided slopes.

    All inputs move together, so equal ones stay equal: the largest of several moves as each of
    them, and its gradient is shared out once, however they share it.
    """
    _only_if_differentiable(subject)
    free = [bench for bench in benches(subject) if bench.case.example.inputs is None]
    judged = [_check_ties(bench) for bench in free]
    if not any(judged):
        raise NotApplicable("its inputs are restricted, or it has no slopes at 0")


def _check_ties(bench: Bench) -> bool:
    """Return whether there are slopes on both sides to judge by."""
    x = np.random.default_rng(3).integers(-1, 2, bench.x.shape).astype(float)
    rise, fall = _slope(bench, x, TINY), _slope(bench, x, -TINY)
    for step, side in ((TINY / 10, rise), (-TINY / 10, fall)):
        if np.any(np.abs(_slope(bench, x, step) - side) > 0.01 * (1 + np.abs(side))):
            return False  # as x / |x| at 0, where a floor of the divisor is far below TINY
    weights = np.abs(bench.dy)  # positive, so that one-sided slopes add up to bounds
    least = float(np.vdot(weights, np.minimum(rise, fall)))
    most = float(np.vdot(weights, np.maximum(rise, fall)))
    slope = float(bench.run(x, weights).dx.sum())
    slack = 1e-4 * (1 + float(np.vdot(weights, np.abs(rise) + np.abs(fall))))
    require(
        least - slack <= slope <= most + slack,
        f"For inputs -1, 0 and 1 of shape {bench.case.shape}, many of them equal, the sum of "
        f"dx must lie within {least:.6g} .. {most:.6g}, but it is {slope:.6g}. Equal inputs "
        "must share a gradient, not each have the whole.",
    )
    return True


def _slope(bench: Bench, x: Array, step: float) -> Array:
    """Return by how much each output rises if all inputs do, on one side of ``x``."""
    slope: Array = (bench.forward(x + step) - bench.forward(x)) / step
    return slope


def _only_if_differentiable(subject: Subject) -> None:
    if not subject.cls.differentiable:
        raise NotApplicable("the class says differentiable = False")


def check_float32_agrees(subject: Subject) -> None:
    """In float32 outputs and gradients are those of float64, but for rounding."""
    for case in cases(subject):
        narrow, wide = Bench(subject, case, dtype="float32"), Bench(subject, case)
        pairs = zip(narrow.layer.parameters(), wide.layer.parameters(), strict=True)
        for parameter, twin in pairs:
            twin.value[...] = parameter.value
        wide.beginning = Beginning(wide.layer)
        x, dy = narrow.x.astype("float64"), narrow.dy.astype("float64")
        _check_rounded(
            "y, not in training,", narrow.forward(narrow.x, False), wide.forward(x, False)
        )
        found, expected = narrow.run(), wide.run(x, dy)
        if narrow.beginning.drawn() or wide.beginning.drawn():
            continue  # random numbers may be others in float32
        _check_rounded("y", found.y, expected.y)
        _check_rounded("dx", found.dx, expected.dx)
        for parameter, grad, right in zip(
            narrow.trained(), found.grads, expected.grads, strict=True
        ):
            _check_rounded(f"{parameter.name}.grad", grad, right)


def _check_rounded(name: str, found: Array, expected: Array) -> None:
    error = float(np.abs(found - expected).max(initial=0))
    scale = float(np.abs(expected).max(initial=1))
    require(
        error <= ROUNDING * scale,
        f"In float32, {name} differs by {error:.3g} from what float64 gives, whose entries go up "
        f"to {scale:.3g}. Compute the same in every dtype, and nothing in float16.",
    )


def _compare_inputs(bench: Bench) -> None:
    x: Array = bench.x.copy()
    dx = bench.run().dx
    where = f"dx (inputs of shape {bench.case.shape}, N = {len(x)})"
    compare(dx, lambda: float(np.vdot(bench.dy, bench.forward(x))), x, where)


def _compare_parameters(bench: Bench) -> bool:
    """Return whether there are any."""
    grads = bench.run().grads
    for parameter, grad in zip(bench.trained(), grads, strict=True):
        name = f"{parameter.name}.grad (inputs of shape {bench.case.shape}, N = {len(bench.x)})"
        compare(
            grad,
            lambda: float(np.vdot(bench.dy, bench.forward(bench.x))),
            parameter.value,
            name,
        )
    return bool(grads)


CHECKS: Final = (
    check_input_gradient,
    check_parameter_gradients,
    check_batch_of_one,
    check_gradients_overwritten,
    check_ties,
    check_float32_agrees,
)
