"""Which targets a loss takes, found by trying: a class or two, several classes, or real values."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from plugnet.errors import PlugnetError

T = TypeVar("T", bound=tuple[Any, ...])


def first_taken(loss: Any, binary: T, classes: T, real: T) -> T | None:
    """Return the first of three choices that a loss takes, or None.

    Args:
        loss: the loss.
        binary: scores ``(N, 1)``, ids of two classes, and whatever else belongs to them.
        classes: the same for ids of more classes.
        real: the same for real values, which come first if the loss has no probabilities.
    """
    tried = [classes, real]
    if loss.threshold is not None:
        tried.insert(0, binary)
    elif loss.probabilities(np.zeros((1, 2))) is None:
        tried.reverse()
    for choice in tried:
        outputs, targets = choice[:2]
        try:
            loss.check(np.array(targets), np.shape(outputs))
        except PlugnetError:
            continue
        return choice
    return None
