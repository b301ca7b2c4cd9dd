"""Checks of losses, with one, two and four outputs, as far as they take such targets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain, product
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import PlugnetError
from plugnet.interfaces import Loss
from plugnet.testing.arrays import near, read_only, same, writes
from plugnet.testing.gradients import compare, sides
from plugnet.testing.layers import refused_early
from plugnet.testing.report import NotApplicable, fail, raised, require
from plugnet.testing.state import Snapshot, complaining
from plugnet.testing.subject import Subject, described, each

ROWS: Final = 5
FAR: Final = 100.0  # a score at which gradients can still be compared
LARGE: Final = 1e4
DIRECTIONS: Final = 10


class Bench:
    """A loss for one number of outputs, with scores and targets for it.

    Attributes:
        loss: the loss.
        x: ``(N, K)`` scores.
        ids: ``(N,)`` class ids.
        rows: ``(N, K)`` one-hot rows that mean the same.
    """

    def __init__(self, subject: Subject, example: Any, classes: int, dtype: str) -> None:
        self.subject, self.example, self.classes = subject, example, classes
        self.loss: Loss = subject.build(example)
        self.x: Array = np.random.default_rng(1).normal(0, 2, (ROWS, classes)).astype(dtype)
        binary = classes == 1 and self.loss.threshold is not None
        self.ids: Array = np.array([2, 0, 3, 1, 0]) % (2 if binary else classes)
        self.rows: Array = np.eye(classes)[self.ids] if not binary else self.ids[:, None] * 1.0

    def takes(self, targets: Array) -> bool:
        """Tell whether the loss takes targets."""
        try:
            self.loss.check(targets, (len(targets), self.classes))
        except PlugnetError:
            return False
        return True

    def targets(self) -> list[Array]:
        """Return the targets to try: ids, one-hot rows, and probabilities if it takes them."""
        soft = 0.6 * self.rows + 0.1
        return [t for t in (self.ids, self.rows, soft) if self.takes(t)]

    def run(
        self,
        x: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
    ) -> tuple[float, Array]:
        """Return loss and gradient, as copies."""
        self.loss.prepare(x.shape, x.dtype)
        value = self.loss.forward(x.copy(), targets, weights, total, training=True)
        return value, np.array(self.loss.backward())

    def twin(self) -> Bench:
        """Return another bench with an equal loss."""
        return Bench(self.subject, self.example, self.classes, str(self.x.dtype))


def benches(subject: Subject, dtype: str = "float64") -> Iterator[Bench]:
    """Yield a bench for each example and number of outputs that its loss takes."""
    found = False
    for example in subject.usable:
        for classes in (4, 2, 1):
            bench = Bench(subject, example, classes, dtype)
            if bench.takes(bench.ids) and bench.takes(bench.rows):
                found = True
                yield bench
    if not found:
        raise NotApplicable("it takes neither: see targets")


def _benches_or_failure(subject: Subject) -> Iterator[Bench]:
    try:
        yield from benches(subject)
    except NotApplicable as reason:
        fail(f"check must take class ids and one-hot rows of 4, 2 or 1 classes, but {reason}.")


def both(subject: Subject) -> Iterator[Bench]:
    """Yield benches in both dtypes."""
    return chain(benches(subject, "float32"), benches(subject))


def exercise(subject: Subject) -> list[Array]:
    """Run a loss and its gradient."""
    results: list[Array] = []
    for bench in benches(subject):
        value, gradient = bench.run(bench.x, bench.rows)
        results += [np.array(value), gradient]
    return results


@each(benches)
def check_gradient(bench: Bench) -> None:
    """`backward` is the gradient of what `forward` returns, in float64."""
    for targets in bench.targets():
        for rows in (ROWS, 1):
            _compare(bench, bench.x[:rows].copy(), targets[:rows], f"gradient (N = {rows}")
    for sign in (1, -1):
        x = sign * FAR * (2 * bench.rows - 1)
        _compare(bench, x, bench.rows, f"gradient (scores of +-{FAR:g}")


def _compare(bench: Bench, x: Array, targets: Array, name: str) -> None:
    _, gradient = bench.run(x, targets)
    where = f"{name}, K = {bench.classes})"
    compare(gradient, lambda: bench.loss.forward(x.copy(), targets), x, where)


@each(benches)
def check_zero_scores(bench: Bench) -> None:
    """Where all scores are 0, and equal, the gradient lies between the one-sided slopes."""
    x, rng = np.zeros_like(bench.x), np.random.default_rng(0)
    for targets, direction in product(bench.targets(), rng.normal(size=(DIRECTIONS, *x.shape))):
        low, high = sides(lambda x: bench.loss.forward(x, targets), x, direction)  # noqa: B023
        slope = float(np.vdot(bench.run(x, targets)[1], direction))
        require(
            low <= slope <= high,
            f"Where all scores are 0, the gradient's slope along a direction is {slope:.6g}, but "
            f"those of forward on both sides lie within {low:.6g} .. {high:.6g}.",
        )


@each(benches)
def check_mean(bench: Bench) -> None:
    """The loss is the mean over the batch: twice the same samples cost the same."""
    once, _ = bench.run(bench.x, bench.rows)
    twice, _ = bench.run(np.tile(bench.x, (2, 1)), np.tile(bench.rows, (2, 1)))
    require(
        near(once, twice),
        f"A batch costs {once:.6g}, but {twice:.6g} with every sample twice. The loss must be the "
        "mean over the batch: divide it, and its gradient, by N.",
    )


@each(benches)
def check_weights(bench: Bench) -> None:
    """A sample of weight 2 means the same as two such samples, and one of weight 0 as none."""
    counts = np.array([1, 2, 0, 3, 1])
    for targets in bench.targets():
        repeated, parts = bench.run(bench.x.repeat(counts, axis=0), targets.repeat(counts, 0))
        together = np.zeros_like(bench.x)
        np.add.at(together, np.arange(ROWS).repeat(counts), parts)
        found = bench.run(bench.x, targets, counts.astype(float))
        _require_same(found, (repeated, together), f"copies instead of the weights {counts}")
        found = bench.run(bench.x, targets, np.ones(ROWS))
        _require_same(found, bench.run(bench.x, targets), "no weights instead of weights of 1")


@each(benches)
def check_total(bench: Bench) -> None:
    """With the weight of the whole batch as total, parts add up to the whole; of 0 is made 0."""
    weights = np.array([1.0, 2.5, 0.0, 0.5, 1.0])
    for given in (None, weights):
        total = float(ROWS) if given is None else float(weights.sum())
        (one, dx), (other, more) = (
            bench.run(bench.x[p], bench.rows[p], None if given is None else given[p], total)
            for p in (slice(2), slice(2, None))
        )
        whole = bench.run(bench.x, bench.rows, given)
        together = one + other, np.concatenate([dx, more])
        _require_same(together, whole, "the whole batch instead of two parts with its total")
    for nothing in ((np.zeros(ROWS), None), (np.zeros(ROWS), 0.0), (None, 0.0)):
        value, gradient = bench.run(bench.x, bench.rows, *nothing)
        require(
            value == 0 and not gradient.any(),
            "With a total weight of 0 the loss and its gradient must be 0, but they are "
            f"{value:.6g} and up to {np.abs(gradient).max():.6g}.",
        )


@each(both)
def check_number(bench: Bench) -> None:
    """`forward` returns a float."""
    value = bench.loss.forward(bench.x, bench.ids)
    require(
        isinstance(value, float) and not isinstance(value, np.floating),
        f"forward must return a Python float, but it returned {type(value).__name__}.",
    )


@each(benches)
def check_class_ids(bench: Bench) -> None:
    """Class ids mean the same as one-hot rows."""
    _require_same(
        bench.run(bench.x, bench.ids), bench.run(bench.x, bench.rows), "one-hot rows of class ids"
    )


@each(benches)
def check_soft_targets(bench: Bench) -> None:
    """Rows of probabilities are used as they are, or refused."""
    soft = 0.6 * bench.rows + 0.1
    if bench.classes > 1 and bench.takes(soft):  # one class alone may cost nothing
        require(
            not near(bench.run(bench.x, soft)[0], bench.run(bench.x, bench.rows)[0]),
            "Targets that are probabilities cost the same as one-hot rows of the likeliest class. "
            "Use them as they are, or let check refuse them with a DataError.",
        )


@each(_benches_or_failure)
def check_targets(bench: Bench) -> None:
    """`check` takes ids and one-hot rows, but no shapes that do not fit, nor ids there are not.

    ``(N, 1) - (N,)`` is an ``(N, N)`` array in NumPy, and trains a network to nothing.
    """
    rows, ids, classes = bench.rows, bench.ids, bench.classes
    wrong = [rows[:1], rows[:-1], rows[:, :-1], rows[0], rows[None], ids[:-1], ids * 1.0]
    wrong += [np.where(ids == 0, one, ids) for one in (max(classes, 2), -1)]
    wrong += [rows[:, :1]] if classes > 1 else []
    for targets in wrong:
        try:
            bench.loss.check(targets.copy(), (ROWS, classes))
        except PlugnetError:
            continue
        except Exception as error:
            got = raised(error)
        else:
            got = "took them"
        what = f" of ids {targets.tolist()}" if targets.dtype.kind == "i" else ""
        fail(
            f"For outputs of shape {(ROWS, classes)}, targets of shape {targets.shape}{what} must "
            f"be refused with ShapeError or DataError, but check {got}. Let it call super().check."
        )


@each(both)
def check_large_scores(bench: Bench) -> None:
    """For scores of +-10000, right or wrong, loss and gradient are finite, without warnings."""
    where = f"For scores of +-{LARGE:g} in {bench.x.dtype}"
    for sign in (1, -1):
        x = (sign * LARGE * (2 * bench.rows - 1)).astype(bench.x.dtype)
        with complaining(where, ("divide", "over")):
            value, gradient = bench.run(x, bench.ids)
        require(
            np.isfinite(value) and np.isfinite(gradient).all(),
            f"{where} the loss is {value}, or its gradient is not finite. Compute with logarithms, "
            "as log-sum-exp.",
        )


@each(benches)
def check_probabilities(bench: Bench) -> None:
    """`probabilities`, if a loss gives them, lie within 0 .. 1 and rise with the scores."""
    x = bench.x

    def probabilities(scores: Array) -> Array:
        p = bench.loss.probabilities(scores)
        if p is None:
            raise NotApplicable("its scores are no probabilities")
        require(
            np.shape(p) == x.shape and np.all(p >= 0) and np.all(p <= 1),
            f"probabilities of {x.shape} scores must be as many numbers within 0 .. 1.",
        )
        return p

    p = probabilities(x.copy())
    probabilities(LARGE * x)
    require(
        np.array_equal(p.argmax(axis=1), x.argmax(axis=1)),
        "The class of the highest score is not that of the highest probability.",
    )
    if bench.classes == 1 and bench.loss.threshold is None:
        return  # the only class
    for k in range(bench.classes):
        raised = probabilities(x + 0.5 * np.eye(bench.classes)[k])
        require(
            np.all(raised[:, k] > p[:, k]), "The probability of a class must rise with its score."
        )


@each(both)
def check_dtype(bench: Bench) -> None:
    """The gradient has the dtype of the scores."""
    found, dtype = bench.run(bench.x, bench.ids)[1].dtype, bench.x.dtype
    require(found == dtype, f"In {dtype}, the gradient must be so too, not {found}.")


@each(benches)
def check_inputs_unchanged(bench: Bench) -> None:
    """Neither outputs nor targets are written to; arrays that cannot be are taken."""
    x = read_only(bench.x)
    for given in bench.targets():
        targets, weights = read_only(given), read_only(np.ones(ROWS))
        call = partial(bench.loss.forward, x, targets, weights, training=True)
        require(
            not writes(call)
            and not writes(bench.loss.backward)
            and same(x, bench.x)
            and same(targets, given),
            "forward or backward writes to outputs, targets or weights, which are its caller's.",
        )


@each(benches)
def check_second_batch(bench: Bench) -> None:
    """A second batch, with other targets or of another size, gives what it gives alone."""
    for targets in bench.targets():
        for rows in (ROWS, 2):
            bench.run(bench.x + 1, targets)
            x, others = -bench.x[:rows], np.ascontiguousarray(targets[::-1][:rows])
            _require_same(
                bench.run(x, others), bench.twin().run(x, others), "no other batch before"
            )


@each(benches)
def check_prepare(bench: Bench) -> None:
    """Prepared for the batch shape or not, the results are the same."""
    loss = bench.twin().loss
    plain = loss.forward(bench.x.copy(), bench.rows, training=True)
    _require_same(bench.run(bench.x, bench.rows), (plain, loss.backward()), "no prepare before")


@each(benches)
def check_inference_changes_nothing(bench: Bench) -> None:
    """A forward outside training changes no attribute, nor what a pending backward reads."""
    arguments = described(bench.loss)
    _, expected = bench.run(bench.x, bench.rows)
    require(described(bench.loss) == arguments, "A training pass changes a constructor argument.")
    bench.loss.forward(bench.x.copy(), bench.rows, training=True)
    before = Snapshot(bench.loss)
    bench.loss.forward(-bench.x[:2], bench.ids[::-1][:2].copy())
    require(
        not (changed := before.changed()),
        f"forward(training=False) changes {changed}. It must change no attribute.",
    )
    require(
        near(bench.loss.backward(), expected),
        "forward(training=False) between forward and backward changes the gradient.",
    )


@each(benches)
def check_instances_independent(one: Bench) -> None:
    """Two losses of the same arguments do not disturb each other."""
    other = one.twin()
    expected = one.run(one.x, one.rows)
    value = one.loss.forward(one.x.copy(), one.rows, training=True)
    other.run(-2 * one.x, one.rows[::-1].copy())
    gradient = one.loss.backward()
    other.run(2 * one.x, one.rows[::-1].copy())
    _require_same((value, gradient), expected, "no other loss of the same class at work")


@each(benches)
def check_call_order(bench: Bench) -> None:
    """`backward` before any training `forward` raises CallOrderError."""
    require(
        refused_early(bench.loss.backward),
        "backward before forward must raise CallOrderError, but it returned something.",
    )


def _require_same(
    found: tuple[float, Array], expected: tuple[float, Array], with_what: str
) -> None:
    for name, one, other in (("loss", found[0], expected[0]), ("gradient", found[1], expected[1])):
        require(
            near(one, other),
            f"With {with_what}, the {name} differs by up to {np.abs(one - other).max():.3g}.",
        )
