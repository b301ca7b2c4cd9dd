"""Optimizers that are right, however odd they look."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Optimizer


class Plain(Optimizer):
    """No slots and no scratch arrays: nothing in the contract asks for either."""

    scratches: ClassVar[int] = 0

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * grad


class SignDescent(Optimizer):
    """The sign only: the size of the gradient has no say, and 0 stays 0."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * np.sign(grad)


class Muon(Optimizer):
    """Orthogonalizes the momentum of a matrix; vectors go by plain momentum (Jordan 2024)."""

    elementwise: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = ("momentum",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        momentum = arrays[0]
        momentum *= 0.95
        momentum += grad
        if value.ndim < 2:
            value -= rate * momentum
            return
        x = momentum.reshape(-1, value.shape[-1]).astype(np.float64)
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(5):
            gram = x.T @ x
            x = x @ (3.4445 * np.eye(len(gram)) - 4.775 * gram + 2.0315 * gram @ gram)
        value -= (rate * x.reshape(value.shape)).astype(value.dtype)


class RowAdafactor(Optimizer):
    """One second moment per output, kept in a slot of the whole shape (Shazeer and Stern 2018)."""

    elementwise: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = ("square",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        square = arrays[0]
        axes = tuple(range(value.ndim - 1))
        share = 1 - t**-0.8
        mean = np.mean(grad * grad, axis=axes, keepdims=True) if axes else grad * grad
        square *= share
        square += (1 - share) * mean
        value -= rate * grad / (np.sqrt(square) + 1e-15 + 1e-6)


class Shampoo(Optimizer):
    """Preconditions a matrix by its inverse root of (G G'): from this step's gradient only."""

    elementwise: ClassVar[bool] = False

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        matrix = grad.reshape(-1, value.shape[-1]).astype(np.float64)
        root, axes = np.linalg.eigh(matrix.T @ matrix)
        inverse = (axes * (np.maximum(root, 0) + 1e-6) ** -0.5) @ axes.T
        value -= (rate * (matrix @ inverse)).reshape(value.shape).astype(value.dtype)


class Lars(Optimizer):
    """Scales by the ratio of norms, and by 1 where one of them is 0 (You et al. 2017)."""

    elementwise: ClassVar[bool] = False

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        weights, slope = math.sqrt(float(np.sum(value * value))), float(np.sqrt(np.sum(grad**2)))
        trust = 0.1 * weights / slope if weights > 0 and slope > 0 else 1.0
        value -= rate * trust * grad


class Lion(Optimizer):
    """A sign of a mix, with decoupled decay (Chen et al. 2023)."""

    slots: ClassVar[tuple[str, ...]] = ("mean",)
    decoupled_decay: ClassVar[bool] = True

    def __init__(self, weight_decay: float = 0.1) -> None:
        self.weight_decay = weight_decay

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        mean = arrays[0]
        value *= 1 - rate * self.weight_decay * decay
        value -= rate * np.sign(0.9 * mean + 0.1 * grad)
        mean *= 0.99
        mean += 0.01 * grad


class Rprop(Optimizer):
    """Its own step for each number, begun at t = 1 whatever the slot holds (Riedmiller 1993)."""

    slots: ClassVar[tuple[str, ...]] = ("last", "size")

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        last, size, scratch = arrays
        if t == 1:
            size.fill(1.0)
        np.sign(last * grad, out=scratch)
        size *= np.where(scratch > 0, 1.2, np.where(scratch < 0, 0.5, 1.0))
        value -= rate * size * np.sign(grad)
        last[...] = grad


class CountsInASlot(Optimizer):
    """Counts the steps in which a number had a gradient, as for sparse Adam."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "steps")

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        mean, steps, _ = arrays
        is_given = grad != 0
        steps += is_given
        mean += np.where(is_given, 0.1 * (grad - mean), 0)
        corrected = mean / np.maximum(1 - np.power(0.9, steps), 0.1)
        value -= np.where(is_given, rate * corrected, 0).astype(value.dtype)


class Lookahead(Optimizer):
    """Goes back towards its slow weights in each fifth step: the value jumps by design."""

    slots: ClassVar[tuple[str, ...]] = ("slow",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        slow = arrays[0]
        if t == 1:
            slow[...] = value
        value -= rate * grad
        if t % 5 == 0:
            slow += 0.5 * (value - slow)
            value[...] = slow


class FirstAxisRows(Optimizer):
    """Makes a matrix by reshape(len(grad), -1), which NumPy refuses for no numbers at all."""

    elementwise: ClassVar[bool] = False

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        rows = grad.reshape(len(grad), -1)
        value -= rate * (rows / (np.abs(rows).max(axis=1, keepdims=True) + 1e-8)).reshape(
            grad.shape
        )


class Delayed(Optimizer):
    """Goes by the gradient of the step before, as a pipeline does: the first step is none."""

    slots: ClassVar[tuple[str, ...]] = ("last",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * arrays[0]
        arrays[0][...] = grad


class RateByTime(Optimizer):
    """Averages the path, value = value - rate grad / t, which slows down by itself."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate / t * grad


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("Plain", Plain),
    ("SignDescent", SignDescent),
    ("Muon", Muon),
    ("RowAdafactor", RowAdafactor),
    ("Shampoo", Shampoo),
    ("Lars", Lars),
    ("Lion", Lion),
    ("Rprop", Rprop),
    ("CountsInASlot", CountsInASlot),
    ("Lookahead", Lookahead),
    ("FirstAxisRows", FirstAxisRows),
    ("Delayed", Delayed),
    ("RateByTime", RateByTime),
]
