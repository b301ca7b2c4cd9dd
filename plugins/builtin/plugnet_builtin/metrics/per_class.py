"""Precision, recall and their mean F1, of one class or averaged over classes."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.evaluation import predicted_classes
from plugnet.interfaces import Metric
from plugnet.schema import Label
from plugnet_builtin.metrics.counting import counted

AVERAGES = ("macro", "micro", "weighted")


class PerClass(Metric):
    """A fraction of samples for each class, and the average over the classes.

    As in scikit-learn, with zero_division=0: a fraction of no samples is 0.

    Attributes:
        average: "macro", the mean over the classes that occur as a target or an answer; "micro",
            the fraction of the samples of all classes together; or "weighted", the mean by how many
            samples have the class.
        positive: the only class to judge, by its name or number, such as "yes"; None: average over
            all. Where classes have no names it is the id.
    """

    _only = 0  # the id of ``positive``
    _counts: Array  # ``(3, K)``: the samples of each class, those that answer it, those right

    def __init__(self, average: str = "macro", positive: Label | None = None) -> None:
        if average not in AVERAGES:
            raise ArgumentError(
                f"'average' must be one of {', '.join(AVERAGES)}, but it is {average!r}.",
                argument="average",
                value=average,
            )
        self.average = average
        is_name = positive is None or isinstance(positive, str)
        self.positive = positive if is_name else integer("positive", positive)
        self.reset()

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [*({"average": average} for average in AVERAGES), {"positive": 1}]

    def reset(self) -> None:
        self._counts = np.zeros((3, 1))

    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        """Take in some more samples.

        Raises:
            ArgumentError: there is no class ``positive``.
        """
        classes = scores.shape[1]
        if self.positive is not None:
            self._only = self._id(self.classes or tuple(range(classes)))
        scores, targets, weights = counted(scores, targets, weights)
        answers = predicted_classes(scores)
        self._counts = self._counts + [
            np.bincount(ids[rows], weights[rows], classes)
            for ids, rows in (
                (targets, slice(None)),
                (answers, answers >= 0),
                (targets, answers == targets),
            )
        ]

    def _id(self, classes: tuple[Label, ...]) -> int:
        """Return the id of the class ``positive``."""
        for number, label in enumerate(classes):
            if label == self.positive and isinstance(label, str) == isinstance(self.positive, str):
                return number
        raise ArgumentError(
            f"'positive' must be one of the classes, {', '.join(map(repr, classes[:20]))}"
            f"{' and others' * (len(classes) > 20)}, but it is {self.positive!r}.",
            argument="positive",
            value=self.positive,
        )

    def compute(self) -> float:
        counts = self._counts
        if not counts.any():
            return math.nan
        if self.positive is not None:
            counts = counts[:, [self._only]]
        elif self.average == "micro":
            counts = counts.sum(axis=1, keepdims=True)
        else:
            counts = counts[:, counts.any(axis=0)]
        true, predicted, right = counts
        part, whole = self.fraction(true, predicted, right)
        fractions = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
        is_weighted = self.positive is None and self.average == "weighted"
        return float(np.average(fractions, weights=true if is_weighted else None))

    @abstractmethod
    def fraction(self, true: Array, predicted: Array, right: Array) -> tuple[Array, Array]:
        """Return numerator and denominator for each class, ``(K,)``.

        Args:
            true: ``(K,)`` samples of each class.
            predicted: those for which it has the highest score.
            right: those for which both hold.
        """


class Precision(PerClass):
    """Of the samples with the answer "class c", the share that is of class c.

    A row with a NaN answers nothing. NaN if there are no samples. See scikit-learn's
    precision_score, with zero_division=0.

    Attributes:
        average: "macro", the mean over the classes that occur as a target or an answer; "micro",
            the share among the samples of all classes together; or "weighted", the mean by how many
            samples are of the class.
        positive: the only class to judge; None: average over all. See `PerClass`.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> precision = registry.metrics.build("precision", positive=1)
    >>> precision.update(np.array([[0, 1], [0, 2], [3, 0], [0, 4]]), np.array([1, 1, 1, 0]))
    >>> round(precision.compute(), 3)  # 2 of 3
    0.667
    """

    def fraction(self, true: Array, predicted: Array, right: Array) -> tuple[Array, Array]:
        """Return how many answers are right, and how many there are."""
        return right, predicted


class Recall(PerClass):
    """Of the samples of class c, the share with the answer "class c".

    A row with a NaN answers nothing. NaN if there are no samples. See scikit-learn's recall_score,
    with zero_division=0.

    Attributes:
        average: "macro", the mean over the classes that occur as a target or an answer; "micro",
            the share among the samples of all classes together; or "weighted", the mean by how many
            samples are of the class.
        positive: the only class to judge; None: average over all. See `PerClass`.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> recall = registry.metrics.build("recall")
    >>> recall.update(np.array([[0, 1], [2, 0], [3, 0], [0, 4]]), np.array([1, 1, 1, 1]))
    >>> recall.compute()  # of class 0, which is answered but never true, 0; of class 1, 2 of 4
    0.25
    """

    def fraction(self, true: Array, predicted: Array, right: Array) -> tuple[Array, Array]:
        """Return how many samples are answered rightly, and how many there are."""
        return right, true


class F1(PerClass):
    """The harmonic mean of precision p and recall r of each class, 2 p r / (p + r).

    Van Rijsbergen 1979, chapter 7. See `Precision` and scikit-learn's f1_score, with
    zero_division=0.

    Attributes:
        average: "macro", the mean over the classes that occur as a target or an answer; "micro",
            that of the samples of all classes together; or "weighted", the mean by how many samples
            are of the class.
        positive: the only class to judge; None: average over all. See `PerClass`.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> f1 = registry.metrics.build("f1", positive=1)
    >>> f1.update(np.array([[0, 1], [0, 2], [3, 0], [0, 4]]), np.array([1, 1, 1, 0]))
    >>> round(f1.compute(), 3)  # p = 2/3, r = 2/3
    0.667
    """

    def fraction(self, true: Array, predicted: Array, right: Array) -> tuple[Array, Array]:
        """Return twice the right answers, and samples and answers together."""
        return 2 * right, true + predicted
