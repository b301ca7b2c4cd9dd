"""A harness for losses: builds one, with scores and targets of a given number of outputs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import PlugnetError
from plugnet.interfaces import Loss
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.target import Example, Target

ROWS: Final = 5
USUAL: Final = (4, 2, 1)  # numbers of outputs
OTHER: Final = range(3, 11)  # tried if none of these is accepted


class LossHarness:
    """A loss for a given number of outputs, with scores and targets.

    Attributes:
        loss: the loss.
        x: ``(N, K)`` scores.
        ids: ``(N,)`` class ids.
        rows: ``(N, K)`` the same targets as one-hot rows.
        soft: ``(N, K)`` the one-hot rows smoothed to probabilities.
    """

    def __init__(
        self, target: Target, example: Example, classes: int, dtype: str, rows: int = ROWS
    ) -> None:
        self.target, self.example, self.classes = target, example, classes
        self.loss: Loss = target.build(example)
        self.x: Array = np.random.default_rng(1).normal(0, 2, (rows, classes)).astype(dtype)
        binary = classes == 1 and self.loss.threshold is not None
        ids = np.array([2, 0, 3, 1, 0]) if rows == ROWS else np.arange(rows) * 5
        self.ids: Array = ids % (2 if binary else classes)
        self.rows: Array = np.eye(classes)[self.ids] if not binary else self.ids[:, None] * 1.0
        self.soft: Array = 0.6 * self.rows + 0.1

    def takes(self, *targets: Array) -> bool:
        """Tell whether the loss accepts all these targets."""
        try:
            for each in targets:
                self.loss.check(each, self.x.shape)
        except PlugnetError:
            return False
        return True

    def targets(self) -> list[Array]:
        """Return the targets that the loss accepts: ids, one-hot rows and probabilities."""
        return [t for t in (self.ids, self.rows, self.soft) if self.takes(t)]

    def scores(self, size: float) -> Array:
        """Return scores of ``size`` for the right classes, and ``-size`` for the others."""
        return (size * (2 * self.rows - 1)).astype(self.x.dtype)

    def forward(self, x: Array, targets: Array) -> float:
        """Return the loss outside training."""
        return _single(self.loss.forward(x.copy(), targets))

    def run(
        self, x: Array, targets: Array, weights: Array | None = None, total: float | None = None
    ) -> tuple[float, Array]:
        """Return the loss, and a copy of the gradient."""
        self.loss.prepare(x.shape, x.dtype)
        value = self.loss.forward(x.copy(), targets, weights, total, training=True)
        return _single(value), np.array(self.loss.backward())

    def twin(self) -> LossHarness:
        """Return a harness with a new, equal loss."""
        return LossHarness(self.target, self.example, self.classes, str(self.x.dtype))


def _single(value: Any) -> float:
    """Return a loss; fail if it is not a single number."""
    require(
        np.ndim(value) == 0,
        f"forward must return a number, but it returned an array of shape {np.shape(value)}.",
    )
    return float(value)


def harnesses(target: Target, dtype: str = "float64") -> list[LossHarness]:
    """Return a harness for each example and number of outputs that its loss accepts.

    Raises:
        NotApplicable: there is none; `check_targets` says why.
    """
    accepted = _accepted(target, USUAL, dtype) or _accepted(target, OTHER, dtype)
    if not accepted:
        raise NotApplicable("it accepts neither: see targets")
    return accepted


def many_outputs(target: Target, outputs: int, rows: int) -> list[LossHarness]:
    """Return a harness with many rows for each example, with many outputs or as many as it takes.

    Raises:
        NotApplicable: as for `harnesses`.
    """
    usual = {harness.classes for harness in harnesses(target)}
    return _accepted(target, (outputs, *usual), "float64", rows)


def _accepted(
    target: Target, outputs: Iterable[int], dtype: str, rows: int = ROWS
) -> list[LossHarness]:
    tried = product(target.usable_examples, outputs)
    found = (LossHarness(target, example, each, dtype, rows) for example, each in tried)
    return [harness for harness in found if harness.takes(harness.ids, harness.rows)]
