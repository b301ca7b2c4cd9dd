"""Checks of layers: what they may do with the arrays that they are given, and with those kept."""

from __future__ import annotations

from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.testing.arrays import near, read_only, same, strided
from plugnet.testing.bench import Bench, Passed, benches
from plugnet.testing.report import fail, require
from plugnet.testing.subject import Subject


def check_inputs_unchanged(subject: Subject) -> None:
    """Neither x nor dy is changed."""
    for bench in benches(subject):
        x, dy = bench.x.copy(), bench.dy.copy()
        for training in (False, True):
            bench.layer.forward(x, training)
            require(same(x, bench.x), f"forward(training={training}) changes its input x.")
        bench.backward(dy)
        require(same(dy, bench.dy), "gradients or backward changes its input dy.")
        require(same(x, bench.x), "gradients or backward changes x, which is the caller's.")


def check_read_only_inputs(subject: Subject) -> None:
    """Arrays that cannot be written to are taken."""
    for bench in benches(subject):
        _check_like(bench, read_only(bench.x), read_only(bench.dy), "read-only arrays")


def check_non_contiguous_inputs(subject: Subject) -> None:
    """Arrays that are strided or in column order are taken, and give the same."""
    for bench in benches(subject):
        for change, name in ((strided, "strided"), (np.asfortranarray, "column-order")):
            _check_like(bench, change(bench.x), change(bench.dy), f"{name} arrays")


def check_empty_batch(subject: Subject) -> None:
    """A batch without samples gives outputs without samples, outside training."""
    for bench in benches(subject):
        try:
            y = bench.forward(bench.x[:0], training=False)
        except Exception as error:
            fail(f"A batch of no samples raised {type(error).__name__}: {error}.")
        require(y.shape == bench.dy[:0].shape, f"A batch of no samples gave the shape {y.shape}.")


def check_samples_independent(subject: Subject) -> None:
    """Outside training, what one sample gives does not depend on the others."""
    for bench in benches(subject):
        together = bench.forward(bench.x, training=False)
        for row in range(len(bench.x)):
            alone = bench.forward(bench.x[row : row + 1], training=False)
            require(
                near(alone[0], together[row]),
                "Outside training, a sample gives something else alone than among others.",
            )


def check_second_batch(subject: Subject) -> None:
    """After a first batch a second, and one of another size, gives what it gives alone."""
    for bench in benches(subject):
        other = bench.inputs(1)
        smaller = other[:2]
        alone = Bench(subject, bench.case).run(other)
        small_alone = Bench(subject, bench.case).run(smaller, bench.dy[:2])
        bench.run()
        _check_same(bench.run(other), alone, "A second batch gives other results than alone.")
        _check_same(
            bench.run(smaller, bench.dy[:2]),
            small_alone,
            "A smaller batch after a larger one gives other results than alone.",
        )


def check_inference_keeps_pending(subject: Subject) -> None:
    """A forward outside training does not disturb what a pending backward reads."""
    for bench in benches(subject):
        expected = bench.run()
        bench.forward(bench.x)
        bench.forward(bench.inputs(1)[:2], training=False)
        dx, grads = bench.backward(bench.dy.copy())
        _check_same(
            Passed(expected.y, dx, grads),
            expected,
            "forward(training=False) between forward and backward changes the gradient; it must "
            "keep nothing, and leave what is kept.",
        )


def check_inference_returns_new_array(subject: Subject) -> None:
    """What forward gives outside training stays as it is when forward is called again."""
    for bench in benches(subject):
        x = bench.x.copy()
        y = bench.layer.forward(x, training=False)
        value = np.array(y)
        bench.layer.forward(bench.inputs(1), training=False)
        bench.forward(bench.inputs(2))
        require(
            same(y, value),
            "The array that forward(training=False) returned was changed by the next call. Only "
            "in training may it be a buffer.",
        )


def _check_like(bench: Bench, x: Array, dy: Array, what: str) -> None:
    """Check that ``x`` and ``dy`` give what plain arrays with their values do."""
    expected = bench.run()
    try:
        bench.beginning.restore()
        y = np.array(bench.layer.forward(x, training=True))
        found = Passed(y, *bench.backward(dy))
    except Exception as error:
        fail(f"With {what} it raised {type(error).__name__}: {error}.")
    _check_same(found, expected, f"With {what} it gives other results.")


def _check_same(found: Passed, expected: Passed, message: str) -> None:
    pairs = [(found.y, expected.y), (found.dx, expected.dx)]
    pairs += zip(found.grads, expected.grads, strict=True)
    require(all(near(one, other) for one, other in pairs), message)


CHECKS: Final = (
    check_inputs_unchanged,
    check_read_only_inputs,
    check_non_contiguous_inputs,
    check_empty_batch,
    check_samples_independent,
    check_second_batch,
    check_inference_keeps_pending,
    check_inference_returns_new_array,
)
