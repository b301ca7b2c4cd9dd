"""Checks of layers: what they say of themselves, and their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import PlugnetError, ShapeError
from plugnet.interfaces import Layer
from plugnet.layers import parameters_of
from plugnet.parameter import Parameter
from plugnet.testing.arrays import near
from plugnet.testing.bench import Bench, Case
from plugnet.testing.cases import benches, both, candidates, try_case, working
from plugnet.testing.report import NotApplicable, fail, raised, require
from plugnet.testing.state import held
from plugnet.testing.subject import Subject, each


def exercise(subject: Subject) -> list[Array]:
    """Run a layer forward and backward, in training and not."""
    results = []
    for bench in benches(subject, dtype="float32"):
        y, dx, grads = bench.run()
        results += [y, dx, *grads.values(), bench.forward(bench.x, training=False)]
    return results


def check_shapes(subject: Subject) -> None:
    """For each shape that `output_shape` does not refuse with a ShapeError, all passes work."""
    for example in subject.usable:
        shapes = [shape for group in candidates(subject, example) for shape in group]
        for shape in [(), *shapes]:
            if _takes(subject.build(example), shape) and shape:
                try_case(subject, Case(example, shape))
        require(
            any(case.example is example for case in working(subject)),
            f"With the arguments {example.arguments} it takes none of the shapes {shapes}. Let "
            "examples() return pairs (arguments, shape) that work.",
        )


def _takes(layer: Layer, shape: Shape) -> bool:
    """Tell whether ``output_shape`` takes a shape, or refuses it as it should."""
    try:
        output: object = layer.output_shape(shape)
    except ShapeError as error:
        require(
            hasattr(error, "expected") and hasattr(error, "got"),
            "A ShapeError must say what was expected and what came: raise "
            "ShapeError(message, expected=..., got=shape).",
        )
        return False
    except Exception as error:
        fail(f"output_shape({shape}) must return a shape or raise ShapeError, but {raised(error)}.")
    require(
        isinstance(output, tuple) and all(isinstance(size, int) for size in output),
        f"output_shape({shape}) must return a tuple of ints, but it returned {output!r}.",
    )
    return True


@each(both)
def check_dtype(bench: Bench) -> None:
    """What comes in float32 leaves in float32, and float64 in float64."""
    y, dx, _ = bench.run()
    found = {"y": y, "y, not in training,": bench.forward(bench.x, False), "dx": dx}
    for name, array in found.items():
        dtype = bench.x.dtype
        require(array.dtype == dtype, f"In {dtype}, {name} must be so too, not {array.dtype}.")


@each(benches)
def check_parameters(bench: Bench) -> None:
    """Parameters are finite, always the same, and all among those that the layer gives."""
    for name, parameter in bench.parameters.items():
        require(np.isfinite(parameter.value).all(), f"{name} must begin with finite values.")
    bench.run()
    again = list(parameters_of(bench.layers).values())
    require(
        len(again) == len(bench.parameters)
        and all(a is b for a, b in zip(again, bench.parameters.values(), strict=True)),
        "parameters() must always return the same parameters in the same order.",
    )
    lost = [p for p in held(bench.layer, Parameter) if all(p is not one for one in again)]
    require(
        not lost,
        f"It holds {lost[:1]}, which is not found, so that it is neither trained nor saved. Let "
        "parameters() return its own parameters, and inner() the layers that it holds.",
    )


@each(benches)
def check_statistics(bench: Bench) -> None:
    """A training forward writes the batch's value to ``grad`` of every Statistic."""
    if not bench.parameters.statistics:
        raise NotApplicable("it has no statistics")
    for statistic in bench.parameters.statistics:
        statistic.grad.fill(np.nan)
    bench.forward(bench.x)
    for name, parameter in bench.parameters.items():
        require(
            parameter not in bench.parameters.statistics or np.isfinite(parameter.grad).all(),
            f"A training forward does not write the batch's value to {name}.grad, from which the "
            "trainer moves a Statistic.",
        )


@each(benches)
def check_call_order(bench: Bench) -> None:
    """A backward pass before any `forward` raises CallOrderError, unless it needs none."""
    calls = list(bench.halves().values())
    if bench.trained():
        calls.append(partial(bench.layer.backprop, inputs=False))
    for call in calls:
        refused_early(partial(call, bench.dy))


def refused_early(call: Callable[[], object]) -> bool:
    """Tell whether a backward pass raises a CallOrderError before any forward; no other may be."""
    try:
        call()
    except PlugnetError:
        return True
    except Exception as error:
        fail(
            f"A backward pass before forward must raise CallOrderError, but it {raised(error)}. Do "
            "not set what forward keeps before that: declare it in the class, as _x: Array, and "
            "reading it raises the right error."
        )
    return False


def check_training_difference(subject: Subject) -> None:
    """Training gives other outputs only if the class says ``differs_in_training = True``."""
    if subject.cls.differs_in_training:
        require(  # an object may be one that does not, as dropout with p = 0
            _differs(subject)
            or (subject.given is not None and _differs(replace(subject, given=None, cases=None))),
            "differs_in_training is True, but outputs are the same in training.",
        )
        return
    for bench in benches(subject):
        require(
            any(layer.differs_in_training for layer in bench.layers.values())
            or near(bench.forward(bench.x), bench.forward(bench.x, training=False)),
            "forward gives other outputs with training=True. If that is meant, write "
            "differs_in_training = True in the class.",
        )


def _differs(subject: Subject) -> bool:
    return any(
        not near(bench.forward(bench.x), bench.forward(bench.x, training=False))
        for bench in benches(subject)
    )


@each(Subject.built)
def check_input_scale(layer: Layer) -> None:
    """`input_scale` is a magnitude above 0, or None."""
    scale = layer.input_scale()
    require(
        scale is None or (isinstance(scale, int | float) and 0 < scale < math.inf),
        f"input_scale() must be a number above 0, or None, but it is {scale!r}.",
    )


@each(benches)
def check_flops(bench: Bench) -> None:
    """`flops` is a whole number from 0."""
    flops = bench.layer.flops(bench.case.shape)
    require(
        isinstance(flops, int) and flops >= 0,
        f"flops({bench.case.shape}) must be an int of at least 0, but it is {flops!r}.",
    )
