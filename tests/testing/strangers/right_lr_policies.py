"""Learning-rate policies that are right, however odd they look."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from plugnet.interfaces import LRPolicy


class Restarts(LRPolicy):
    """Cosine with warm restarts: the rate jumps up (Loshchilov and Hutter 2017)."""

    def __call__(self, iteration: int) -> float:
        start, length = 0, 10
        while iteration >= start + length:
            start, length = start + length, 2 * length
        return 0.05 * (1 + math.cos(math.pi * (iteration - start) / length))


class Triangle(LRPolicy):
    """Up and down for ever (Smith 2017)."""

    def __call__(self, iteration: int) -> float:
        place = iteration % 40
        return 0.001 + 0.1 * min(place, 40 - place) / 20


class FromZero(LRPolicy):
    """A warm-up that begins at 0: the first step changes nothing, as in many libraries."""

    def __call__(self, iteration: int) -> float:
        return 0.1 * min(iteration / 100, 1.0)


class ToZero(LRPolicy):
    """A line that ends at 0 and stays there."""

    def __call__(self, iteration: int) -> float:
        return 0.1 * max(1 - iteration / 1000, 0.0)


class Noisy(LRPolicy):
    """Random, but from the iteration's own seed: the same answer each time."""

    def __call__(self, iteration: int) -> float:
        return float(np.random.default_rng(iteration).uniform(0.05, 0.1))


class Tiny(LRPolicy):
    """Falls by a tenth every 100 iterations until floats end, at 0."""

    def __call__(self, iteration: int) -> float:
        return 0.1 * math.pow(0.1, min(iteration // 100, 400))


class Large(LRPolicy):
    """A rate of 30, as for plain descent on tiny gradients."""

    def __call__(self, iteration: int) -> float:
        return 30.0


class NumpyNumber(LRPolicy):
    """Returns a NumPy float, which is a float."""

    def __call__(self, iteration: int) -> float:
        return np.float64(0.1) / np.sqrt(1 + iteration)  # type: ignore[no-any-return]


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("Restarts", Restarts),
    ("Triangle", Triangle),
    ("FromZero", FromZero),
    ("ToZero", ToZero),
    ("Noisy", Noisy),
    ("Tiny", Tiny),
    ("Large", Large),
    ("NumpyNumber", NumpyNumber),
]
