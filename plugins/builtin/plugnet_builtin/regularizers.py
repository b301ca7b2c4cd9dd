"""Penalties on the size of weights."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, scalar
from plugnet.interfaces import Regularizer


class L2(Regularizer):
    """strength / 2 times the sum of w^2, whose gradient is strength w: weight decay.

    Caffe, sgd_solver.cpp, Regularize.

    Attributes:
        strength: the factor, at least 0.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> l2, value, grad = registry.regularizers.build("l2", 0.5), np.array([2.0, -4.0]), np.zeros(2)
    >>> l2.add_gradient(value, grad, 1.0, np.empty(2))
    >>> l2.penalty(value), grad.tolist()
    (5.0, [1.0, -2.0])
    """

    elementwise: ClassVar[bool] = True

    def __init__(self, strength: float) -> None:
        self.strength = number("strength", strength, at_least=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"strength": 0.1}]

    def penalty(self, value: Array) -> float:
        return 0.5 * self.strength * float(np.vdot(value, value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += np.multiply(value, scalar(scale * self.strength, value.dtype), out=scratch)


class L1(Regularizer):
    """strength times the sum of |w|, whose gradient is strength sign(w), 0 at 0.

    Caffe, sgd_solver.cpp, Regularize; the lasso (Tibshirani 1996).

    Attributes:
        strength: the factor, at least 0.
    """

    elementwise: ClassVar[bool] = True

    def __init__(self, strength: float) -> None:
        self.strength = number("strength", strength, at_least=0)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"strength": 0.1}]

    def penalty(self, value: Array) -> float:
        return self.strength * float(np.abs(value).sum())

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        np.sign(value, out=scratch)
        scratch *= scale * self.strength
        grad += scratch


class Elastic(Regularizer):
    """strength (ratio sum |w| + (1 - ratio) / 2 sum w^2): the elastic net.

    Zou and Hastie 2005, with the 1/2 of Friedman, Hastie and Tibshirani 2010 (glmnet).

    Attributes:
        strength: the factor, at least 0.
        ratio: the share of `L1`, from 0 to 1.
    """

    elementwise: ClassVar[bool] = True

    def __init__(self, strength: float, ratio: float = 0.5) -> None:
        self.strength = number("strength", strength, at_least=0)
        self.ratio = number("ratio", ratio, at_least=0, at_most=1)
        self._l1 = L1(self.strength * self.ratio)
        self._l2 = L2(self.strength * (1 - self.ratio))

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"strength": 0.1, "ratio": 0.3}]

    def penalty(self, value: Array) -> float:
        return self._l1.penalty(value) + self._l2.penalty(value)

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        self._l1.add_gradient(value, grad, scale, scratch)
        self._l2.add_gradient(value, grad, scale, scratch)
