"""Checks of learning-rate policies."""

from __future__ import annotations

from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import LRPolicy
from plugnet.testing.report import require
from plugnet.testing.target import Target, for_each

ITERATIONS: Final = (0, 1, 2, 3, 10, 99, 100, 101, 1000, 12345, 100_000)


def exercise(target: Target) -> list[Array]:
    """Return the rates of some iterations."""
    return [np.array([policy(i) for i in ITERATIONS]) for policy in target.build_all()]


@for_each(Target.build_all)
def check_rate(policy: LRPolicy) -> None:
    """The rate is a finite float of at least 0, also at iteration 0."""
    for iteration in ITERATIONS:
        rate = policy(iteration)
        require(
            isinstance(rate, float) and 0 <= rate < np.inf,
            f"The rate must be a finite float of at least 0, but at iteration {iteration} it is "
            f"{rate!r}.",
        )


def check_pure(target: Target) -> None:
    """The rate depends on the iteration alone, so resumed training continues with it."""
    for policy, other in zip(target.build_all(), target.build_all(), strict=True):
        upward = [policy(iteration) for iteration in ITERATIONS]
        downward = [other(iteration) for iteration in reversed(ITERATIONS)]
        again = [policy(iteration) for iteration in ITERATIONS]
        require(
            upward == downward[::-1] == again,
            "The rate of an iteration depends on earlier calls. A policy must keep no state.",
        )
