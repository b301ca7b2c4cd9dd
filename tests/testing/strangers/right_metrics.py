"""Metrics that are right, however odd they look."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.evaluation import predicted_classes
from plugnet.interfaces import Metric


class OneClassRecall(Metric):
    """The recall of class 1: NaN while there is no sample of it, though there are others."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        own = own * (targets == 1)
        self._right += float(own @ (predicted_classes(scores) == 1))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class LargestError(Metric):
    """A maximum, no mean: weights decide only whether a sample counts."""

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    def reset(self) -> None:
        self._largest = -math.inf

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        if weights is not None:
            scores, targets = scores[weights > 0], targets[weights > 0]
        if len(scores):
            self._largest = float(np.maximum(self._largest, np.max(np.abs(scores - targets))))

    def compute(self) -> float:
        return math.nan if self._largest < 0 else self._largest


class Matthews(Metric):
    """Correlation of answer and class from -1 to 1: 0 where one class only is answered."""

    def reset(self) -> None:
        self._table: Any = 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        answers, classes = predicted_classes(scores), scores.shape[1]
        ids = (answers + 1) * classes + targets  # row 0: no answer
        size = (classes + 1) * classes
        self._table = self._table + np.bincount(ids, own, size).reshape(classes + 1, classes)

    def compute(self) -> float:
        table: Array = np.asarray(self._table)
        if not table.any():
            return math.nan
        rows, columns, whole = table.sum(1), table.sum(0), table.sum()
        top = whole * np.trace(table[1:]) - rows[1:] @ columns
        below = (whole**2 - rows @ rows) * (whole**2 - columns @ columns)
        return float(top / math.sqrt(below)) if below > 0 else 0.0


class Bias(Metric):
    """Minus the size of the mean error: errors of both signs cancel, and 0 is best."""

    kind: ClassVar[Literal["class", "real"]] = "real"

    def reset(self) -> None:
        self._sum, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        kept = own > 0
        self._sum += float(own[kept] @ np.mean(scores[kept] - targets[kept], axis=1))
        self._all += float(own.sum())

    def compute(self) -> float:
        return -abs(self._sum / self._all) if self._all else math.nan


class Coverage(Metric):
    """The share of samples that get an answer at all: the targets do not matter."""

    def reset(self) -> None:
        self._answered, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        self._answered += float(own @ (predicted_classes(scores) >= 0))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._answered / self._all if self._all else math.nan


class Cost(Metric):
    """What wrong answers cost: the distance of the class ids. It may exceed 1; fewer is better."""

    greater_is_better: ClassVar[bool] = False

    def reset(self) -> None:
        self._sum, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        answers = predicted_classes(scores)
        far = np.where(answers < 0, scores.shape[1], np.abs(answers - targets))
        self._sum += float(own @ far)
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._sum / self._all if self._all else math.nan


class Correlation(Metric):
    """Pearson's, merged block by block: NaN where nothing varies."""

    kind: ClassVar[Literal["class", "real"]] = "real"

    def reset(self) -> None:
        self._sums = np.zeros(6)

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        kept = own > 0
        x, y = scores[kept].astype(np.float64), targets[kept].astype(np.float64)
        w = np.broadcast_to(own[kept, np.newaxis], x.shape)
        terms = (w, w * x, w * y, w * x * x, w * y * y, w * x * y)
        self._sums = self._sums + [float(np.sum(term)) for term in terms]

    def compute(self) -> float:
        n, x, y, xx, yy, xy = self._sums
        below = (n * xx - x * x) * (n * yy - y * y)
        return float((n * xy - x * y) / math.sqrt(below)) if below > 0 else math.nan


class OfClass(Metric):
    """The share of one class among the answers: an ArgumentError if there is no such class."""

    def __init__(self, positive: int = 2) -> None:
        self.positive = positive

    def reset(self) -> None:
        self._own, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        if self.positive >= scores.shape[1]:
            raise ArgumentError(
                f"There is no class {self.positive}.", argument="positive", value=self.positive
            )
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        right = (predicted_classes(scores) == self.positive) == (targets == self.positive)
        self._own += float(own @ right)
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._own / self._all if self._all else math.nan


class Sensitive(Metric):
    """The logarithmic score of softmax: it depends on all scores, not on the answer only."""

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = np.ones(len(scores)) if weights is None else weights.astype(np.float64)
        kept = own > 0
        z, ids = scores[kept].astype(np.float64), targets[kept]
        z = z - z.max(axis=1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        chosen = np.nan_to_num(logs[np.arange(len(ids)), ids], nan=-1e9)
        self._sum += float(own[kept] @ chosen)
        self._all += float(own.sum())

    def reset(self) -> None:
        self._sum, self._all = 0.0, 0.0

    def compute(self) -> float:
        return self._sum / self._all if self._all else math.nan


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("OneClassRecall", OneClassRecall),
    ("LargestError", LargestError),
    ("Matthews", Matthews),
    ("Bias", Bias),
    ("Coverage", Coverage),
    ("Cost", Cost),
    ("Correlation", Correlation),
    ("OfClass", OfClass),
    ("Sensitive", Sensitive),
]
