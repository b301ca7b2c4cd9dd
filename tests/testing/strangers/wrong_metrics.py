"""Metrics with one fault each. `FORMULA` names those that keep the contract."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from plugnet.arrays import Array
from plugnet.evaluation import predicted_classes
from plugnet.interfaces import Metric


def weighed(count: int, weights: Array | None) -> Array:
    return np.ones(count) if weights is None else weights.astype(np.float64)


class BatchMeans(Metric):
    """The mean of the blocks' means: the last, short block counts too much."""

    # vocalpy/vak#595, Lightning-AI/pytorch-lightning#3572
    def reset(self) -> None:
        self._means: list[float] = []

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        if own.sum() > 0:
            self._means.append(float(own @ (predicted_classes(scores) == targets) / own.sum()))

    def compute(self) -> float:
        return float(np.mean(self._means)) if self._means else math.nan


class IgnoresWeights(Metric):
    """Counts samples, whatever they weigh."""

    def reset(self) -> None:
        self._right, self._all = 0, 0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        self._right += int(np.sum(predicted_classes(scores) == targets))
        self._all += len(scores)

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class WeighsTheTop(Metric):
    """Weighs those that are right, and divides by how many there are."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        self._right += float(weighed(len(scores), weights) @ (predicted_classes(scores) == targets))
        self._all += len(scores)

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class NoSamples(Metric):
    """Divides by zero where there are no samples."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += float(own @ (predicted_classes(scores) == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / self._all


class HalfReset(Metric):
    """Forgets those that are right at a reset, but not how many there were."""

    def __init__(self) -> None:
        self._all = 0.0

    def reset(self) -> None:
        self._right = 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += float(own @ (predicted_classes(scores) == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class ComputesOnce(Metric):
    """Forgets all samples when it is asked."""

    # Lightning-AI/pytorch-lightning#4641
    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += float(own @ (predicted_classes(scores) == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        answer = self._right / self._all if self._all else math.nan
        self.reset()
        return answer


class KeepsItsAnswer(Metric):
    """Keeps what it has computed, and answers the same after more samples."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0
        self._answer: float | None = None

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += float(own @ (predicted_classes(scores) == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        if self._answer is None:
            self._answer = self._right / self._all if self._all else math.nan
        return self._answer


class ErrorIsBetter(Metric):
    """The share of wrong answers, for which it says that more is better."""

    # facebookresearch/fairseq#2205, skorch-dev/skorch#364
    def reset(self) -> None:
        self._wrong, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._wrong += float(own @ (predicted_classes(scores) != targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._wrong / self._all if self._all else math.nan


class DistanceIsBetter(Metric):
    """The mean squared error, for which it says that more is better."""

    kind: ClassVar[Literal["class", "real"]] = "real"

    def reset(self) -> None:
        self._sum, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        kept = own > 0
        self._sum += float(own[kept] @ np.mean((scores[kept] - targets[kept]) ** 2, axis=1))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._sum / self._all if self._all else math.nan


class ZeroTimesNaN(Metric):
    """Multiplies by a weight of 0 instead of leaving the row out: 0 NaN = NaN."""

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    # scikit-learn/scikit-learn#34798 and #18328: rows of weight 0 must not matter
    def reset(self) -> None:
        self._sum, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._sum += float(own @ np.mean(np.abs(scores - targets), axis=1))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._sum / self._all if self._all else math.nan


class HidesNaN(Metric):
    """Leaves a prediction that is NaN out, so that a broken network looks good."""

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    def reset(self) -> None:
        self._sum, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        kept = (own > 0) & np.isfinite(scores).all(axis=1)
        self._sum += float(own[kept] @ np.mean(np.abs(scores[kept] - targets[kept]), axis=1))
        self._all += float(own[kept].sum())

    def compute(self) -> float:
        return self._sum / self._all if self._all else math.nan


class ArgmaxOfNaN(Metric):
    """Takes NumPy's argmax, for which NaN is the highest score."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += float(own @ (np.argmax(scores, axis=1) == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class LastOfEqual(Metric):
    """Takes the last of equal scores for the answer: argsort's order."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        answers = np.argsort(scores, axis=1, kind="stable")[:, -1]
        answers = np.where(np.isnan(scores).any(axis=1), -1, answers)
        self._right += float(own @ (answers == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class Softmaxes(Metric):
    """Turns the scores into probabilities in place."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        answers = predicted_classes(scores)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        self._right += float(own @ (answers == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class KeepsReferences(Metric):
    """Keeps the arrays themselves until it is asked: the next block overwrites them."""

    def reset(self) -> None:
        self._held: list[tuple[Array, Array, Array | None]] = []

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        self._held.append((scores, targets, weights))

    def compute(self) -> float:
        right = total = 0.0
        for scores, targets, weights in self._held:
            own = weighed(len(scores), weights)
            right += float(own @ (predicted_classes(scores) == targets))
            total += float(own.sum())
        return right / total if total else math.nan


class KeepsSamples(Metric):
    """Keeps copies of all samples: memory grows with the data set."""

    # victoresque/pytorch-template#67: "the memory space will increase after each batch"
    def reset(self) -> None:
        self._held: list[tuple[Array, Array]] = []

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._held.append((np.array(predicted_classes(scores) == targets, float), own))

    def compute(self) -> float:
        total = sum(float(own.sum()) for _, own in self._held)
        return sum(float(own @ right) for right, own in self._held) / total if total else math.nan


class SharedSums(Metric):
    """Keeps its sums in a list of the class: two metrics count together."""

    _sums: ClassVar[list[float]] = [0.0, 0.0]

    def reset(self) -> None:
        self._sums[:] = [0.0, 0.0]

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._sums[0] += float(own @ (predicted_classes(scores) == targets))
        self._sums[1] += float(own.sum())

    def compute(self) -> float:
        return self._sums[0] / self._sums[1] if self._sums[1] else math.nan


class HalfPrecision(Metric):
    """Adds up in half precision: from 2048 samples on it stops counting."""

    def reset(self) -> None:
        self._right, self._all = np.float16(0), np.float16(0)

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += np.float16(own @ (predicted_classes(scores) == targets))
        self._all += np.float16(own.sum())

    def compute(self) -> float:
        return float(self._right / self._all) if self._all else math.nan


class OneForEachClass(Metric):
    """Returns an array, one number for each class."""

    def reset(self) -> None:
        self._right: Any = 0.0
        self._all: Any = 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own, classes = weighed(len(scores), weights), scores.shape[1]
        right = predicted_classes(scores) == targets
        self._right = self._right + np.bincount(targets, own * right, classes)
        self._all = self._all + np.bincount(targets, own, classes)

    def compute(self) -> float:
        with np.errstate(all="ignore"):
            return np.divide(self._right, self._all)  # type: ignore[no-any-return] # the fault


class TwoClasses(Metric):
    """Takes column 1 above a half for the answer: for two classes and probabilities only."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += float(own @ ((scores[:, 1] > 0.5) == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / self._all if self._all else math.nan


class FirstBlockMean(Metric):
    """R^2 around the mean of the first block, not that of all targets."""

    kind: ClassVar[Literal["class", "real"]] = "real"

    def reset(self) -> None:
        self._mean: Any = None
        self._rest, self._whole = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        kept = own > 0
        if self._mean is None and kept.any():
            self._mean = targets[kept].mean(axis=0)
        if kept.any():
            self._rest += float(own[kept] @ np.sum((scores[kept] - targets[kept]) ** 2, axis=1))
            self._whole += float(own[kept] @ np.sum((targets[kept] - self._mean) ** 2, axis=1))

    def compute(self) -> float:
        return 1 - self._rest / self._whole if self._whole else math.nan


class EmptyBlock(Metric):
    """Takes the maximum of a block: an empty one, or one of weights 0, is an error."""

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    def reset(self) -> None:
        self._largest = -math.inf

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        kept = slice(None) if weights is None else weights > 0
        self._largest = max(self._largest, float(np.max(np.abs(scores - targets)[kept])))

    def compute(self) -> float:
        return self._largest if self._largest >= 0 else math.nan


class NaNForEver(Metric):
    """Remembers that it has seen a NaN, also after a reset."""

    kind: ClassVar[Literal["class", "real"]] = "real"
    greater_is_better: ClassVar[bool] = False

    def __init__(self) -> None:
        self._is_broken = False

    def reset(self) -> None:
        self._sum, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        kept = own > 0
        far = np.mean(np.abs(scores[kept].astype(np.float64) - targets[kept]), axis=1)
        self._is_broken = self._is_broken or bool(np.isnan(far).any())
        self._sum += float(own[kept] @ far)
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._sum / self._all if self._all and not self._is_broken else math.nan


class ZeroWithoutSamples(Metric):
    """0 where there are no samples: for an average that is the worst network."""

    def reset(self) -> None:
        self._right, self._all = 0.0, 0.0

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        own = weighed(len(scores), weights)
        self._right += float(own @ (predicted_classes(scores) == targets))
        self._all += float(own.sum())

    def compute(self) -> float:
        return self._right / max(self._all, 1e-7)


#: The highest score is the answer, but a metric may look at scores in its own way.
FORMULA = {"TwoClasses"}


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("BatchMeans", BatchMeans),
    ("IgnoresWeights", IgnoresWeights),
    ("WeighsTheTop", WeighsTheTop),
    ("NoSamples", NoSamples),
    ("HalfReset", HalfReset),
    ("ComputesOnce", ComputesOnce),
    ("KeepsItsAnswer", KeepsItsAnswer),
    ("ErrorIsBetter", ErrorIsBetter),
    ("DistanceIsBetter", DistanceIsBetter),
    ("ZeroTimesNaN", ZeroTimesNaN),
    ("HidesNaN", HidesNaN),
    ("ArgmaxOfNaN", ArgmaxOfNaN),
    ("LastOfEqual", LastOfEqual),
    ("Softmaxes", Softmaxes),
    ("KeepsReferences", KeepsReferences),
    ("KeepsSamples", KeepsSamples),
    ("SharedSums", SharedSums),
    ("HalfPrecision", HalfPrecision),
    ("OneForEachClass", OneForEachClass),
    ("TwoClasses", TwoClasses),
    ("FirstBlockMean", FirstBlockMean),
    ("EmptyBlock", EmptyBlock),
    ("NaNForEver", NaNForEver),
    ("ZeroWithoutSamples", ZeroWithoutSamples),
]
