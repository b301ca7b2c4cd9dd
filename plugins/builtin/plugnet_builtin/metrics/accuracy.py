"""Accuracy, and the accuracy of the k best classes."""

from __future__ import annotations

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array
from plugnet.evaluation import predicted_classes
from plugnet_builtin.metrics.sample_mean import SampleMean


class Accuracy(SampleMean):
    """The share of samples whose highest score is that of their class.

    The tutorial's recognition rate. Of equal scores the first counts; a row with a NaN is wrong.
    NaN if there are no samples.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> accuracy = registry.metrics.build("accuracy")
    >>> accuracy.update(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), np.array([3.0, 1.0]))
    >>> accuracy.compute()
    0.75
    """

    def values(self, scores: Array, targets: Array) -> Array:
        """Return which samples are right, ``(N,)``."""
        right: Array = predicted_classes(scores) == targets
        return right


class TopK(SampleMean):
    """The share of samples whose class is among the ``k`` with the highest scores.

    Of equal scores the first counts as the highest, so that ``k`` = 1 gives the accuracy. A row
    with a NaN is wrong. 1 if there are no more than ``k`` classes; NaN if there are no samples.

    Attributes:
        k: how many classes, at least 1.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> top_2 = registry.metrics.build("top_k", 2)
    >>> top_2.update(np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), np.array([1, 0]))
    >>> top_2.compute()
    0.5
    """

    def __init__(self, k: int = 5) -> None:
        self.k = integer("k", k, at_least=1)
        super().__init__()

    @classmethod
    def examples(cls) -> list[dict[str, int]]:
        return [{}, {"k": 1}, {"k": 2}]

    def values(self, scores: Array, targets: Array) -> Array:
        """Return which samples are right, ``(N,)``."""
        own = scores[np.arange(len(scores)), targets][:, np.newaxis]
        earlier = np.arange(scores.shape[1]) < targets[:, np.newaxis]
        ahead = (scores > own) | (scores == own) & earlier
        right: Array = (ahead.sum(axis=1) < self.k) & (predicted_classes(scores) >= 0)
        return right
