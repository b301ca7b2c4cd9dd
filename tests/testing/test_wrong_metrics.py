"""Metrics that are wrong on purpose: the kit must name the fault."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
from tests.checks import names_faults

from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.interfaces import Metric

Weights = Array | None


class ErrorRate(Metric):
    """Right: the share of wrong answers."""

    greater_is_better: ClassVar[bool] = False

    def reset(self) -> None:
        self._wrong, self._total = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        counts = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        self._wrong += float(counts @ self.wrong(scores, targets))
        self._total += float(counts.sum())

    def wrong(self, scores: Array, targets: Array) -> Array:
        is_wrong: Array = scores.argmax(axis=1) != targets
        return is_wrong | np.isnan(scores).any(axis=1)

    def compute(self) -> float:
        return self._wrong / self._total if self._total else math.nan


class Squares(Metric):
    """Right: the mean squared error."""

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    def reset(self) -> None:
        self._sum, self._total = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        counts = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        kept = counts > 0
        self._sum += float(counts[kept] @ self.errors(scores, targets)[kept])
        self._total += float(counts.sum())

    def errors(self, scores: Array, targets: Array) -> Array:
        means: Array = (np.subtract(scores, targets, dtype=np.float64) ** 2).mean(axis=1)
        return means

    def compute(self) -> float:
        return self._sum / self._total if self._total else math.nan


class OtherKind(ErrorRate):
    """Judges something that there is not."""

    kind: ClassVar[Any] = "probability"


class NumpyNumber(ErrorRate):
    """Returns a NumPy float."""

    def compute(self) -> float:
        return np.float64(super().compute())


class RefusesAll(ErrorRate):
    """Takes no samples."""

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        raise ArgumentError("No.", argument="none", value=None)


class ZeroOfNothing(ErrorRate):
    """Is 0 without samples."""

    def compute(self) -> float:
        return super().compute() if self._total else 0.0


class NeverForgets(ErrorRate):
    """Resets the first time only."""

    def reset(self) -> None:
        if "_total" not in vars(self):
            super().reset()


class MeanOfBlocks(Squares):
    """Averages over the blocks, whatever their size."""

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        block = Squares()
        block.reset()
        block.update(scores, targets, weights)
        if block._total:
            self._sum += block.compute()
            self._total += 1


class LastBlock(ErrorRate):
    """Judges the last block alone."""

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        self.reset()
        super().update(scores, targets, weights)


class Unweighted(ErrorRate):
    """Counts each sample once, unless its weight is 0."""

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        super().update(scores, targets, None if weights is None else np.sign(weights))


class SpreadsNan(Squares):
    """Multiplies a NaN by its weight of 0."""

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        counts = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        self._sum += float(counts @ self.errors(scores, targets))
        self._total += float(counts.sum())


class Writes(Squares):
    """Wipes the scores when it has read them."""

    def errors(self, scores: Array, targets: Array) -> Array:
        means = super().errors(scores, targets)
        scores.fill(0)
        return means


class KeepsArrays(ErrorRate):
    """Keeps the arrays, and reads them later."""

    def reset(self) -> None:
        self._blocks: list[tuple[Array, Array, Weights]] = []

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        self._blocks.append((scores, targets, weights))

    def compute(self) -> float:
        judge = ErrorRate()
        judge.reset()
        for block in self._blocks:
            judge.update(*block)
        return judge.compute()


class ResetsItself(ErrorRate):
    """Forgets all samples when it is asked."""

    def compute(self) -> float:
        value = super().compute()
        self.reset()
        return value


class Single(Squares):
    """Computes in the dtype of the scores."""

    def errors(self, scores: Array, targets: Array) -> Array:
        means: Array = ((scores - targets) ** 2).mean(axis=1)
        return means


class Backwards(ErrorRate):
    """Says that more errors are better."""

    greater_is_better: ClassVar[bool] = True


class HighestNan(ErrorRate):
    """Takes a NaN for the highest score."""

    def wrong(self, scores: Array, targets: Array) -> Array:
        is_wrong: Array = scores.argmax(axis=1) != targets
        return is_wrong


class LeavesNanOut(Squares):
    """Gives a number in spite of a NaN."""

    def errors(self, scores: Array, targets: Array) -> Array:
        return np.nan_to_num(super().errors(scores, targets))


class Shared(ErrorRate):
    """Keeps its sums in the class."""

    def reset(self) -> None:
        Shared._wrong, Shared._total = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        super().update(scores, targets, weights)
        Shared._wrong, Shared._total = self._wrong, self._total
        vars(self).clear()


class TenClasses(ErrorRate):
    """Right: takes ten classes or more only."""

    def update(self, scores: Array, targets: Array, weights: Weights = None) -> None:
        if scores.shape[1] < 10:
            raise ArgumentError("Ten classes at least.", argument="none", value=None)
        super().update(scores, targets, weights)


test_the_fault_is_named = names_faults(
    {
        ErrorRate: set(),
        Squares: set(),
        TenClasses: set(),
        OtherKind: {"declared"},
        NumpyNumber: {"number"},
        RefusesAll: {"number"},
        ZeroOfNothing: {"nothing"},
        NeverForgets: {"reset"},
        MeanOfBlocks: {"blocks"},
        LastBlock: {"blocks"},
        Unweighted: {"weights"},
        SpreadsNan: {"weights"},
        Writes: {"inputs_unchanged"},
        KeepsArrays: {"inputs_not_kept"},
        ResetsItself: {"compute"},
        Single: {"dtype"},
        Backwards: {"perfect", "nan"},
        HighestNan: {"nan"},
        LeavesNanOut: {"nan"},
        Shared: {"instances_independent"},
    }
)
