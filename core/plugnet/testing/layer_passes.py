"""Checks of layers: what a pass may change, and what it may leave to the next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from plugnet.arrays import Array
from plugnet.parameter import MULTIPLIERS
from plugnet.registry import registry
from plugnet.testing.cases import harnesses
from plugnet.testing.comparison import allclose, identical, writes_to
from plugnet.testing.layer_harness import LayerHarness, PassResult
from plugnet.testing.report import require
from plugnet.testing.snapshot import Snapshot
from plugnet.testing.target import argument_text, for_each


@for_each(harnesses)
def check_saved_stays(harness: LayerHarness) -> None:
    """A pass changes no parameter's value or multiplier, and no constructor argument."""
    layer, x, dy = harness.layer, harness.inputs(1), harness.dy.copy()
    calls: dict[str, Callable[[], object]] = {
        "prepare": partial(layer.prepare, x.shape, x.dtype),
        "forward(training=True)": partial(layer.forward, x, True),
        "backprop": harness.backprop,
        **{name: partial(method, dy) for name, method in harness.backward_methods().items()},
    }
    before = _saved(harness)
    for name, call in calls.items():
        call()
        now = _saved(harness)
        changed = ", ".join(what for what in before if now[what] != before[what])
        require(
            not changed,
            f"{name} changes the {changed}, but only the trainer may change what is "
            "saved, at the end of a step. Keep running values in a Statistic: write the batch's "
            "to its grad.",
        )


def _saved(harness: LayerHarness) -> dict[str, object]:
    found: dict[str, object] = {"constructor arguments": argument_text(harness.layer)}
    for name, parameter in harness.parameters.items():
        found[f"value of {name}"] = parameter.value.tobytes()
        found |= {f"{each} of {name}": getattr(parameter, each) for each in MULTIPLIERS}
    return found


@for_each(harnesses)
def check_inference_changes_nothing(harness: LayerHarness) -> None:
    """A forward outside training changes no attribute and not the result of a pending backward."""
    harness.forward(training=False)  # before any training
    expected = harness.run()
    harness.forward()
    before = Snapshot(harness.layer)
    harness.layer.forward(harness.x.copy(), training=False)
    harness.layer.forward(harness.inputs(1)[:2], training=False)
    before.require_unchanged(
        "forward(training=False)",
        "It must change no attribute, because other threads may predict at the same time. Buffers "
        "are for training: out= must be None unless training.",
    )
    require(
        PassResult(expected.y, *harness.backward()).allclose(expected),
        "forward(training=False) between forward and backward changes the gradient. It must keep "
        "nothing, and must not overwrite what the training forward kept.",
    )


@for_each(harnesses)
def check_inference_returns_new_array(harness: LayerHarness) -> None:
    """The array that forward returns outside training is not changed by later calls."""
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
    """Neither x nor dy is written to, and read-only arrays are accepted."""
    x, dy = harness.x, harness.dy

    def backward(x: Array, dy: Array) -> None:
        harness.forward_in_place(x)
        harness.layer.backprop(dy, harness.differentiable)

    for fault, is_written in (
        ("forward(training=False) writes to its input x", writes_to(harness.layer.forward, x)),
        ("forward(training=True) writes to its input x", writes_to(harness.forward_in_place, x)),
        ("The backward pass writes to dy, or to x", writes_to(backward, x, dy)),
    ):
        require(
            not is_written,
            f"{fault}, which belongs to the caller. Write to a new array or to your own buffer.",
        )


@for_each(harnesses)
def check_c_order(harness: LayerHarness) -> None:
    """Outputs and dx are C-ordered, like all arrays passed between layers."""
    found = {
        "forward(training=False)": harness.layer.forward(harness.x.copy(), False),
        "forward(training=True)": harness.forward_in_place(harness.x.copy()),
        "backprop": harness.backprop(),
    }
    for name, array in found.items():
        require(
            array is None or array.flags.c_contiguous,
            f"{name} returns an array that is not C-ordered. Use np.ascontiguousarray, or "
            "copy it to a buffer.",
        )


@for_each(harnesses)
def check_empty_batch(harness: LayerHarness) -> None:
    """Outside training, an empty batch gives empty outputs of the right shape."""
    y = harness.forward(harness.x[:0], training=False)
    require(y.shape == harness.dy[:0].shape, f"An empty batch gave the shape {y.shape}.")


@for_each(harnesses)
def check_samples_independent(harness: LayerHarness) -> None:
    """Outside training, the outputs for a sample do not depend on the other samples."""
    together = harness.forward(training=False)
    for row in range(len(harness.x)):
        require(
            allclose(harness.forward(harness.x[row : row + 1], training=False)[0], together[row]),
            "Outside training, a sample has different outputs alone than in a batch.",
        )


@for_each(harnesses)
def check_second_batch(harness: LayerHarness) -> None:
    """The results of a batch do not depend on the batch before, nor on the array it comes in."""
    other, dy = harness.inputs(1), np.ascontiguousarray(harness.dy[::-1])
    alone = harness.twin().run(other, dy)
    harness.run()
    require(
        harness.run(other, dy).allclose(alone),
        "A batch gives different results after another batch than on its own.",
    )
    require(
        _run_in_same_arrays(harness.twin(), other, dy).allclose(alone),
        "A batch gives different results if another was in the same arrays before. Compute anew in "
        "each pass: the array may be the same one, with new numbers.",
    )


def _run_in_same_arrays(harness: LayerHarness, x: Array, dy: Array) -> PassResult:
    """Run a pass on the harness's own batch, then on another in the same two arrays."""
    own_x, own_dy = harness.x.copy(), harness.dy.copy()
    harness.forward_in_place(own_x)
    harness.layer.backprop(own_dy, harness.differentiable)
    own_x[...], own_dy[...] = x, dy
    y = np.array(harness.forward_in_place(own_x))
    harness.clear_gradients()
    dx = harness.layer.backprop(own_dy, harness.differentiable)
    return PassResult(y, dy[:0] if dx is None else np.array(dx), harness.grads())


@for_each(harnesses)
def check_prepare(harness: LayerHarness) -> None:
    """Results are the same with and without `prepare`, and after other batch shapes."""
    plain = harness.twin(prepares=False)
    few = harness.inputs(1)[:2], harness.dy[:2]
    expected, smaller = plain.run(), plain.run(*few)
    require(harness.run().allclose(expected), "With prepare the results differ from those without.")
    require(
        harness.run(*few).allclose(smaller) and harness.run().allclose(expected),
        "After prepare was called for another batch shape, the results differ. prepare must make "
        "new buffers each time.",
    )
    for prepares in (False, True):
        grown = harness.twin(prepares=prepares)
        grown.run(*few)
        require(
            grown.run().allclose(expected),
            "A batch gives different results after a smaller one than on its own.",
        )


@for_each(harnesses)
def check_backprop(harness: LayerHarness) -> None:
    """`backprop` does what `gradients` and `backward` do, whatever was called before."""
    expected = harness.run()
    _require_backprop(harness, expected)
    _require_backward_methods(harness, expected)


def _require_backprop(harness: LayerHarness, expected: PassResult) -> None:
    for inputs in (False, harness.differentiable, False):
        y = harness.forward()
        dx, grads = harness.backward(inputs=inputs)
        require(
            PassResult(y, dx if inputs else expected.dx, grads).allclose(expected),
            f"backprop(dy, inputs={inputs}) gives a different dx or different gradients after "
            "other calls of it. Each call must do all of its work.",
        )
        require(
            inputs or not len(dx),
            "backprop(dy, inputs=False) must return None, because dx is not used.",
        )


def _require_backward_methods(harness: LayerHarness, expected: PassResult) -> None:
    y, dy, methods = harness.forward(), harness.dy.copy(), harness.backward_methods()
    if "gradients" in methods:
        harness.clear_gradients()
        methods["gradients"](dy)
        require(
            PassResult(y, expected.dx, harness.grads()).allclose(expected),
            "gradients(dy) writes different gradients than backprop(dy, inputs=True).",
        )
    if "backward" in methods:
        dy *= -2
        require(
            allclose(methods["backward"](dy), -2 * expected.dx),
            "backward(dy) returns a different dx than backprop(dy, inputs=True), or depends on "
            "what gradients kept. Each must do its own work.",
        )


@for_each(harnesses)
def check_frozen(harness: LayerHarness) -> None:
    """In a chain, freezing parameters zeroes their gradients and changes no others, nor dx."""
    harness.require_trained()
    expected, trained = harness.run(), harness.trained()
    chain = registry.layers.build("chain", [harness.layer])
    for frozen in (*([name] for name in trained), [*trained], []):
        for name, parameter in trained.items():
            parameter.trainable = name not in frozen
        harness.restore()
        chain.forward(harness.x.copy(), training=True)
        dx = chain.backprop(harness.dy.copy(), harness.differentiable)
        grads = {name: expected.grads[name] * (name not in frozen) for name in trained}
        require(
            (dx is None or allclose(dx, expected.dx))
            and all(allclose(trained[name].grad, grad) for name, grad in grads.items()),
            f"With {', '.join(frozen) or 'nothing'} set to trainable=False, dx or the "
            "gradient of another parameter changes, or a frozen parameter's gradient is not 0.",
        )
    _require_thawed(harness, expected)


def _require_thawed(harness: LayerHarness, expected: PassResult) -> None:
    """Freeze all parameters of a new layer for its first step, and train them in the second."""
    other = harness.twin()
    chain, trained = registry.layers.build("chain", [other.layer]), other.trained()
    for trains in (False, True):
        for parameter in trained.values():
            parameter.trainable = trains
        other.restore()
        chain.forward(other.x.copy(), training=True)
        chain.backprop(other.dy.copy(), other.differentiable)
    require(
        all(allclose(parameter.grad, expected.grads[name]) for name, parameter in trained.items()),
        "A parameter that was frozen in the first step and is trained again gets a wrong gradient. "
        "Read its trainable in every pass.",
    )
