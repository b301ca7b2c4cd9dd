"""How many samples there are of each class, and how many are predicted, rightly or at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.schema import Label


class ClassCounts:
    """Counts samples by true and by predicted class, block by block.

    >>> counts = ClassCounts(2)
    >>> counts.add(np.array([0, 0, 1]), np.array([0, 1, 1]))
    >>> [(row["class"], row["recall"], row["precision"]) for row in counts.table(("cat", "dog"))]
    [('cat', 1.0, 0.5), ('dog', 0.5, 1.0)]

    Attributes:
        samples: how many there are.
    """

    def __init__(self, classes: int) -> None:
        self.samples = 0
        self._true, self._correct, self._predicted = np.zeros((3, classes), np.int64)

    def add(self, predicted: Array, true: Array | None, is_counted: Array | None = None) -> None:
        """Count some more.

        Args:
            predicted: ``(N,)`` class ids; -1 for none.
            true: ``(N,)`` class ids, or None if the targets are not classes.
            is_counted: ``(N,)``, which samples count; None: all.
        """
        counted = slice(None) if is_counted is None else is_counted
        predicted = predicted[counted]
        self.samples += len(predicted)
        if true is not None:
            true, size = true[counted], len(self._true)
            self._true += np.bincount(true, minlength=size)
            self._correct += np.bincount(true[true == predicted], minlength=size)
            self._predicted += np.bincount(predicted[predicted >= 0], minlength=size)

    def table(self, classes: Sequence[Label]) -> list[dict[str, Any]]:
        """Return a row for each class that occurs or is predicted; None stands for 0 / 0."""
        counts = zip(
            self._true.tolist(), self._correct.tolist(), self._predicted.tolist(), strict=True
        )
        return [
            {
                "class": label,
                "samples": true,
                "correct": correct,
                "recall": correct / true if true else None,
                "precision": correct / predicted if predicted else None,
            }
            for label, (true, correct, predicted) in zip(classes, counts, strict=True)
            if true or predicted
        ]
