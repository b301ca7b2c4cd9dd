"""The learning-rate policies of the tutorial (Caffe, sgd_solver.cpp, GetLearningRate)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from plugnet.arguments import number
from plugnet.interfaces import LRPolicy


@dataclass(eq=False)
class Fixed(LRPolicy):
    """Always ``rate``.

    Attributes:
        rate: the learning rate, above 0.
    """

    rate: float

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1}]

    def __call__(self, iteration: int) -> float:
        return self.rate


@dataclass(eq=False)
class Inv(LRPolicy):
    """rate (1 + gamma iteration)^-power.

    Attributes:
        rate: the learning rate at iteration 0, above 0.
        gamma: how soon it falls, at least 0.
        power: how far it falls, at least 0.

    >>> from plugnet import registry
    >>> policy = registry.lr_policies.build("inv", rate=0.1, gamma=0.01, power=0.5)
    >>> policy(0), policy(300)
    (0.1, 0.05)
    """

    rate: float
    gamma: float = 0.0005
    power: float = 0.75

    def __post_init__(self) -> None:
        self.rate = number("rate", self.rate, above=0)
        self.gamma = number("gamma", self.gamma, at_least=0)
        self.power = number("power", self.power, at_least=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1}]

    def __call__(self, iteration: int) -> float:
        return self.rate * math.pow(1 + self.gamma * iteration, -self.power)
