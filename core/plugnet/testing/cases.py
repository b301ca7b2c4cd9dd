"""The cases to try a layer with, and whether it works with them at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import MissingStateError
from plugnet.interfaces import Layer
from plugnet.testing.gradients import RESTRICTED
from plugnet.testing.layer_harness import ROWS, Case, LayerHarness
from plugnet.testing.report import CheckFailure, NotApplicable, fail, raised, require
from plugnet.testing.state import silent
from plugnet.testing.target import Example, Target

#: Shapes of one sample to try if an example has none: for each rank, the first that works.
SHAPES: Final[tuple[tuple[Shape, ...], ...]] = (
    ((6,),),
    ((5, 4),),
    ((4, 5, 3), (7, 8, 4)),
)

FEW: Final = 2  # rows of a batch smaller than the one that prepare was called for

UNSET_ATTRIBUTE: Final = (
    "If backward reads it, a training forward must keep it. If prepare makes it, it must be None "
    "in the class, {name}: Array | None = None, because prepare is optional; and out= must be None "
    "unless training: out=self.{name} if training else None."
)
WRONG_SHAPES: Final = (
    "Let output_shape raise ShapeError for shapes that cannot be used; or, if the layer accepts "
    f"only some numbers, {RESTRICTED}."
)
WRONG_PREPARE: Final = (
    "Without prepare it works. Let prepare make all buffers for its batch shape and dtype, and use "
    "them in training only: out= must be None unless training, out=self._y if training else None."
)


def cases(target: Target) -> tuple[Case, ...]:
    """Return the cases in which a layer works.

    Raises:
        NotApplicable: there is none; `check_shapes` says why.
    """
    found = working_cases(target)
    if not found:
        raise NotApplicable("it does not work at all: see shapes")
    return found


@lru_cache(maxsize=2)
def working_cases(target: Target) -> tuple[Case, ...]:
    """Return the cases in which a layer works, possibly none."""
    found: list[Case] = []
    for example in target.usable_examples:
        for shapes in candidate_shapes(target, example):
            tried = (Case(example, shape) for shape in shapes)
            found += islice((case for case in tried if _works(target, case)), 1)
    return tuple(found)


def harnesses(target: Target, **options: Any) -> Iterator[LayerHarness]:
    """Yield a harness for each case that works."""
    for case in cases(target):
        yield LayerHarness(target, case, **options)


def candidate_shapes(target: Target, example: Example) -> tuple[tuple[Shape, ...], ...]:
    """Return the shapes to try for one example, grouped; one of each group is enough."""
    shape = example.shape or target.build(example).input_shape()
    return SHAPES if shape is None else ((tuple(shape),),)


def try_case(target: Target, case: Case) -> None:
    """Call every method that training and prediction call, without `prepare` and with it.

    Raises:
        CheckFailure: a call raises, or does not return an array of the right shape.
    """
    harness: LayerHarness = _try("initialize", case, partial(LayerHarness, target, case))
    layer, x, dy_shape = harness.layer, harness.x, harness.dy.shape
    backward = "backward" if type(layer).backprop is Layer.backprop else "backprop"
    dx_shape = x.shape if harness.differentiable else None

    def forward(training: bool, rows: int = ROWS) -> Array:
        return layer.forward(x[:rows].copy(), training)

    _try("forward(x, False)", case, partial(forward, False), dy_shape, WRONG_SHAPES)
    _try("forward(x, True)", case, partial(forward, True), dy_shape, WRONG_SHAPES)
    _try(backward, case, harness.backprop, dx_shape)
    _try("prepare", case, partial(layer.prepare, x.shape, x.dtype))
    _try("forward(x, True) after prepare", case, partial(forward, True), dy_shape, WRONG_PREPARE)
    _try(f"{backward} after prepare", case, harness.backprop, dx_shape, WRONG_PREPARE)
    fewer = "forward(x, False) of fewer samples after prepare"
    _try(fewer, case, partial(forward, False, FEW), (FEW, *dy_shape[1:]), WRONG_PREPARE)


def _try(
    call: str, case: Case, step: Callable[[], Any], shape: Shape | None = None, advice: str = ""
) -> Any:
    """Run a step and return its result, which must have ``shape`` unless that is None."""
    where = f"For inputs of shape {case.shape}, {call}"
    try:
        result = step()
    except Exception as error:
        own = isinstance(error, AttributeError) and isinstance(error.obj, Layer)
        if isinstance(error, MissingStateError) or (own and advice):
            advice = UNSET_ATTRIBUTE.format(name=getattr(error, "name", ""))
        elif not isinstance(error, ValueError | IndexError):
            advice = ""
        fail(f"{where} {raised(error)}. {advice}".rstrip())
    got = "None" if result is None else f"an array of shape {np.shape(result)}"
    rule = "(N, *output_shape)" if call.startswith("forward") else "that of x"
    require(
        shape is None or np.shape(result) == shape,
        f"{where} returned {got}, but must return an array of shape {shape}, {rule}.",
    )
    return result


def _works(target: Target, case: Case) -> bool:
    try:
        with silent():
            try_case(target, case)
    except CheckFailure:
        return False
    return True
