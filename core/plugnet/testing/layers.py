"""Checks of layers: what they declare, and their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import PlugnetError, ShapeError
from plugnet.interfaces import Layer
from plugnet.layers import parameters_of, walk
from plugnet.parameter import Parameter
from plugnet.testing.cases import (
    candidate_shapes,
    harnesses,
    try_case,
    working_cases,
)
from plugnet.testing.comparison import allclose
from plugnet.testing.layer_harness import ROOT, Case, LayerHarness
from plugnet.testing.report import NotApplicable, fail, raised, require
from plugnet.testing.snapshot import find_instances
from plugnet.testing.target import Target, for_each, in_both_dtypes


def exercise(target: Target) -> list[Array]:
    """Run a layer forward and backward, in training and outside."""
    results = []
    for harness in harnesses(target, dtype="float32"):
        y, dx, grads = harness.run()
        results += [y, dx, *grads.values(), harness.forward(training=False)]
    return results


def check_shapes(target: Target) -> None:
    """All passes work for every shape that `output_shape` does not refuse with a ShapeError."""
    for example in target.usable_examples:
        shapes = [shape for group in candidate_shapes(target, example) for shape in group]
        for shape in [(), *shapes]:
            if _takes(target.build(example), shape) and shape:
                try_case(target, Case(example, shape))
        require(
            any(case.example is example for case in working_cases(target)),
            f"With the arguments {example.arguments} it works with no shape of {shapes}. "
            "Let examples() return pairs (arguments, shape) that work.",
        )


def _takes(layer: Layer, shape: Shape) -> bool:
    """Tell whether ``output_shape`` accepts a shape; fail if it refuses it in a wrong way."""
    try:
        output: object = layer.output_shape(shape)
    except ShapeError as error:
        require(
            hasattr(error, "expected") and hasattr(error, "got"),
            "A ShapeError must say what was expected and what it got: raise "
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


@for_each(in_both_dtypes(harnesses))
def check_dtype(harness: LayerHarness) -> None:
    """Outputs and dx have the dtype of the inputs, float32 or float64."""
    y, dx, _ = harness.run()
    found = {"y": y, "y, not in training,": harness.forward(training=False), "dx": dx}
    for name, array in found.items():
        dtype = harness.x.dtype
        require(
            array.dtype == dtype, f"In {dtype}, {name} must have that dtype too, not {array.dtype}."
        )


@for_each(harnesses)
def check_parameters(harness: LayerHarness) -> None:
    """Parameters start finite, stay the same objects, and are all returned by `parameters`."""
    for name, parameter in harness.parameters.items():
        require(np.isfinite(parameter.value).all(), f"{name} must start with finite values.")
    harness.run()
    again = list(parameters_of(harness.layers).values())
    require(
        len(again) == len(harness.parameters)
        and all(a is b for a, b in zip(again, harness.parameters.values(), strict=True)),
        "parameters() must always return the same parameters in the same order.",
    )
    lost = [
        p for p in find_instances(harness.layer, Parameter) if all(p is not one for one in again)
    ]
    require(
        not lost,
        f"It holds {lost[:1]}, which parameters() does not return, so it is neither trained nor "
        "saved. Let parameters() return its own parameters, and inner() its inner layers.",
    )


@for_each(harnesses)
def check_parameters_apart(harness: LayerHarness) -> None:
    """No two parameters share memory: a network gives each its own part of one block."""
    layer: Layer = harness.target.build(harness.case.example)
    layer.initialize(harness.case.shape, np.random.default_rng(1), np.dtype("float64"))
    found = parameters_of(walk({ROOT: layer}))
    for (name, one), (other, two) in combinations(found.items(), 2):
        require(
            one is two or not np.shares_memory(one.value, two.value),
            f"{name.removeprefix(f'{ROOT}.')} and {other.removeprefix(f'{ROOT}.')} share memory, "
            "but in a network each has its own, and they part. Use one Parameter for both.",
        )


@for_each(harnesses)
def check_output_shape(harness: LayerHarness) -> None:
    """Asking `output_shape` about another shape changes no results."""
    expected = harness.twin().run()
    with suppress(PlugnetError):
        harness.layer.output_shape(tuple(2 * size for size in harness.case.shape))
    require(
        harness.run().allclose(expected),
        "After output_shape was asked about another shape, outputs or gradients differ. Keep "
        "nothing there: initialize and forward are told the shape that counts.",
    )


@for_each(harnesses)
def check_statistics(harness: LayerHarness) -> None:
    """A training forward writes the value of the batch to ``grad`` of every Statistic."""
    if not harness.parameters.statistics:
        raise NotApplicable("it has no statistics")
    for statistic in harness.parameters.statistics:
        statistic.grad.fill(np.nan)
    harness.forward()
    for name, parameter in harness.parameters.items():
        require(
            parameter not in harness.parameters.statistics or np.isfinite(parameter.grad).all(),
            f"A training forward must write the value of the batch to {name}.grad, from which the "
            "trainer updates the Statistic.",
        )


@for_each(harnesses)
def check_call_order(harness: LayerHarness) -> None:
    """A backward pass before any `forward` raises CallOrderError, or works without it."""
    calls = list(harness.backward_methods().values())
    if harness.trained():
        calls.append(partial(harness.layer.backprop, inputs=False))
    for call in calls:
        raises_before_forward(partial(call, harness.dy))


def raises_before_forward(call: Callable[[], object]) -> bool:
    """Tell whether a backward pass before any forward raises a plugnet error; fail on others."""
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


def check_training_difference(target: Target) -> None:
    """Outputs differ in training if and only if the class says ``differs_in_training = True``."""
    if target.cls.differs_in_training:
        targets = [target]
        if target.instance is not None:  # one instance may not differ, such as dropout with p = 0
            targets.append(replace(target, instance=None))
        require(
            any(_differs(harness) for one in targets for harness in harnesses(one)),
            "differs_in_training is True, but outputs are the same in training and outside.",
        )
        return
    for harness in harnesses(target):
        require(
            any(layer.differs_in_training for layer in harness.layers.values())
            or not _differs(harness),
            "forward gives different outputs with training=True. If that is intended, write "
            "differs_in_training = True in the class.",
        )


def _differs(harness: LayerHarness) -> bool:
    return not allclose(harness.forward(), harness.forward(training=False))


@for_each(Target.build_all)
def check_input_scale(layer: Layer) -> None:
    """`input_scale` returns a finite number above 0, or None."""
    scale = layer.input_scale()
    require(
        scale is None or (isinstance(scale, int | float) and 0 < scale < math.inf),
        f"input_scale() must return a number above 0 or None, but it returned {scale!r}.",
    )


@for_each(harnesses)
def check_flops(harness: LayerHarness) -> None:
    """`flops` returns an int of at least 0."""
    flops = harness.layer.flops(harness.case.shape)
    require(
        isinstance(flops, int) and flops >= 0,
        f"flops({harness.case.shape}) must return an int of at least 0, but it returned {flops!r}.",
    )
