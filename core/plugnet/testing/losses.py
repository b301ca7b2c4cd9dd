"""Checks of losses. The targets are class ids and one-hot rows, which every loss takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import PlugnetError
from plugnet.interfaces import Loss
from plugnet.testing.arrays import near
from plugnet.testing.gradients import compare
from plugnet.testing.report import NotApplicable, fail, require
from plugnet.testing.subject import Subject

CLASSES: Final = 4
IDS: Final = np.array([2, 0, 3, 1, 0])
LARGE: Final = 1e4


def exercise(subject: Subject) -> list[Array]:
    """Run a loss and its gradient."""
    results = []
    for loss in built(subject):
        results += [np.array(loss.forward(scores(), one_hot())), np.array(loss.backward())]
    return results


def check_gradient(subject: Subject) -> None:
    """`backward` is the gradient of what `forward` returns, in float64."""
    for loss in built(subject):
        for rows in (len(IDS), 1):
            _compare(loss, one_hot()[:rows], f"gradient (N = {rows})")
        try:
            loss.forward(scores(), soft())
        except PlugnetError:
            continue  # it takes hard targets only
        _compare(loss, soft(), "gradient (soft targets)")


def _compare(loss: Loss, targets: Array, name: str) -> None:
    x = scores()[: len(targets)]
    loss.forward(x.copy(), targets)
    gradient = np.array(loss.backward())
    compare(gradient, lambda: loss.forward(x.copy(), targets), x, name)


def check_mean(subject: Subject) -> None:
    """The loss is the mean over the batch: twice the same samples cost the same."""
    for loss in built(subject):
        once = loss.forward(scores(), one_hot())
        twice = loss.forward(np.tile(scores(), (2, 1)), np.tile(one_hot(), (2, 1)))
        require(
            near(once, twice),
            f"A batch costs {once:.6g}, but {twice:.6g} with every sample twice. The loss must be "
            "the mean over the batch: divide it, and its gradient, by N.",
        )


def check_number(subject: Subject) -> None:
    """`forward` returns a float."""
    for loss in built(subject):
        for dtype in ("float32", "float64"):
            value = loss.forward(scores().astype(dtype), IDS)
            require(
                isinstance(value, float) and not isinstance(value, np.floating),
                f"forward must return a Python float, but it returned {type(value).__name__}.",
            )


def check_class_ids(subject: Subject) -> None:
    """Class ids mean the same as one-hot rows."""
    for loss in built(subject):
        found = [(loss.forward(scores(), t), np.array(loss.backward())) for t in (IDS, one_hot())]
        require(
            near(found[0][0], found[1][0]) and near(found[0][1], found[1][1]),
            "Class ids give another loss or gradient than one-hot rows that say the same.",
        )


def check_soft_targets(subject: Subject) -> None:
    """Rows of probabilities are used as they are, or refused."""
    for loss in built(subject):
        try:
            value = loss.forward(scores(), soft())
        except PlugnetError:
            continue
        require(
            not near(value, loss.forward(scores(), one_hot())),
            "Targets that are probabilities cost the same as one-hot rows of the likeliest class. "
            "Use them as they are, or refuse them with a DataError.",
        )


def check_target_shapes(subject: Subject) -> None:
    """Targets that do not fit the outputs are refused with an error of plugnet's, never broadcast.

    ``(N, 1) - (N,)`` is an ``(N, N)`` array in NumPy, and trains a network to nothing.
    """
    rows = one_hot()
    for targets in (rows[:, :1], rows[:1], rows[:-1], rows[:, :-1], rows[0], rows[None], IDS[:-1]):
        _refused(subject, scores(), targets)
    _refused(subject, scores()[:, :1], np.linspace(0, 1, len(IDS)))


def check_wrong_ids(subject: Subject) -> None:
    """Class ids that there are not are refused with an error of plugnet's."""
    for wrong in (CLASSES, -1):
        _refused(subject, scores(), np.where(IDS == 0, wrong, IDS))


def _refused(subject: Subject, outputs: Array, targets: Array) -> None:
    for loss in built(subject):
        try:
            loss.forward(outputs.copy(), targets.copy())
        except PlugnetError:
            continue
        except Exception as error:
            got = f"raised {type(error).__name__}: {error}"
        else:
            got = "was computed all the same"
        ids = f" of ids {targets.tolist()}" if targets.dtype.kind == "i" else ""
        fail(
            f"For outputs of shape {outputs.shape}, targets of shape {targets.shape}{ids} must be "
            f"refused with ShapeError or DataError, but the loss {got}. plugnet.targets.as_rows "
            "checks them."
        )


def check_large_scores(subject: Subject) -> None:
    """For scores of +-10000, right or wrong, loss and gradient are finite, without warnings."""
    for loss in built(subject):
        for dtype in ("float32", "float64"):
            for sign in (1, -1):
                x = (sign * LARGE * (2 * one_hot() - 1)).astype(dtype)
                with warnings.catch_warnings(), np.errstate(divide="raise", over="raise"):
                    warnings.simplefilter("error")
                    try:
                        value, gradient = loss.forward(x, IDS), loss.backward()
                    except (FloatingPointError, Warning) as error:
                        fail(f"For scores of +-{LARGE:g} in {dtype}: {error}.")
                require(
                    np.isfinite(value) and np.isfinite(gradient).all(),
                    f"For scores of +-{LARGE:g} in {dtype} the loss is {value}, or its gradient "
                    "is not finite. Compute with logarithms, as log-sum-exp.",
                )


def check_probabilities(subject: Subject) -> None:
    """`probabilities`, if a loss gives them, lie within 0 .. 1, large scores or not."""
    found = False
    for loss in built(subject):
        for x in (scores(), LARGE * scores()):
            p = loss.probabilities(x.copy())
            if p is None:
                continue
            found = True
            require(
                np.shape(p) == x.shape and np.all(p >= 0) and np.all(p <= 1),
                f"probabilities of {x.shape} scores must be as many numbers within 0 .. 1.",
            )
        _check_order(loss)
    if not found:
        raise NotApplicable("its scores are no probabilities")


def _check_order(loss: Loss) -> None:
    """Check that the probability of a class rises with its score, and the highest go together."""
    p = loss.probabilities(scores())
    if p is None:
        return
    require(
        np.array_equal(p.argmax(axis=1), scores().argmax(axis=1)),
        "The class of the highest score is not that of the highest probability.",
    )
    for k in range(CLASSES):
        raised = loss.probabilities(scores() + 0.5 * np.eye(CLASSES)[k])
        require(
            raised is not None and np.all(raised[:, k] > p[:, k]),
            "The probability of a class must rise with its score.",
        )


def built(subject: Subject) -> Iterator[Loss]:
    """Yield a new loss for each example."""
    return (subject.build(example) for example in subject.usable)


def scores() -> Array:
    """Return the outputs of a network, ``(N, K)``."""
    x: Array = np.random.default_rng(1).normal(0, 2, (len(IDS), CLASSES))
    return x


def soft() -> Array:
    """Return rows of probabilities whose likeliest class is that of `IDS`."""
    return 0.6 * one_hot() + 0.1


def one_hot() -> Array:
    """Return the one-hot rows that mean the same as `IDS`."""
    rows: Array = np.eye(CLASSES)[IDS]
    return rows


CHECKS: Final = (
    check_gradient,
    check_mean,
    check_number,
    check_class_ids,
    check_soft_targets,
    check_target_shapes,
    check_wrong_ids,
    check_large_scores,
    check_probabilities,
)
