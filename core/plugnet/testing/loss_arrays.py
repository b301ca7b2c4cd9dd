"""Checks of losses: what they may do with the arrays that they are given, and with those kept."""

from __future__ import annotations

from typing import Final

import numpy as np

from plugnet.errors import PlugnetError
from plugnet.testing.arrays import near, read_only, same, strided
from plugnet.testing.losses import IDS, built, one_hot, scores
from plugnet.testing.report import fail, require
from plugnet.testing.subject import Subject


def check_dtype(subject: Subject) -> None:
    """The gradient has the dtype of the scores."""
    for loss in built(subject):
        for dtype in ("float32", "float64"):
            loss.forward(scores().astype(dtype), IDS)
            found = loss.backward().dtype
            require(found == dtype, f"In {dtype}, the gradient must be so too, not {found}.")


def check_inputs_unchanged(subject: Subject) -> None:
    """Neither outputs nor targets are changed; arrays that cannot be written to are taken."""
    for loss in built(subject):
        for targets in (IDS, one_hot()):
            x, t = scores(), targets.copy()
            loss.forward(x, t)
            loss.backward()
            require(
                same(x, scores()) and same(t, targets), "forward or backward changes its inputs."
            )
            try:
                loss.forward(read_only(x), read_only(t))
                loss.backward()
            except ValueError as error:
                fail(f"With read-only arrays it raised ValueError: {error}.")


def check_non_contiguous_inputs(subject: Subject) -> None:
    """Arrays that are strided or in column order give the same."""
    for loss in built(subject):
        value, gradient = loss.forward(scores(), one_hot()), np.array(loss.backward())
        for change in (strided, np.asfortranarray):
            found = loss.forward(change(scores()), change(one_hot()))
            require(
                near(found, value) and near(loss.backward(), gradient),
                "With arrays that are not contiguous it gives other results.",
            )


def check_second_batch(subject: Subject) -> None:
    """A second batch, and one of another size, gives what it gives alone."""
    for loss, alone in zip(built(subject), built(subject), strict=True):
        for rows in (len(IDS), 2):
            loss.forward(scores() + 1, one_hot())
            x, targets = -scores()[:rows], one_hot()[:rows]
            found = loss.forward(x.copy(), targets), np.array(loss.backward())
            expected = alone.forward(x.copy(), targets), np.array(alone.backward())
            require(
                near(found[0], expected[0]) and near(found[1], expected[1]),
                "A second batch gives another loss or gradient than alone.",
            )


def check_instances_independent(subject: Subject) -> None:
    """Two losses of the same arguments do not disturb each other."""
    for one, other in zip(built(subject), built(subject), strict=True):
        value = one.forward(scores(), one_hot())
        expected = np.array(one.backward())
        again = one.forward(scores(), one_hot())
        other.forward(-2 * scores(), one_hot()[::-1].copy())
        other.backward()
        gradient = one.backward()
        fine = near(again, value) and near(gradient, expected)
        other.forward(-2 * scores(), one_hot()[::-1].copy())
        other.backward()
        require(
            fine and near(gradient, expected),
            "With another loss of the same class at work, a loss gives another value or gradient "
            "than alone. Keep what backward reads, and buffers, in the object, not on the class "
            "or in the module.",
        )


def check_call_order(subject: Subject) -> None:
    """`backward` before `forward` raises CallOrderError."""
    for loss in built(subject):
        try:
            loss.backward()
        except PlugnetError:
            continue
        except Exception as error:
            fail(
                f"backward before forward must raise CallOrderError, but it raised "
                f"{type(error).__name__}: {error}. Set what forward keeps to None in the "
                "constructor, and read it by self.kept(...)."
            )
        fail("backward before forward must raise CallOrderError, but it returned something.")


CHECKS: Final = (
    check_dtype,
    check_inputs_unchanged,
    check_non_contiguous_inputs,
    check_second_batch,
    check_instances_independent,
    check_call_order,
)
