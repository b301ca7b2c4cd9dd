"""Checks of layers: what a pass may do to arrays and attributes, and leaves to the next one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from plugnet.parameter import MULTIPLIERS
from plugnet.registry import registry
from plugnet.testing.arrays import near, read_only, same, writes
from plugnet.testing.bench import Bench, Passed
from plugnet.testing.cases import benches
from plugnet.testing.report import NotApplicable, fail, require
from plugnet.testing.state import Snapshot
from plugnet.testing.subject import described, each


@each(benches)
def check_saved_stays(bench: Bench) -> None:
    """Neither parameters' values and multipliers nor constructor arguments move in a pass."""
    layer, x, dy = bench.layer, bench.inputs(1), bench.dy.copy()
    calls: dict[str, Callable[[], object]] = {
        "prepare": partial(layer.prepare, x.shape, x.dtype),
        "forward(training=True)": partial(layer.forward, x, True),
        "backprop": partial(layer.backprop, dy, bench.differentiable),
        **{name: partial(half, dy) for name, half in bench.halves().items()},
    }
    before = _saved(bench)
    for name, call in calls.items():
        call()
        now = _saved(bench)
        require(
            not (moved := [what for what in before if now[what] != before[what]]),
            f"{name} changes the {', '.join(moved)}, but what is saved changes only at the end of "
            "a step, by the trainer. Running values are Statistics: write the batch's to the grad.",
        )


def _saved(bench: Bench) -> dict[str, object]:
    found: dict[str, object] = {"constructor arguments": described(bench.layer)}
    for name, parameter in bench.parameters.items():
        found[f"value of {name}"] = parameter.value.tobytes()
        found |= {f"{each} of {name}": getattr(parameter, each) for each in MULTIPLIERS}
    return found


@each(benches)
def check_inference_changes_nothing(bench: Bench) -> None:
    """A forward outside training changes no attribute, nor what a pending backward pass reads."""
    bench.forward(bench.x, training=False)  # before any training
    expected = bench.run()
    bench.forward(bench.x)
    before = Snapshot(bench.layer)
    bench.layer.forward(bench.x.copy(), training=False)
    bench.layer.forward(bench.inputs(1)[:2], training=False)
    require(
        not (changed := before.changed()),
        f"forward(training=False) changes {changed}. It must change no attribute: other threads "
        "predict meanwhile. A buffer is for training: out= must be None unless training.",
    )
    require(
        Passed(expected.y, *bench.backward(bench.dy.copy())).like(expected),
        "forward(training=False) between forward and backward changes the gradient; it must keep "
        "nothing, and leave what is kept.",
    )


@each(benches)
def check_inference_returns_new_array(bench: Bench) -> None:
    """What forward gives outside training stays as it is when forward is called again."""
    bench.run()
    y = bench.layer.forward(bench.x.copy(), training=False)
    value = np.array(y)
    bench.layer.forward(bench.inputs(1), training=False)
    bench.forward(bench.inputs(2))
    require(
        same(y, value),
        "The array that forward(training=False) returned was changed by the next call. Only in "
        "training may it be a buffer: out= must be None unless training.",
    )


@each(benches)
def check_inputs_unchanged(bench: Bench) -> None:
    """Neither x nor dy is written to; arrays that cannot be are taken."""
    x, dy = read_only(bench.x), read_only(bench.dy)
    calls: dict[str, Callable[[], object]] = {
        "forward(training=False) writes to its input x": partial(bench.layer.forward, x),
        "forward(training=True) writes to its input x": partial(bench.forward_in_place, x),
        "The backward pass writes to dy, or to x": partial(bench.backward, dy),
    }
    for fault, call in calls.items():
        if writes(call) or not same(x, bench.x) or not same(dy, bench.dy):
            fail(f"{fault}, which belongs to its caller. Write to an array of your own.")


@each(benches)
def check_c_order(bench: Bench) -> None:
    """Outputs and dx are C-ordered, as all arrays that go from layer to layer."""
    found = {
        "forward(training=False)": bench.layer.forward(bench.x.copy(), False),
        "forward(training=True)": bench.forward_in_place(bench.x.copy()),
        "backprop": bench.layer.backprop(bench.dy.copy(), bench.differentiable),
    }
    for name, array in found.items():
        require(
            array is None or array.flags.c_contiguous,
            f"{name} returns an array that is not C-ordered. Use np.ascontiguousarray, or a "
            "buffer to copy to.",
        )


@each(benches)
def check_empty_batch(bench: Bench) -> None:
    """A batch without samples gives outputs without samples, outside training."""
    y = bench.forward(bench.x[:0], training=False)
    require(y.shape == bench.dy[:0].shape, f"A batch of no samples gave the shape {y.shape}.")


@each(benches)
def check_samples_independent(bench: Bench) -> None:
    """Outside training, what one sample gives does not depend on the others."""
    together = bench.forward(bench.x, training=False)
    for row in range(len(bench.x)):
        require(
            near(bench.forward(bench.x[row : row + 1], training=False)[0], together[row]),
            "Outside training, a sample gives something else alone than among others.",
        )


@each(benches)
def check_second_batch(bench: Bench) -> None:
    """After a first batch, a second gives what it gives alone."""
    other, dy = bench.inputs(1), np.ascontiguousarray(bench.dy[::-1])
    bench.run()
    require(
        bench.run(other, dy).like(bench.twin().run(other, dy)),
        "A second batch gives other results than alone.",
    )


@each(benches)
def check_prepare(bench: Bench) -> None:
    """Prepared for the batch shape or not, and for others before, the results are the same."""
    plain = bench.twin(prepares=False)
    few = bench.inputs(1)[:2], bench.dy[:2]
    expected, smaller = plain.run(), plain.run(*few)
    require(bench.run().like(expected), "After prepare it gives other results than without.")
    require(
        bench.run(*few).like(smaller) and bench.run().like(expected),
        "Batches of another shape, for which prepare was called in between, give other results. "
        "prepare must make all buffers anew.",
    )


@each(benches)
def check_backprop(bench: Bench) -> None:
    """`backprop` does what `gradients` and `backward` do, whichever was called before."""
    expected = bench.run()
    for inputs in (False, bench.differentiable, False):
        y = bench.forward(bench.x)
        dx, grads = bench.backward(bench.dy.copy(), inputs)
        require(
            Passed(y, dx if inputs else expected.dx, grads).like(expected),
            f"backprop(dy, inputs={inputs}) gives another dx or other gradients after other calls "
            "of it. Each call must do all of its work.",
        )
        require(
            inputs or not len(dx), "backprop(dy, inputs=False) must return None: nobody reads dx."
        )
    bench.forward(bench.x)
    dy, halves = bench.dy.copy(), bench.halves()
    if "gradients" in halves:
        bench.clear()
        halves["gradients"](dy)
        require(
            Passed(y, expected.dx, bench.grads()).like(expected),
            "gradients(dy) fills other gradients than backprop(dy, inputs=True).",
        )
    if "backward" in halves:
        dy *= -2
        require(
            near(halves["backward"](dy), -2 * expected.dx),
            "backward(dy) returns another dx than backprop(dy, inputs=True), or reads what "
            "gradients kept. Each must do its own work.",
        )


@each(benches)
def check_frozen(bench: Bench) -> None:
    """In a chain, what is not trained has no gradient; dx and all other gradients are as ever."""
    if not bench.trained():
        raise NotApplicable("it has no parameters to train")
    expected, trained = bench.run(), bench.trained()
    chain = registry.layers.build("chain", [bench.layer])
    for frozen in (*([name] for name in trained), [*trained], []):
        for name, parameter in trained.items():
            parameter.trainable = name not in frozen
        bench.restore()
        chain.forward(bench.x.copy(), training=True)
        dx = chain.backprop(bench.dy.copy(), bench.differentiable)
        require(
            (dx is None or near(dx, expected.dx))
            and all(
                near(parameter.grad, 0 * parameter.grad if name in frozen else expected.grads[name])
                for name, parameter in trained.items()
            ),
            f"With {', '.join(frozen) or 'nothing'} set to trainable=False in between, dx or the "
            "gradient of something else is another, or its own is not 0.",
        )
