"""Checks of layers: shapes, parameters, dtypes, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import PlugnetError, ShapeError
from plugnet.testing.arrays import near, same
from plugnet.testing.bench import SHAPES, Bench, Case, benches, candidates, cases
from plugnet.testing.gradients import RESTRICTED
from plugnet.testing.report import fail, require
from plugnet.testing.subject import Subject


def exercise(subject: Subject) -> list[Array]:
    """Run a layer forward and backward, in training and not."""
    results = []
    for bench in benches(subject, dtype="float32"):
        y, dx, grads = bench.run()
        results += [y, dx, *grads, bench.forward(bench.x, training=False)]
    return results


def check_shapes(subject: Subject) -> None:
    """`output_shape` says what `forward` gives, or refuses the shape with a ShapeError."""
    worked = []
    for example in subject.usable:
        for shape in [(), *(shape for group in candidates(subject, example) for shape in group)]:
            layer = subject.build(example)
            try:
                output = layer.output_shape(shape)
            except ShapeError as error:
                _check_message(error)
                continue
            except Exception as error:
                fail(
                    f"output_shape({shape}) must return a shape or raise ShapeError, but it raised "
                    f"{type(error).__name__}: {error}."
                )
            if shape:
                _check_outputs(Bench(subject, Case(example, shape)), output)
                worked.append(shape)
    require(
        worked,
        f"output_shape takes none of the shapes {[s for group in SHAPES for s in group]}. Let "
        "examples() return pairs (arguments, shape) that work.",
    )


def _check_message(error: ShapeError) -> None:
    require(
        hasattr(error, "expected") and hasattr(error, "got"),
        "A ShapeError must say what was expected and what came: raise ShapeError(message, "
        "expected=..., got=shape).",
    )


def _check_outputs(bench: Bench, output: object) -> None:
    shape = bench.case.shape
    require(
        isinstance(output, tuple) and all(isinstance(size, int) for size in output),
        f"output_shape({shape}) must return a tuple of ints, but it returned {output!r}.",
    )
    for training in (True, False):
        try:
            y = bench.forward(bench.x, training)
        except Exception as error:
            fail(
                f"output_shape takes {shape}, but forward raised {type(error).__name__}: {error}. "
                "Let output_shape raise ShapeError for shapes that cannot be; or, if it takes only "
                f"some numbers, {RESTRICTED}."
            )
        require(
            y.shape[1:] == output and len(y) == len(bench.x),
            f"For inputs of shape {shape} output_shape says {output}, but forward gave an array "
            f"of shape {y.shape} for {len(bench.x)} samples.",
        )


def check_dtype(subject: Subject) -> None:
    """What comes in float32 leaves in float32, and float64 in float64."""
    for dtype in ("float32", "float64"):
        for bench in benches(subject, dtype=dtype):
            y, dx, grads = bench.run()
            found = {
                "y": y,
                "y, not in training,": bench.forward(bench.x, training=False),
                "dx": dx,
                **{p.name: p.value for p in bench.layer.parameters()},
                **{f"{p.name}.grad": g for p, g in zip(bench.trained(), grads, strict=True)},
            }
            for name, array in found.items():
                require(
                    array.dtype == dtype, f"In {dtype}, {name} must be so too, not {array.dtype}."
                )


def check_parameters(subject: Subject) -> None:
    """Parameters have names of their own, stay the same arrays, and fit their gradients."""
    for bench in benches(subject):
        before = list(bench.layer.parameters())
        names = [parameter.name for parameter in before]
        require(len(set(names)) == len(names), f"The parameters' names {names} must differ.")
        arrays = [(parameter.value, parameter.value.copy()) for parameter in before]
        bench.run()
        after = list(bench.layer.parameters())
        require(
            len(after) == len(before) and all(a is b for a, b in zip(after, before, strict=True)),
            "parameters() must always return the same parameters in the same order.",
        )
        for parameter, (array, value) in zip(after, arrays, strict=True):
            name = parameter.name
            require(np.isfinite(value).all(), f"{name} must begin with finite values.")
            require(parameter.value is array, f"{name}.value must stay the same array.")
            require(
                parameter.grad.shape == array.shape, f"{name}.grad must have {name}'s own shape."
            )
            require(
                not parameter.trainable or same(array, value),
                f"{name} is changed by forward or backward, but only the optimizer may do that.",
            )


def check_call_order(subject: Subject) -> None:
    """`backward` before any `forward` raises CallOrderError, unless it needs none."""
    for bench in benches(subject):
        calls: list[Callable[[Array], object]] = []
        if bench.layer.differentiable:
            calls.append(bench.layer.backward)
        if bench.trained():
            calls.append(bench.layer.gradients)
        for call in calls:
            try:
                call(bench.dy)
            except PlugnetError:
                continue
            except Exception as error:
                fail(
                    f"{call.__name__} before forward must raise CallOrderError, but it raised "
                    f"{type(error).__name__}: {error}. Set what forward keeps to None in the "
                    "constructor, and read it by self.kept(...)."
                )


def check_training_difference(subject: Subject) -> None:
    """Training gives other outputs only if the class says ``differs_in_training = True``."""
    differs = _differs(subject)
    if subject.cls.differs_in_training:
        require(  # an object may be one that does not, as dropout with p = 0
            differs or (subject.given is not None and _differs(replace(subject, given=None))),
            "differs_in_training is True, but outputs are the same in training.",
        )
    else:
        require(
            not differs,
            "forward gives other outputs with training=True. If that is meant, write "
            "differs_in_training = True in the class.",
        )


def _differs(subject: Subject) -> bool:
    return any(
        not near(bench.forward(bench.x), bench.forward(bench.x, training=False))
        for bench in benches(subject)
    )


def check_input_scale(subject: Subject) -> None:
    """`input_scale` is a magnitude above 0, or None."""
    for case in cases(subject):
        scale = subject.build(case.example).input_scale()
        require(
            scale is None or (isinstance(scale, int | float) and 0 < scale < math.inf),
            f"input_scale() must be a number above 0, or None, but it is {scale!r}.",
        )


def check_flops(subject: Subject) -> None:
    """`flops` is a whole number from 0."""
    for case in cases(subject):
        flops = subject.build(case.example).flops(case.shape)
        require(
            isinstance(flops, int) and flops >= 0,
            f"flops({case.shape}) must be an int of at least 0, but it is {flops!r}.",
        )


CHECKS: Final = (
    check_shapes,
    check_dtype,
    check_parameters,
    check_call_order,
    check_training_difference,
    check_input_scale,
    check_flops,
)
