"""Checks of layers: more samples and more features than most tests try."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

import numpy as np

from plugnet.arrays import Shape
from plugnet.errors import ShapeError
from plugnet.testing.cases import cases, harnesses
from plugnet.testing.comparison import allclose
from plugnet.testing.layer_gradients import compare_inputs, compare_parameters, unless_wrong_anyway
from plugnet.testing.layer_harness import Case, LayerHarness
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.target import Target, for_each

SAMPLES: Final = 77  # more than a block of 32 or 64, and no multiple of one
PART: Final = 11
#: More than 256 features, places or steps: too many for eight bits.
WIDE: Final[tuple[Shape, ...]] = ((300,), (2, 300), (18, 17, 2))


@for_each(partial(harnesses, rows=SAMPLES))
def check_many_samples(harness: LayerHarness) -> None:
    """The results of a batch of 77 are those of its parts, where samples do not mix."""
    with unless_wrong_anyway(LayerHarness(harness.target, harness.case)):
        _require_sum_of_parts(harness)


def _require_sum_of_parts(harness: LayerHarness) -> None:
    whole, other = harness.run(), harness.twin()
    names = list(harness.trained())
    sums = {name: np.zeros_like(whole.grads[name]) for name in names}
    for start in range(0, SAMPLES, PART):
        rows = slice(start, start + PART)
        part = other.run(harness.x[rows], harness.dy[rows])
        if not allclose(part.y, whole.y[rows]):
            raise NotApplicable("in training, outputs depend on the other samples or are random")
        require(
            not harness.differentiable or allclose(part.dx, whole.dx[rows]),
            f"In a batch of {SAMPLES} samples, dx of some differs from dx in a batch of {PART}.",
        )
        for name in names:
            sums[name] += part.grads[name]
    for name in names:
        require(
            allclose(sums[name], whole.grads[name]),
            f"{name}.grad of a batch of {SAMPLES} samples is not the sum of those of its parts of "
            f"{PART}. Sum over all samples.",
        )


def _wide(target: Target) -> Iterator[LayerHarness]:
    """Yield a harness for the first wide shape that each example without a shape accepts."""
    _ = cases(target)  # not applicable if it works with no shape
    for example in target.usable_examples:
        if example.shape is None and target.build(example).input_shape() is None:
            yield from islice(_accepted(target, [Case(example, shape) for shape in WIDE]), 1)


def _accepted(target: Target, tried: list[Case]) -> Iterator[LayerHarness]:
    for case in tried:
        try:
            target.build(case.example).output_shape(case.shape)
        except ShapeError:
            continue
        yield LayerHarness(target, case)


@for_each(_wide)
def check_many_features(harness: LayerHarness) -> None:
    """With more than 256 features, gradients agree with central differences, too."""
    example = harness.case.example
    tried = (each for each in harnesses(harness.target) if each.case.example is example)
    usual = next(tried, harness)
    with unless_wrong_anyway(usual):
        if harness.differentiable:
            compare_inputs(harness, entries=0)
        compare_parameters(harness, entries=0)
