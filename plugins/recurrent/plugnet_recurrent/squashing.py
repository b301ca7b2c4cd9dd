"""The functions within a cell, and their derivatives as functions of their values."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array


def sigmoid(x: Array) -> None:
    """Set x to 1 / (1 + exp(-x)) = tanh(x / 2) / 2 + 1 / 2, which never overflows."""
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5


def sigmoid_slope(y: Array, out: Array) -> None:
    """Write y (1 - y) to ``out``, the derivative of the sigmoid where its value is y."""
    np.subtract(1, y, out=out)
    out *= y


def tanh_slope(y: Array, out: Array) -> None:
    """Write 1 - y^2 to ``out``, the derivative of tanh where its value is y."""
    np.multiply(y, y, out=out)
    np.subtract(1, out, out=out)
