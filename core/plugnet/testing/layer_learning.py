"""Checks of layers that learn from the samples by `adapt`, or fill missing values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Layer
from plugnet.testing.cases import harnesses
from plugnet.testing.layer_harness import LayerHarness
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.target import for_each

CLOSE = 1e-6  # of outputs: blocks in another order are summed in another order


@for_each(harnesses)
def check_adapt(harness: LayerHarness) -> None:
    """`adapt` learns from all blocks, in any order, replaces what it knew, and writes to none."""
    layer = harness.layer
    if type(layer).adapt is Layer.adapt or not layer.needs_adapt:
        raise NotApplicable("it does not learn from the samples by adapt")
    _adapt(layer, harness.inputs(0), harness.inputs(1))
    require(not layer.needs_adapt, "needs_adapt must be False after adapt.")
    first = layer.forward(harness.x.copy())
    for what, blocks in (
        ("with the blocks in another order", (harness.inputs(1), harness.inputs(0))),
        ("in one block", (np.concatenate([harness.inputs(0), harness.inputs(1)]),)),
    ):
        other = LayerHarness(harness.target, harness.case)
        _adapt(other.layer, *blocks)
        require(
            np.allclose(other.layer.forward(harness.x.copy()), first, rtol=CLOSE, atol=CLOSE),
            f"With the same samples {what}, adapt learns something else. It must learn from all.",
        )
        _adapt(other.layer, harness.inputs(2))
        _adapt(other.layer, *blocks)
        require(
            np.allclose(other.layer.forward(harness.x.copy()), first, rtol=CLOSE, atol=CLOSE),
            "A second adapt must replace what the first has learned.",
        )


@for_each(harnesses)
def check_missing(harness: LayerHarness) -> None:
    """If the class says that it fills missing values, outputs are finite where inputs are NaN."""
    layer, x = harness.layer, harness.x.copy()
    if not layer.fills_missing:
        raise NotApplicable("the class does not say fills_missing = True")
    x.reshape(-1)[::2] = np.nan
    for when in ("before", "after"):
        found = {f"y {when} adapt": harness.forward(x), "in inference": harness.forward(x, False)}
        dx, grads = harness.backward()
        for name, array in {**found, "dx": dx, **grads}.items():
            require(
                np.isfinite(array).all(),
                f"It says that it fills missing values, but for inputs with NaN, {name} has NaN "
                "or infinity.",
            )
        _adapt(layer, x, harness.inputs(1))
        harness.save_untrained()


def _adapt(layer: Layer, *blocks: Array) -> None:
    """Let a layer learn from an iterator over read-only blocks, as a network does."""

    def once() -> Iterator[Array]:
        for block in blocks:
            copy = block.copy()
            copy.flags.writeable = False
            yield copy

    try:
        layer.adapt(once())
    except ValueError as error:
        require(
            "read-only" not in str(error),
            "adapt writes to its blocks, which belong to the caller. Write to a new array.",
        )
        raise
