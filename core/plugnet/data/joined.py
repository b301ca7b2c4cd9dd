"""Samples, labels and weights that may come one by one or in one."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.data.foreign import opened
from plugnet.errors import ArgumentError
from plugnet.interfaces import Batch, DataSplits


def joined(x: Any, y: Any, weights: Any) -> Batch:
    """Return samples, labels and weights in one, `opened`; ``x`` may be a `Batch` of all three.

    Raises:
        ArgumentError: labels or weights stand beside a `Batch`, or ``x`` is `DataSplits`.
    """
    if isinstance(x, DataSplits):
        raise ArgumentError(
            "x must be samples or a Batch, but it is DataSplits. Name the part that is meant, such "
            "as data.test.",
            argument="x",
            value=x,
        )
    if isinstance(x, Batch):
        check_alone(x, y, weights)
        x, y, weights = x
    each: Any = (g if isinstance(g, np.ndarray | None) else opened(g) for g in (x, y, weights))
    return Batch(*each)


def check_alone(x: Batch | DataSplits, y: Any, weights: Any) -> None:
    """Check that neither labels nor weights are given beside ``x``, which has its own.

    Raises:
        ArgumentError: one of them is.
    """
    for name, given in (("y", y), ("weights", weights)):
        if given is not None:
            raise ArgumentError(
                f"A {type(x).__name__} has labels and weights of its own, but {name} was given, "
                f"too. Leave out {name}, or give x, y and weights as arrays.",
                argument=name,
                value=given,
            )
