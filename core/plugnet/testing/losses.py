"""Checks of losses with one, two and four outputs, where they accept such targets."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import PlugnetError
from plugnet.interfaces import Loss
from plugnet.testing.comparison import allclose, writes_to
from plugnet.testing.gradients import MOST_KINKS, compare_gradient, one_sided_slopes
from plugnet.testing.layers import raises_before_forward
from plugnet.testing.loss_harness import ROWS, LossHarness, harnesses, many_outputs
from plugnet.testing.report import NotApplicable, fail, raised, require
from plugnet.testing.snapshot import Snapshot
from plugnet.testing.state import warnings_as_failures
from plugnet.testing.target import Target, argument_text, for_each, in_both_dtypes

FAR: Final = 100.0  # a score at which gradients can still be compared
LARGE: Final = 1e4
DIRECTIONS: Final = 10
STEP: Final = 1e-3
MANY: Final = 77  # rows: more than a block of 32 or 64, and no multiple of one
PART: Final = 11
OUTPUTS: Final = 300  # too many classes for eight bits


def _harnesses_or_failure(target: Target) -> list[LossHarness]:
    _ = target.usable_examples  # not applicable if there are none
    try:
        return harnesses(target)
    except NotApplicable as reason:
        fail(f"check must take class ids and one-hot rows of 4, 2 or 1 classes, but {reason}.")


def exercise(target: Target) -> list[Array]:
    """Run a loss and its gradient."""
    results = [harness.run(harness.x, harness.rows) for harness in harnesses(target)]
    return [np.array(result) for pair in results for result in pair]


@for_each(harnesses)
def check_gradient(harness: LossHarness) -> None:
    """`backward` returns the gradient of `forward`, in float64."""
    for targets, rows in product(harness.targets(), (ROWS, 1)):
        _compare(harness, harness.x[:rows].copy(), targets[:rows], f"gradient (N = {rows}")
    for size in (FAR, -FAR):
        name = f"gradient (scores of +-{FAR:g}"
        _compare(harness, harness.scores(size), harness.rows, name, kinks=1)  # many of them tie


def _compare(
    harness: LossHarness, x: Array, targets: Array, name: str, kinks: float = MOST_KINKS
) -> None:
    _, gradient = harness.run(x, targets)
    where = f"{name}, K = {harness.classes})"
    compare_gradient(gradient, partial(harness.forward, x, targets), x, where, kinks=kinks)


@for_each(harnesses)
def check_zero_scores(harness: LossHarness) -> None:
    """Where all scores are 0, the gradient lies between the one-sided slopes."""
    x, rng = np.zeros_like(harness.x), np.random.default_rng(0)
    for targets, direction in product(harness.targets(), rng.normal(size=(DIRECTIONS, *x.shape))):
        low, high = one_sided_slopes(partial(harness.forward, targets=targets), x, direction)
        slope = float(np.vdot(harness.run(x, targets)[1], direction))
        require(
            low <= slope <= high,
            f"Where all scores are 0, the gradient's slope along a direction is {slope:.6g}, but "
            f"those of forward on both sides lie within {low:.6g} .. {high:.6g}.",
        )


@for_each(harnesses)
def check_mean(harness: LossHarness) -> None:
    """The loss is the mean over the batch: repeating every sample does not change it."""
    once, _ = harness.run(harness.x, harness.rows)
    twice, _ = harness.run(np.tile(harness.x, (2, 1)), np.tile(harness.rows, (2, 1)))
    require(
        allclose(once, twice),
        f"The loss of a batch is {once:.6g}, but {twice:.6g} with every sample twice. The loss "
        "must be the mean over the batch: divide it, and its gradient, by N.",
    )


@for_each(harnesses)
def check_weights(harness: LossHarness) -> None:
    """A sample of weight 2 counts as two such samples, and one of weight 0 is ignored."""
    counts = np.array([1, 2, 0, 3, 1])
    for targets in harness.targets():
        repeated, parts = harness.run(harness.x.repeat(counts, axis=0), targets.repeat(counts, 0))
        together = np.zeros_like(harness.x)
        np.add.at(together, np.arange(ROWS).repeat(counts), parts)
        found = harness.run(harness.x, targets, counts.astype(float))
        _require_same(found, (repeated, together), f"copies instead of the weights {counts}")
        found = harness.run(harness.x, targets, np.ones(ROWS))
        _require_same(found, harness.run(harness.x, targets), "no weights instead of weights of 1")


@for_each(harnesses)
def check_total(harness: LossHarness) -> None:
    """With the batch's weight as total, parts add up to the whole; a total of 0 gives 0."""
    weights = np.array([1.0, 2.5, 0.0, 0.5, 1.0])
    for given in (None, weights):
        total = float(ROWS) if given is None else float(weights.sum())
        (one, dx), (other, more) = (
            harness.run(harness.x[p], harness.rows[p], None if given is None else given[p], total)
            for p in (slice(2), slice(2, None))
        )
        whole = harness.run(harness.x, harness.rows, given)
        together = one + other, np.concatenate([dx, more])
        _require_same(together, whole, "the whole batch instead of two parts with its total")
    for nothing in ((np.zeros(ROWS), None), (np.zeros(ROWS), 0.0), (None, 0.0)):
        value, gradient = harness.run(harness.x, harness.rows, *nothing)
        require(
            value == 0 and not gradient.any(),
            "With a total weight of 0 the loss and its gradient must be 0, but they are "
            f"{value:.6g} and up to {np.abs(gradient).max():.6g}.",
        )


@for_each(in_both_dtypes(harnesses))
def check_number(harness: LossHarness) -> None:
    """`forward` returns a float."""
    value = harness.loss.forward(harness.x, harness.ids)
    require(
        isinstance(value, float) and not isinstance(value, np.floating),
        f"forward must return a Python float, but it returned {type(value).__name__}.",
    )


@for_each(harnesses)
def check_class_ids(harness: LossHarness) -> None:
    """Class ids give the same results as one-hot rows."""
    found = harness.run(harness.x, harness.ids)
    _require_same(found, harness.run(harness.x, harness.rows), "one-hot rows of class ids")
    narrow = harness.run(harness.x, harness.ids.astype(np.uint8))
    _require_same(found, narrow, "class ids as int64 instead of uint8")


@for_each(harnesses)
def check_soft_targets(harness: LossHarness) -> None:
    """Rows of probabilities are used unchanged, or refused."""
    if harness.classes > 1 and harness.takes(harness.soft):  # a single class may always cost 0
        soft, hard = (harness.run(harness.x, rows)[0] for rows in (harness.soft, harness.rows))
        require(
            not np.isclose(soft, hard, rtol=1e-9, atol=0),
            "Targets that are probabilities cost the same as one-hot rows of the likeliest class. "
            "Use the probabilities, or let check refuse them with a DataError.",
        )


@for_each(_harnesses_or_failure)
def check_targets(harness: LossHarness) -> None:
    """`check` accepts ids and one-hot rows, and refuses wrong shapes and ids out of range.

    Without it, NumPy would broadcast ``(N, 1) - (N,)`` to ``(N, N)``.
    """
    rows, ids, classes = harness.rows, harness.ids, harness.classes
    wrong = [rows[:1], rows[:-1], rows[:, :-1], rows[0], rows[None], ids[:-1], ids * 1.0]
    wrong += [np.where(ids == 0, one, ids) for one in (max(classes, 2), -1)]
    wrong += [rows[:, :1]] if classes > 1 else []
    for targets in wrong:
        try:
            harness.loss.check(targets.copy(), (ROWS, classes))
        except PlugnetError:
            continue
        except Exception as error:
            got = raised(error)
        else:
            got = "accepted them"
        what = f" of ids {targets.tolist()}" if targets.dtype.kind == "i" else ""
        fail(
            f"For outputs of shape {(ROWS, classes)}, targets of shape {targets.shape}{what} must "
            f"be refused with ShapeError or DataError, but check {got}. Let it call super().check."
        )


@for_each(in_both_dtypes(harnesses))
def check_large_scores(harness: LossHarness) -> None:
    """For scores of +-10000, loss and gradient are finite, without warnings."""
    where = f"For scores of +-{LARGE:g} in {harness.x.dtype}"
    for size in (LARGE, -LARGE):
        with warnings_as_failures(where, ("divide", "over")):
            value, gradient = harness.run(harness.scores(size), harness.ids)
        require(
            np.isfinite(value) and np.isfinite(gradient).all(),
            f"{where} the loss is {value}, or its gradient is not finite. Compute with logarithms, "
            "for example by log-sum-exp.",
        )


@for_each(harnesses)
def check_probabilities(harness: LossHarness) -> None:
    """`probabilities`, if not None, lie within 0 .. 1 and rise with the scores."""
    x, classes = harness.x, harness.classes
    p = _probabilities(harness.loss, x.copy())
    _probabilities(harness.loss, LARGE * x)
    require(
        np.array_equal(p[np.arange(len(x)), x.argmax(axis=1)], p.max(axis=1)),
        "The class with the highest score must have the highest probability.",
    )
    if classes == 1 and harness.loss.threshold is None:
        return  # the only class
    for k, step in enumerate(0.5 * np.eye(classes)):
        rise = _rise(harness.loss, np.concatenate([x, x / 8]), step)[:, k]
        require(
            np.all(rise >= 0) and np.any(rise > 0),  # it may stay at 0 or 1
            "The probability of a class must rise with its score.",
        )


def _rise(loss: Loss, x: Array, step: Array) -> Array:
    return np.asarray(_probabilities(loss, x + step) - _probabilities(loss, x))


def _probabilities(loss: Loss, scores: Array) -> Array:
    p = loss.probabilities(scores)
    if p is None:
        raise NotApplicable("it has no probabilities")
    require(
        np.shape(p) == scores.shape and np.all(p >= 0) and np.all(p <= 1),
        f"probabilities of scores of shape {scores.shape} must have that shape, and lie within 0 "
        ".. 1.",
    )
    return p


@for_each(in_both_dtypes(harnesses))
def check_dtype(harness: LossHarness) -> None:
    """The gradient has the dtype of the scores."""
    found, dtype = harness.run(harness.x, harness.ids)[1].dtype, harness.x.dtype
    require(found == dtype, f"In {dtype}, the gradient must have that dtype too, not {found}.")


@for_each(harnesses)
def check_inputs_unchanged(harness: LossHarness) -> None:
    """Outputs, targets and weights are not written to, and read-only arrays are accepted."""

    def passes(x: Array, targets: Array, weights: Array) -> None:
        harness.loss.forward(x, targets, weights, training=True)
        harness.loss.backward()

    for targets in harness.targets():
        require(
            not writes_to(passes, harness.x, targets, np.ones(ROWS)),
            "forward or backward writes to outputs, targets or weights, which belong to the "
            "caller.",
        )
    require(
        not writes_to(harness.loss.probabilities, harness.x),
        "probabilities writes to outputs, which belong to the caller.",
    )


@for_each(harnesses)
def check_second_batch(harness: LossHarness) -> None:
    """The results of a batch do not depend on the batch before, whatever its size."""
    for targets, rows in product(harness.targets(), (ROWS, 2)):
        harness.run(harness.x + 1, targets)
        x, others = -harness.x[:rows], np.ascontiguousarray(targets[::-1][:rows])
        alone = harness.twin().run(x, others)
        _require_same(harness.run(x, others), alone, "no other batch before")


@for_each(harnesses)
def check_same_arrays(harness: LossHarness) -> None:
    """Results are computed anew from arrays with new numbers, and again in a second `backward`."""
    for given in harness.targets():
        loss, x, targets = harness.loss, harness.x.copy(), given.copy()
        loss.forward(x, targets, training=True)
        first = np.array(loss.backward())
        require(
            allclose(loss.backward(), first),
            "A second backward gives a different gradient. It must not change what forward keeps.",
        )
        x[...], targets[...] = -harness.x, given[::-1]
        alone = harness.twin().run(x, targets)
        value = loss.forward(x, targets, training=True)
        _require_same((value, loss.backward()), alone, "other numbers in the same arrays before")


@for_each(partial(many_outputs, outputs=OUTPUTS, rows=MANY))
def check_sizes(harness: LossHarness) -> None:
    """A batch of 77 is the sum of its parts, with up to 300 outputs if it takes so many."""
    if harness.classes == OUTPUTS:
        found = harness.run(harness.x, harness.ids)
        name = f"one-hot rows of {OUTPUTS} class ids"
        _require_same(found, harness.run(harness.x, harness.rows), name)
    whole = harness.run(harness.x, harness.rows)
    parts = [slice(start, start + PART) for start in range(0, MANY, PART)]
    each = [harness.run(harness.x[p], harness.rows[p], total=float(MANY)) for p in parts]
    together = sum(value for value, _ in each), np.concatenate([dx for _, dx in each])
    _require_same(together, whole, f"a batch of {MANY} instead of its parts of {PART}")


@for_each(harnesses)
def check_threshold(harness: LossHarness) -> None:
    """A single score costs less on its class's side of the threshold than on the other."""
    threshold = harness.loss.threshold
    if threshold is None or harness.classes > 1:
        raise NotApplicable("it has no threshold")
    above, below = (np.full_like(harness.x, threshold + step) for step in (1, -1))
    ones, zeros = np.ones_like(harness.ids), np.zeros_like(harness.ids)
    for name, targets, right, wrong in (("1", ones, above, below), ("0", zeros, below, above)):
        less, more = (harness.forward(x, targets) for x in (right, wrong))
        require(
            less < more,
            f"For class {name} the score {right[0, 0]:g} costs {less:.6g}, and {wrong[0, 0]:g} "
            f"costs {more:.6g}, but it must be less on its side of the threshold, {threshold:g}.",
        )
    low, high = (harness.loss.probabilities(harness.x * 0 + threshold + s) for s in (-STEP, STEP))
    require(
        low is None or high is None or (np.all(low <= 0.5) and np.all(high >= 0.5)),
        f"The probability of class 1 must be 1/2 at the threshold, {threshold:g}: at most that "
        "below, and at least that above.",
    )


@for_each(harnesses)
def check_prepare(harness: LossHarness) -> None:
    """Results are the same with and without `prepare`."""
    loss = harness.twin().loss
    plain = loss.forward(harness.x.copy(), harness.rows, training=True), loss.backward()
    _require_same(harness.run(harness.x, harness.rows), plain, "no prepare before")


@for_each(harnesses)
def check_inference_changes_nothing(harness: LossHarness) -> None:
    """A forward outside training changes no attribute and not the result of a pending backward."""
    arguments = argument_text(harness.loss)
    _, expected = harness.run(harness.x, harness.rows)
    require(
        argument_text(harness.loss) == arguments, "A training pass changes a constructor argument."
    )
    harness.loss.forward(harness.x.copy(), harness.rows, training=True)
    before = Snapshot(harness.loss)
    harness.loss.forward(-harness.x[:2], harness.ids[::-1][:2].copy())
    before.require_unchanged("forward(training=False)", "It must change no attribute.")
    require(
        allclose(harness.loss.backward(), expected),
        "forward(training=False) between forward and backward changes the gradient.",
    )


@for_each(harnesses)
def check_instances_independent(one: LossHarness) -> None:
    """Two losses with the same arguments do not affect each other."""
    other = one.twin()
    expected = one.run(one.x, one.rows)
    value = one.loss.forward(one.x.copy(), one.rows, training=True)
    other.run(-2 * one.x, one.rows[::-1].copy())
    gradient = one.loss.backward()
    other.run(2 * one.x, one.rows[::-1].copy())
    _require_same((value, gradient), expected, "no other loss of the same class in use")


@for_each(harnesses)
def check_call_order(harness: LossHarness) -> None:
    """`backward` before any training `forward` raises CallOrderError."""
    require(
        raises_before_forward(harness.loss.backward),
        "backward before forward must raise CallOrderError, but it returned a value.",
    )


def _require_same(
    found: tuple[float, Array], expected: tuple[float, Array], with_what: str
) -> None:
    for name, one, other in (("loss", found[0], expected[0]), ("gradient", found[1], expected[1])):
        require(
            allclose(one, other),
            f"With {with_what}, the {name} differs by up to {np.abs(one - other).max():.3g}.",
        )
