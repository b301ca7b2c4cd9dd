"""Regularizers that are right, however odd they look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Regularizer


class GroupLasso(Regularizer):
    """The norm of each output's weights: not elementwise, with the subgradient 0 at 0."""

    def penalty(self, value: Array) -> float:
        matrix = value.reshape(-1, value.shape[-1])
        return 0.1 * float(np.sum(np.sqrt(np.sum(matrix * matrix, axis=0))))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        matrix = value.reshape(-1, value.shape[-1])
        norms = np.sqrt(np.sum(matrix * matrix, axis=0))
        share = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
        grad += scale * 0.1 * share.reshape(value.shape)


class Orthogonality(Regularizer):
    """|W'W - I|^2 of a matrix or kernel; vectors are free, so their penalty is 0."""

    def penalty(self, value: Array) -> float:
        if value.ndim < 2:
            return 0.0
        gram = self._gram(value)
        return 0.1 * float(np.sum(gram * gram))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        if value.ndim >= 2:
            matrix = value.reshape(-1, value.shape[-1])
            grad += scale * 0.4 * (matrix @ self._gram(value)).reshape(value.shape)

    def _gram(self, value: Array) -> Array:
        matrix = value.reshape(-1, value.shape[-1])
        gram: Array = matrix.T @ matrix - np.eye(matrix.shape[1], dtype=value.dtype)
        return gram


class MaxNormHinge(Regularizer):
    """A smooth penalty on weights above a bound that most never reach: mostly exactly 0."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.5 * float(np.sum(np.maximum(np.abs(value) - 3, 0) ** 2))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * np.sign(value) * np.maximum(np.abs(value) - 3, 0)


class TowardsOne(Regularizer):
    """Pulls to 1, as for gains: at 0 neither the penalty nor its gradient is 0."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum((value - 1) ** 2))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * (value - 1)


class Neighbours(Regularizer):
    """Fused lasso, smoothed: differences of neighbours, so blocks would matter."""

    def penalty(self, value: Array) -> float:
        steps = np.diff(value.reshape(-1))
        return 0.05 * float(np.sum(steps * steps))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        steps = np.diff(value.reshape(-1))
        flat = np.zeros(value.size, value.dtype)
        flat[1:] += steps
        flat[:-1] -= steps
        grad += scale * 0.1 * flat.reshape(value.shape)


class Concave(Regularizer):
    """log(1 + w^2): its gradient falls again for large weights."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.1 * float(np.sum(np.log1p(value * value)))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.2 * value / (1 + value * value)


class FirstAxisGroups(Regularizer):
    """Groups by reshape(len(value), -1), which NumPy refuses for no numbers at all."""

    def penalty(self, value: Array) -> float:
        rows = value.reshape(len(value), -1)
        return 0.1 * float(np.sum(np.sqrt(np.sum(rows * rows, axis=1) + 1e-3)))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        rows = value.reshape(len(value), -1)
        norms = np.sqrt(np.sum(rows * rows, axis=1, keepdims=True) + 1e-3)
        grad += scale * 0.1 * (rows / norms).reshape(value.shape)


class LogPrior(Regularizer):
    """Minus the logarithm of a narrow prior's density: below 0 near its peak, as densities are."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return float(np.sum(0.5 * (value / 0.1) ** 2 + np.log(0.1 * np.sqrt(2 * np.pi))))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * value / 0.01


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("GroupLasso", GroupLasso),
    ("Orthogonality", Orthogonality),
    ("MaxNormHinge", MaxNormHinge),
    ("TowardsOne", TowardsOne),
    ("Neighbours", Neighbours),
    ("Concave", Concave),
    ("FirstAxisGroups", FirstAxisGroups),
    ("LogPrior", LogPrior),
]
