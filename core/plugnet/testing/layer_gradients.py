"""Checks of layers: gradients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ShapeError
from plugnet.testing.arrays import near
from plugnet.testing.bench import Bench
from plugnet.testing.cases import benches, cases
from plugnet.testing.gradients import compare, sides
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.subject import Subject, each

MANY: Final = 9  # rows; more than a layer would treat one by one
ROUNDING: Final = 1e-4  # between float32 and float64; float16 is off by more
FILL: Final = 1e3
#: How inputs are drawn: also wide ones, beyond where a clipped function bends.
DRAWS: Final[tuple[dict[str, Any], ...]] = ({"seed": 1}, {"seed": 5, "spread": 4})


def _drawn(subject: Subject) -> Iterator[Bench]:
    for draw in DRAWS:
        yield from benches(subject, rows=MANY, **draw)


@each(_drawn)
def check_input_gradient(bench: Bench) -> None:
    """The gradient by the inputs is that of central differences, in float64."""
    _only_if_differentiable(bench)
    _compare_inputs(bench)


@each(_drawn)
def check_parameter_gradients(bench: Bench) -> None:
    """The gradient by every trained parameter is that of central differences, in float64."""
    _only_if_trained(bench)
    _compare_parameters(bench)


@each(partial(benches, rows=1))
def check_batch_of_one(bench: Bench) -> None:
    """A batch of one sample works, with the right gradients, or is refused with a ShapeError."""
    try:
        bench.run()
    except ShapeError as error:
        raise NotApplicable(f"it refuses to train on one sample: {error}") from None
    if bench.differentiable:
        _compare_inputs(bench)
    _compare_parameters(bench)


@each(benches)
def check_gradients_overwritten(bench: Bench) -> None:
    """A backward pass overwrites what is in ``parameter.grad``."""
    _only_if_trained(bench)
    expected = bench.run().grads
    for parameter in bench.trained().values():
        parameter.grad.fill(FILL)
    bench.layer.backprop(bench.dy.copy(), bench.differentiable)
    for name, parameter in bench.trained().items():
        require(
            not np.all(parameter.grad == FILL),
            f"A backward pass writes nothing to {name}.grad. Fill it in gradients(dy).",
        )
        require(
            near(parameter.grad, expected[name]),
            f"{name}.grad depends on what was in it: gradients must overwrite it wholly, never add "
            "to it.",
        )


@each(benches)
def check_new_values(bench: Bench) -> None:
    """After the values change, outputs and gradients are those of the new values."""
    _only_if_trained(bench)
    bench.run()
    bench.forward(bench.x, training=False)
    for parameter in bench.trained().values():
        parameter.value *= 1.25
    other = bench.twin()
    require(
        near(bench.forward(bench.x, False), other.forward(bench.x, False))
        and bench.run().like(other.run()),
        "After the values of its parameters changed, it gives other outputs or gradients than a "
        "new layer with those values. Derive nothing from them that outlives a pass.",
    )


@each(benches)
def check_ties(bench: Bench) -> None:
    """At kinks, and among equal inputs, the gradient lies between the one-sided slopes.

    All inputs move together, so equal ones stay equal: the largest of several moves as each of
    them, and its gradient is shared out once, however they share it.
    """
    _only_if_differentiable(bench)
    if bench.case.example.inputs is not None:
        raise NotApplicable("its inputs are restricted")
    x = np.random.default_rng(3).integers(-1, 2, bench.x.shape).astype(float)
    weights = np.abs(bench.dy)  # positive, so that one-sided slopes add up to bounds
    least, most = (
        float(np.vdot(weights, side)) for side in sides(bench.forward, x, np.ones_like(x))
    )
    slope = float(bench.run(x, weights).dx.sum())
    require(
        least <= slope <= most,
        f"For inputs -1, 0 and 1 of shape {bench.case.shape}, many of them equal, the sum of "
        f"dx must lie within {least:.6g} .. {most:.6g}, but it is {slope:.6g}. Equal inputs "
        "must share a gradient, not each have the whole.",
    )


def check_float32_agrees(subject: Subject) -> None:
    """In float32 outputs and gradients are those of float64, but for rounding."""
    for case in cases(subject):
        narrow = Bench(subject, case, dtype="float32")
        wide = narrow.twin(dtype="float64")
        x, dy = narrow.x.astype("float64"), narrow.dy.astype("float64")
        _check_rounded(
            "y, not in training,", narrow.forward(narrow.x, False), wide.forward(x, False)
        )
        found, expected = narrow.run(), wide.run(x, dy)
        if narrow.draws() or wide.draws():
            continue  # random numbers may be others in float32
        _check_rounded("y", found.y, expected.y)
        _check_rounded("dx", found.dx, expected.dx)
        for name, grad in found.grads.items():
            _check_rounded(f"{name}.grad", grad, expected.grads[name])


def _check_rounded(name: str, found: Array, expected: Array) -> None:
    error = float(np.abs(found - expected).max(initial=0))
    scale = float(np.abs(expected).max(initial=1))
    require(
        error <= ROUNDING * scale,
        f"In float32, {name} differs by {error:.3g} from what float64 gives, whose entries go up "
        f"to {scale:.3g}. Compute the same in every dtype, and nothing in float16.",
    )


def _only_if_differentiable(bench: Bench) -> None:
    if not bench.differentiable:
        raise NotApplicable("the class says differentiable = False")


def _only_if_trained(bench: Bench) -> None:
    if not bench.trained():
        raise NotApplicable("it has no parameters to train")


def _compare_inputs(bench: Bench) -> None:
    x: Array = bench.x.copy()
    dx = bench.run().dx
    where = f"dx (inputs of shape {bench.case.shape}, N = {len(x)})"
    compare(dx, lambda: float(np.vdot(bench.dy, bench.forward(x))), x, where)


def _compare_parameters(bench: Bench) -> None:
    grads = bench.run().grads
    for name, parameter in bench.trained().items():
        where = f"{name}.grad (inputs of shape {bench.case.shape}, N = {len(bench.x)})"
        compare(
            grads[name],
            lambda: float(np.vdot(bench.dy, bench.forward(bench.x))),
            parameter.value,
            where,
        )
