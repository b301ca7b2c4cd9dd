"""Which targets a loss takes, found by trying: two classes, more classes, or real values."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from plugnet.errors import PlugnetError

Choice = TypeVar("Choice", bound=tuple[Any, ...])


def first_taken(loss: Any, binary: Choice, classes: Choice, real: Choice) -> Choice | None:
    """Return the first choice of outputs, targets and whatever else that a loss takes, or None."""
    tried = [classes, real]
    if loss.threshold is not None:
        tried.insert(0, binary)
    elif loss.probabilities(np.zeros((1, 2))) is None:
        tried.reverse()  # its answers are real values
    for choice in tried:
        with suppress(PlugnetError):
            loss.check(np.array(choice[1]), np.shape(choice[0]))
            return choice
    return None
