"""Checks of layers: what a pass may do to arrays and attributes, and leaves to the next one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from plugnet.parameter import MULTIPLIERS
from plugnet.registry import registry
from plugnet.testing.cases import harnesses
from plugnet.testing.comparison import allclose, identical, read_only, writes_to_read_only
from plugnet.testing.layer_harness import LayerHarness, PassResult
from plugnet.testing.report import NotApplicable, fail, require
from plugnet.testing.state import Snapshot
from plugnet.testing.target import argument_text, for_each


@for_each(harnesses)
def check_saved_stays(harness: LayerHarness) -> None:
    """Neither parameters' values and multipliers nor constructor arguments move in a pass."""
    layer, x, dy = harness.layer, harness.inputs(1), harness.dy.copy()
    calls: dict[str, Callable[[], object]] = {
        "prepare": partial(layer.prepare, x.shape, x.dtype),
        "forward(training=True)": partial(layer.forward, x, True),
        "backprop": partial(layer.backprop, dy, harness.differentiable),
        **{name: partial(half, dy) for name, half in harness.backward_methods().items()},
    }
    before = _saved(harness)
    for name, call in calls.items():
        call()
        now = _saved(harness)
        require(
            not (moved := [what for what in before if now[what] != before[what]]),
            f"{name} changes the {', '.join(moved)}, but what is saved changes only at the end of "
            "a step, by the trainer. Running values are Statistics: write the batch's to the grad.",
        )


def _saved(harness: LayerHarness) -> dict[str, object]:
    found: dict[str, object] = {"constructor arguments": argument_text(harness.layer)}
    for name, parameter in harness.parameters.items():
        found[f"value of {name}"] = parameter.value.tobytes()
        found |= {f"{each} of {name}": getattr(parameter, each) for each in MULTIPLIERS}
    return found


@for_each(harnesses)
def check_inference_changes_nothing(harness: LayerHarness) -> None:
    """A forward outside training changes no attribute, nor what a pending backward pass reads."""
    harness.forward(harness.x, training=False)  # before any training
    expected = harness.run()
    harness.forward(harness.x)
    before = Snapshot(harness.layer)
    harness.layer.forward(harness.x.copy(), training=False)
    harness.layer.forward(harness.inputs(1)[:2], training=False)
    require(
        not (changed := before.changed()),
        f"forward(training=False) changes {changed}. It must change no attribute: other threads "
        "predict meanwhile. A buffer is for training: out= must be None unless training.",
    )
    require(
        PassResult(expected.y, *harness.backward(harness.dy.copy())).allclose(expected),
        "forward(training=False) between forward and backward changes the gradient; it must keep "
        "nothing, and leave what is kept.",
    )


@for_each(harnesses)
def check_inference_returns_new_array(harness: LayerHarness) -> None:
    """What forward gives outside training stays as it is when forward is called again."""
    harness.run()
    y = harness.layer.forward(harness.x.copy(), training=False)
    value = np.array(y)
    harness.layer.forward(harness.inputs(1), training=False)
    harness.forward(harness.inputs(2))
    require(
        identical(y, value),
        "The array that forward(training=False) returned was changed by the next call. Only in "
        "training may it be a buffer: out= must be None unless training.",
    )


@for_each(harnesses)
def check_inputs_unchanged(harness: LayerHarness) -> None:
    """Neither x nor dy is written to; arrays that cannot be are taken."""
    x, dy = read_only(harness.x), read_only(harness.dy)
    calls: dict[str, Callable[[], object]] = {
        "forward(training=False) writes to its input x": partial(harness.layer.forward, x),
        "forward(training=True) writes to its input x": partial(harness.forward_in_place, x),
        "The backward pass writes to dy, or to x": partial(harness.backward, dy),
    }
    for fault, call in calls.items():
        if (
            writes_to_read_only(call)
            or not identical(x, harness.x)
            or not identical(dy, harness.dy)
        ):
            fail(f"{fault}, which belongs to its caller. Write to an array of your own.")


@for_each(harnesses)
def check_c_order(harness: LayerHarness) -> None:
    """Outputs and dx are C-ordered, as all arrays that go from layer to layer."""
    found = {
        "forward(training=False)": harness.layer.forward(harness.x.copy(), False),
        "forward(training=True)": harness.forward_in_place(harness.x.copy()),
        "backprop": harness.layer.backprop(harness.dy.copy(), harness.differentiable),
    }
    for name, array in found.items():
        require(
            array is None or array.flags.c_contiguous,
            f"{name} returns an array that is not C-ordered. Use np.ascontiguousarray, or a "
            "buffer to copy to.",
        )


@for_each(harnesses)
def check_empty_batch(harness: LayerHarness) -> None:
    """A batch without samples gives outputs without samples, outside training."""
    y = harness.forward(harness.x[:0], training=False)
    require(y.shape == harness.dy[:0].shape, f"A batch of no samples gave the shape {y.shape}.")


@for_each(harnesses)
def check_samples_independent(harness: LayerHarness) -> None:
    """Outside training, what one sample gives does not depend on the others."""
    together = harness.forward(harness.x, training=False)
    for row in range(len(harness.x)):
        require(
            allclose(harness.forward(harness.x[row : row + 1], training=False)[0], together[row]),
            "Outside training, a sample gives something else alone than among others.",
        )


@for_each(harnesses)
def check_second_batch(harness: LayerHarness) -> None:
    """After a first batch, a second gives what it gives alone."""
    other, dy = harness.inputs(1), np.ascontiguousarray(harness.dy[::-1])
    harness.run()
    require(
        harness.run(other, dy).allclose(harness.twin().run(other, dy)),
        "A second batch gives other results than alone.",
    )


@for_each(harnesses)
def check_prepare(harness: LayerHarness) -> None:
    """Prepared for the batch shape or not, and for others before, the results are the same."""
    plain = harness.twin(prepares=False)
    few = harness.inputs(1)[:2], harness.dy[:2]
    expected, smaller = plain.run(), plain.run(*few)
    require(harness.run().allclose(expected), "After prepare it gives other results than without.")
    require(
        harness.run(*few).allclose(smaller) and harness.run().allclose(expected),
        "Batches of another shape, for which prepare was called in between, give other results. "
        "prepare must make all buffers anew.",
    )


@for_each(harnesses)
def check_backprop(harness: LayerHarness) -> None:
    """`backprop` does what `gradients` and `backward` do, whichever was called before."""
    expected = harness.run()
    for inputs in (False, harness.differentiable, False):
        y = harness.forward(harness.x)
        dx, grads = harness.backward(harness.dy.copy(), inputs)
        require(
            PassResult(y, dx if inputs else expected.dx, grads).allclose(expected),
            f"backprop(dy, inputs={inputs}) gives another dx or other gradients after other calls "
            "of it. Each call must do all of its work.",
        )
        require(
            inputs or not len(dx), "backprop(dy, inputs=False) must return None: nobody reads dx."
        )
    harness.forward(harness.x)
    dy, halves = harness.dy.copy(), harness.backward_methods()
    if "gradients" in halves:
        harness.clear()
        halves["gradients"](dy)
        require(
            PassResult(y, expected.dx, harness.grads()).allclose(expected),
            "gradients(dy) fills other gradients than backprop(dy, inputs=True).",
        )
    if "backward" in halves:
        dy *= -2
        require(
            allclose(halves["backward"](dy), -2 * expected.dx),
            "backward(dy) returns another dx than backprop(dy, inputs=True), or reads what "
            "gradients kept. Each must do its own work.",
        )


@for_each(harnesses)
def check_frozen(harness: LayerHarness) -> None:
    """In a chain, what is not trained has no gradient; dx and all other gradients are as ever."""
    if not harness.trained():
        raise NotApplicable("it has no parameters to train")
    expected, trained = harness.run(), harness.trained()
    chain = registry.layers.build("chain", [harness.layer])
    for frozen in (*([name] for name in trained), [*trained], []):
        for name, parameter in trained.items():
            parameter.trainable = name not in frozen
        harness.restore()
        chain.forward(harness.x.copy(), training=True)
        dx = chain.backprop(harness.dy.copy(), harness.differentiable)
        require(
            (dx is None or allclose(dx, expected.dx))
            and all(
                allclose(
                    parameter.grad, 0 * parameter.grad if name in frozen else expected.grads[name]
                )
                for name, parameter in trained.items()
            ),
            f"With {', '.join(frozen) or 'nothing'} set to trainable=False in between, dx or the "
            "gradient of something else is another, or its own is not 0.",
        )
