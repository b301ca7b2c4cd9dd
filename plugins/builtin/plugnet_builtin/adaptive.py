"""Optimizers that adapt the rate to each weight, in PyTorch's forms and with its defaults.

``rate`` multiplies the finished direction. All operations are elementwise.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array
from plugnet.interfaces import Optimizer


class AdaGrad(Optimizer):
    """s = s + g^2; value = value - rate g / (sqrt(s) + epsilon) (Duchi et al. 2011).

    Attributes:
        epsilon: what is added to the divisor, above 0.
    """

    slots: ClassVar[tuple[str, ...]] = ("square_sum",)

    def __init__(self, epsilon: float = 1e-10) -> None:
        self.epsilon = number("epsilon", epsilon, above=0)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        square_sum, scratch = arrays
        square_sum += np.multiply(grad, grad, out=scratch)
        _descend(value, grad, rate, square_sum, self.epsilon, scratch)


class RMSProp(Optimizer):
    """s = rho s + (1 - rho) g^2; value = value - rate g / (sqrt(s) + epsilon).

    Hinton 2012, lecture 6e of "Neural Networks for Machine Learning".

    Attributes:
        rho: the part of s that stays, at least 0 and below 1.
        epsilon: what is added to the divisor, above 0.
    """

    slots: ClassVar[tuple[str, ...]] = ("square_mean",)

    def __init__(self, rho: float = 0.99, epsilon: float = 1e-8) -> None:
        self.rho = number("rho", rho, at_least=0, below=1)
        self.epsilon = number("epsilon", epsilon, above=0)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        square_mean, scratch = arrays
        _average_square(square_mean, grad, self.rho, scratch)
        _descend(value, grad, rate, square_mean, self.epsilon, scratch)


class AdaDelta(Optimizer):
    """A rate for each weight from the sizes of its past updates and gradients.

    s = rho s + (1 - rho) g^2; d = g sqrt(u + epsilon) / sqrt(s + epsilon);
    u = rho u + (1 - rho) d^2; value = value - rate d (Zeiler 2012, algorithm 1, with rate 1).

    Attributes:
        rho: the part of s and u that stays, at least 0 and below 1.
        epsilon: what is added to both, above 0.
    """

    slots: ClassVar[tuple[str, ...]] = ("square_mean", "update_mean")
    scratches: ClassVar[int] = 2

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-6) -> None:
        self.rho = number("rho", rho, at_least=0, below=1)
        self.epsilon = number("epsilon", epsilon, above=0)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        square_mean, update_mean, direction, scratch = arrays
        _average_square(square_mean, grad, self.rho, scratch)
        np.add(update_mean, self.epsilon, out=direction)
        direction /= np.add(square_mean, self.epsilon, out=scratch)
        np.sqrt(direction, out=direction)
        direction *= grad
        _average_square(update_mean, direction, self.rho, scratch)
        value -= np.multiply(direction, rate, out=scratch)


class Adam(Optimizer):
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
    value = value - rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Kingma and Ba 2015, algorithm 1; t counts the steps from 1. The slots hold the sums
    m / (1 - beta1) and v / (1 - beta2): then the constants are two numbers per step instead of
    passes over all weights.

    Attributes:
        beta1: the part of m that stays, at least 0 and below 1.
        beta2: the part of v that stays, at least 0 and below 1.
        epsilon: what is added to the divisor, above 0.
    """

    slots: ClassVar[tuple[str, ...]] = ("sum", "square_sum")

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.beta1 = number("beta1", beta1, at_least=0, below=1)
        self.beta2 = number("beta2", beta2, at_least=0, below=1)
        self.epsilon = number("epsilon", epsilon, above=0)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        total, square_total, scratch = arrays
        total *= self.beta1
        total += grad
        square_total *= self.beta2
        square_total += np.multiply(grad, grad, out=scratch)
        first = (1 - self.beta1) / (1 - self.beta1**t)  # times total: m / (1 - beta1^t)
        second = math.sqrt((1 - self.beta2) / (1 - self.beta2**t))  # likewise for sqrt(v)
        _descend(value, total, rate * first / second, square_total, self.epsilon / second, scratch)


class AdamW(Optimizer):
    """Adam after value = (1 - rate weight_decay) value: decay decoupled from the gradient.

    That is PyTorch's form (torch.optim.AdamW) of Loshchilov and Hutter 2019, algorithm 2, whose
    decay is multiplied by the schedule only, not by the rate. What regularizers leave alone is not
    decayed either (``Parameter.decay_mult`` of 0, as for biases). A trainer with this optimizer has
    no regularizer unless it is given one.

    Attributes:
        beta1, beta2, epsilon: as for `Adam`.
        weight_decay: at least 0.
    """

    slots: ClassVar[tuple[str, ...]] = Adam.slots
    decoupled_decay: ClassVar[bool] = True

    def __init__(
        self,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        self._adam = Adam(beta1, beta2, epsilon)
        self.beta1, self.beta2 = self._adam.beta1, self._adam.beta2
        self.epsilon = self._adam.epsilon
        self.weight_decay = number("weight_decay", weight_decay, at_least=0)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        if decay:
            value *= 1 - rate * self.weight_decay * decay
        self._adam.step(value, grad, rate, decay, t, *arrays)


def _average_square(mean: Array, array: Array, share: float, scratch: Array) -> None:
    """Set ``mean`` to share mean + (1 - share) array^2."""
    mean *= share
    np.multiply(array, array, out=scratch)
    scratch *= 1 - share
    mean += scratch


def _descend(
    value: Array, direction: Array, rate: float, squares: Array, epsilon: float, scratch: Array
) -> None:
    """Set ``value`` to value - rate direction / (sqrt(squares) + epsilon)."""
    np.sqrt(squares, out=scratch)
    scratch += epsilon
    np.divide(direction, scratch, out=scratch)
    scratch *= rate
    value -= scratch
