"""Further learning-rate policies: Caffe's (sgd_solver.cpp, GetLearningRate), cosine and warm-up."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from plugnet import registry
from plugnet.arguments import integer, number
from plugnet.errors import ArgumentError
from plugnet.interfaces import LRPolicy


@dataclass(eq=False)
class Step(LRPolicy):
    """rate gamma^floor(iteration / step_size).

    Attributes:
        rate: the learning rate at iteration 0, above 0.
        step_size: how many iterations lie between two steps, at least 1.
        gamma: the factor at each step, above 0.
    """

    rate: float
    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)
        self.step_size = integer("step_size", self.step_size, at_least=1)
        self.gamma = number("gamma", self.gamma, above=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1, "step_size": 10}]

    def __call__(self, iteration: int) -> float:
        return self.rate * self.gamma ** (iteration // self.step_size)


@dataclass(eq=False, repr=False)  # which would show any number of steps
class MultiStep(LRPolicy):
    """rate gamma^(number of steps passed); a step is passed from its own iteration on.

    Attributes:
        rate: the learning rate before the first step, above 0.
        steps: the iterations of the steps, at least 1 and increasing.
        gamma: the factor at each step, above 0.
    """

    rate: float
    steps: Sequence[int]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)
        if isinstance(self.steps, str) or not isinstance(self.steps, Sequence) or not self.steps:
            raise self._error()
        self.steps = tuple(integer("steps", step, at_least=1) for step in self.steps)
        if any(first >= second for first, second in pairwise(self.steps)):
            raise self._error()
        self.gamma = number("gamma", self.gamma, above=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1, "steps": [10, 100]}]

    def __call__(self, iteration: int) -> float:
        return self.rate * self.gamma ** bisect_right(self.steps, iteration)

    def _error(self) -> ArgumentError:
        return ArgumentError(
            "'steps' must be a list of increasing iterations, such as [5000, 8000], but it is "
            f"{self.steps!r}.",
            argument="steps",
            value=self.steps,
        )


@dataclass(eq=False)
class Exp(LRPolicy):
    """rate gamma^iteration.

    Attributes:
        rate: the learning rate at iteration 0, above 0.
        gamma: the factor at each iteration, above 0.
    """

    rate: float
    gamma: float

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)
        self.gamma = number("gamma", self.gamma, above=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1, "gamma": 0.9}]

    def __call__(self, iteration: int) -> float:
        """Return the rate for ``iteration``; infinity where it would overflow."""
        try:
            return self.rate * self.gamma**iteration
        except OverflowError:  # gamma above 1, as in a search for the largest rate
            return math.inf


@dataclass(eq=False)
class Poly(LRPolicy):
    """rate (1 - iteration / iterations)^power, and 0 from ``iterations`` on.

    Attributes:
        rate: the learning rate at iteration 0, above 0.
        iterations: the iteration at which the rate reaches 0, at least 1; Caffe's max_iter.
        power: 1 for a straight line; above 0.
    """

    rate: float
    iterations: int
    power: float = 1.0

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)
        self.iterations = integer("iterations", self.iterations, at_least=1)
        self.power = number("power", self.power, above=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1, "iterations": 100}]

    def __call__(self, iteration: int) -> float:
        return self.rate * math.pow(max(0.0, 1 - iteration / self.iterations), self.power)


@dataclass(eq=False)
class Sigmoid(LRPolicy):
    """rate / (1 + exp(-gamma (iteration - step_size))).

    Attributes:
        rate: the limit of the learning rate, above 0.
        step_size: the iteration at which it is half of that; Caffe's stepsize.
        gamma: how steeply it changes there; negative for a rate that falls.
    """

    rate: float
    step_size: int
    gamma: float

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)
        self.step_size = integer("step_size", self.step_size, at_least=0)
        self.gamma = number("gamma", self.gamma)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1, "step_size": 100, "gamma": -0.1}]

    def __call__(self, iteration: int) -> float:
        z = self.gamma * (iteration - self.step_size)
        return self.rate * (1 + math.tanh(z / 2)) / 2  # 1 / (1 + exp(-z)) without overflow


@dataclass(eq=False)
class Cosine(LRPolicy):
    """floor + (rate - floor) (1 + cos(pi iteration / iterations)) / 2, then ``floor``.

    Loshchilov and Hutter 2017 (SGDR), equation 5, without restarts.

    Attributes:
        rate: the learning rate at iteration 0, above 0.
        iterations: the iteration at which the rate reaches the floor, at least 1.
        floor: the lowest rate, from 0 to ``rate``.
    """

    rate: float
    iterations: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)
        self.iterations = integer("iterations", self.iterations, at_least=1)
        self.floor = number("floor", self.floor, at_least=0, at_most=self.rate)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1, "iterations": 100, "floor": 0.01}]

    def __call__(self, iteration: int) -> float:
        done = min(iteration / self.iterations, 1.0)
        return self.floor + (self.rate - self.floor) * (1 + math.cos(math.pi * done)) / 2


@dataclass(eq=False)
class Warmup(LRPolicy):
    """A straight line up to another policy's rate, then that policy (Goyal et al. 2017).

    At iteration 0 the rate is ``start``, at ``iterations`` it is ``policy(iterations)``. The other
    policy also counts from iteration 0: it is not shifted.

    Attributes:
        policy: the policy that follows.
        iterations: how long the rise takes, at least 1.
        start: the rate at iteration 0, at least 0; with 0 the first step changes nothing.
    """

    policy: LRPolicy
    iterations: int
    start: float = 0.0

    def __post_init__(self) -> None:
        self.policy = registry.lr_policies.resolve(self.policy)
        self.iterations = integer("iterations", self.iterations, at_least=1)
        self.start = number("start", self.start, at_least=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"policy": ("inv", 0.1), "iterations": 10}]

    def __call__(self, iteration: int) -> float:
        if iteration >= self.iterations:
            return self.policy(iteration)
        goal = self.policy(self.iterations)
        return self.start + (goal - self.start) * iteration / self.iterations
