"""Learning-rate policies with one fault each. `FORMULA` names those that keep the contract."""

from __future__ import annotations

import bisect
import math
import random
import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from plugnet.interfaces import LRPolicy


class CountsCalls(LRPolicy):
    """Counts its calls instead of reading the iteration."""

    # the habit of torch.optim.lr_scheduler's step()
    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, iteration: int) -> float:
        self._calls += 1
        return 0.1 / self._calls


class EarlyMilestone(LRPolicy):
    """Falls one iteration before its milestone."""

    # huggingface/pytorch-image-models#2753
    def __call__(self, iteration: int) -> float:
        return 0.1 * 0.1 ** bisect.bisect_right([30, 60], iteration + 1)


class BelowZero(LRPolicy):
    """Falls on along a line after its end: the rate is negative."""

    def __call__(self, iteration: int) -> float:
        return 0.1 * (1 - iteration / 1000)


class Complex(LRPolicy):
    """A root of a negative number after its end: Python makes it complex."""

    # princesslana/princhess#480: max(0) belongs before the power
    def __call__(self, iteration: int) -> float:
        return 0.1 * (1 - iteration / 1000) ** 0.5  # type: ignore[no-any-return]


class ZeroToNegative(LRPolicy):
    """0 to a negative power at iteration 0."""

    # CUNY-CL/yoyodyne#300
    def __call__(self, iteration: int) -> float:
        return 0.1 / math.pow(iteration, 0.5)


class LogOfZero(LRPolicy):
    """log(iteration) at iteration 0."""

    # deepspeedai/DeepSpeed#771
    def __call__(self, iteration: int) -> float:
        return 0.1 / (1 + math.log(iteration))


class NoWarmup(LRPolicy):
    """Divides by the length of a warm-up, which may be 0."""

    # allenai/OLMo-core#655
    def __init__(self, warmup: int = 10) -> None:
        self.warmup = warmup

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"warmup": 0}]

    def __call__(self, iteration: int) -> float:
        return 0.1 * min(1.0, (iteration + 1) / self.warmup)


class NoDecaySteps(LRPolicy):
    """Divides by what follows the warm-up: 0 if both lengths are the same."""

    # huggingface/transformers#47285, mosaicml/composer#1077
    def __init__(self, warmup: int = 100, total: int = 100) -> None:
        self.warmup = warmup
        self.total = total

    def __call__(self, iteration: int) -> float:
        if iteration < self.warmup:
            return 0.1 * (iteration + 1) / self.warmup
        return 0.1 * max(0.0, (self.total - iteration) / (self.total - self.warmup))


class RefusesMore(LRPolicy):
    """Raises after the number of steps that it was made for."""

    # torch.optim.lr_scheduler.OneCycleLR: "Tried to step 102 times"
    def __call__(self, iteration: int) -> float:
        if iteration > 100:
            raise ValueError(f"Tried to step {iteration} times")
        return 0.1 * (1 - iteration / 200)


class Overflows(LRPolicy):
    """Caffe's sigmoid policy with math.exp of a large number: OverflowError."""

    def __call__(self, iteration: int) -> float:
        return 0.1 / (1 + math.exp(0.1 * (iteration - 100)))


class Grows(LRPolicy):
    """A range test that multiplies for ever: infinite, then OverflowError."""

    def __call__(self, iteration: int) -> float:
        return 1e-6 * 1.01**iteration


class Recurs(LRPolicy):
    """The rate before, times 0.999, by recursion: too deep after a thousand."""

    def __call__(self, iteration: int) -> float:
        return 0.1 if iteration == 0 else 0.999 * self(iteration - 1)


class Random(LRPolicy):
    """Draws the rate: another one each time."""

    def __call__(self, iteration: int) -> float:
        return random.uniform(0.05, 0.1)


class WallClock(LRPolicy):
    """Falls by the seconds since it was made: a slow machine trains otherwise."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, iteration: int) -> float:
        return 0.1 / (1 + time.monotonic() - self._start)


class ChangesItsRate(LRPolicy):
    """Multiplies its own argument whenever a step is due: asking twice changes the answer."""

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def __call__(self, iteration: int) -> float:
        if iteration > 0 and iteration % 100 == 0:
            self.rate *= 0.5
        return self.rate


class TableEnds(LRPolicy):
    """Looks the rate up in a table that ends: IndexError."""

    def __call__(self, iteration: int) -> float:
        return (0.1, 0.05, 0.025, 0.01)[iteration // 10]


class FallsThrough(LRPolicy):
    """Has no answer after the last milestone: None."""

    def __call__(self, iteration: int) -> float:  # type: ignore[return] # the fault  # noqa: RET503
        if iteration < 50:
            return 0.1
        if iteration < 5000:
            return 0.01


class OneNumberArray(LRPolicy):
    """Returns an array of one number, in the way of param_groups."""

    def __call__(self, iteration: int) -> float:
        return np.array([0.1 / (1 + iteration)])  # type: ignore[return-value] # the fault


class SharedCache(LRPolicy):
    """Keeps its answers in the class, so that another instance gives those of the first."""

    _held: ClassVar[dict[int, float]] = {}

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1}, {"rate": 0.2}]

    def __call__(self, iteration: int) -> float:
        return self._held.setdefault(iteration, self.rate / (1 + iteration))


class Monotonic(LRPolicy):
    """Remembers the furthest iteration, and never goes back: a restored run differs."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, iteration: int) -> float:
        self._last = max(self._last, iteration)
        return 0.1 / (1 + self._last)


class WholeNumbers(LRPolicy):
    """Divides with //: the rate is 0 from iteration 1, and nothing is trained."""

    def __call__(self, iteration: int) -> float:
        return 0.1 * (1 // (1 + iteration))


class NotANumber(LRPolicy):
    """0 / 0 in NumPy at the end of its cosine: NaN from there."""

    def __call__(self, iteration: int) -> float:
        with np.errstate(all="ignore"):
            left = np.float64(max(1000 - iteration, 0))
            return float(0.1 * left / left * np.cos(iteration / 2000))


FORMULA = {"EarlyMilestone", "WholeNumbers"}


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("CountsCalls", CountsCalls),
    ("EarlyMilestone", EarlyMilestone),
    ("BelowZero", BelowZero),
    ("Complex", Complex),
    ("ZeroToNegative", ZeroToNegative),
    ("LogOfZero", LogOfZero),
    ("NoWarmup", NoWarmup),
    ("NoDecaySteps", NoDecaySteps),
    ("RefusesMore", RefusesMore),
    ("Overflows", Overflows),
    ("Grows", Grows),
    ("Recurs", Recurs),
    ("Random", Random),
    ("WallClock", WallClock),
    ("ChangesItsRate", ChangesItsRate),
    ("TableEnds", TableEnds),
    ("FallsThrough", FallsThrough),
    ("OneNumberArray", OneNumberArray),
    ("SharedCache", SharedCache),
    ("Monotonic", Monotonic),
    ("WholeNumbers", WholeNumbers),
    ("NotANumber", NotANumber),
]
