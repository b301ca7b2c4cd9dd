"""Regularizers with one fault each. `FORMULA` names those that keep the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Regularizer


class HalfForgotten(Regularizer):
    """The penalty is the sum of w^2, the gradient is w: half of what it should be."""

    elementwise: ClassVar[bool] = True

    # titu1994/DenseNet#57
    def penalty(self, value: Array) -> float:
        return 0.1 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value


class NoSignOfZero(Regularizer):
    """w / |w| for the gradient of |w|: NaN at 0."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.1 * float(np.sum(np.abs(value)))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value / np.abs(value)


class Overwrites(Regularizer):
    """Writes its gradient over that of the loss."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        np.multiply(value, 0.1 * scale, out=grad)


class IgnoresScale(Regularizer):
    """Penalises biases, whose decay_mult is 0, like everything else."""

    elementwise: ClassVar[bool] = True

    # Engineero in artem-oppermann/Deep-Autoencoders-For-Collaborative-Filtering#3
    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += 0.1 * value


class ScalesTwice(Regularizer):
    """Multiplies by the scale twice: nobody sees it while the scale is 0 or 1."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        np.multiply(value, 0.1 * scale, out=scratch)
        scratch *= scale
        grad += scratch


class Rewards(Regularizer):
    """Subtracts the gradient: weights grow."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad -= scale * 0.1 * value


class MeanOfABlock(Regularizer):
    """Divides by how many numbers it is given, and says that it is elementwise."""

    elementwise: ClassVar[bool] = True

    # matterport/Mask_RCNN#1727
    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.mean(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value / value.size


class NormOfABlock(Regularizer):
    """The norm, not squared, of what it is given, and says that it is elementwise."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.1 * float(np.sqrt(np.sum(value * value)))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        norm = np.sqrt(np.sum(value * value))
        grad += scale * 0.1 * value / max(float(norm), 1e-12)


class DeadGroup(Regularizer):
    """The group lasso without a thought for a group of zeros: 0 / 0."""

    def penalty(self, value: Array) -> float:
        return 0.1 * float(np.sum(np.sqrt(np.sum(value * value, axis=-1))))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value / np.sqrt(np.sum(value * value, axis=-1, keepdims=True))


class DecaysTheValue(Regularizer):
    """Shrinks the value itself."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value
        value *= 1 - 1e-3 * scale


class CleanScratch(Regularizer):
    """Adds to the scratch array as if it held zeros."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        scratch += value
        scratch *= 0.1 * scale
        grad += scratch


class ArrayOfPenalties(Regularizer):
    """Returns a penalty for each number, not their sum."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * value * value  # type: ignore[return-value] # the fault

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value


class AddsUp(Regularizer):
    """Keeps adding to its penalty: the second answer is twice the first."""

    elementwise: ClassVar[bool] = True

    def __init__(self) -> None:
        self._total = 0.0

    def penalty(self, value: Array) -> float:
        self._total += 0.05 * float(np.sum(value * value))
        return self._total

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value


class WarmsUp(Regularizer):
    """Grows its strength call by call, so that no step can be repeated."""

    elementwise: ClassVar[bool] = True

    def __init__(self, strength: float = 0.1) -> None:
        self.strength = strength

    def penalty(self, value: Array) -> float:
        return 0.5 * self.strength * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * self.strength * value
        self.strength *= 1.01


class RowsOnly(Regularizer):
    """Sums along axis 1: a bias has none."""

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(np.sum(value * value, axis=1)))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value * np.ones_like(value).mean(axis=1, keepdims=True)


class KernelAxes(Regularizer):
    """Groups rows of axis 1 in the penalty, and of the last axis in the gradient."""

    def penalty(self, value: Array) -> float:
        matrix = value.reshape(value.shape[0], -1)
        return 0.1 * float(np.sum(np.sqrt(np.sum(matrix * matrix, axis=1) + 1e-12)))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        norms = np.sqrt(np.sum(value * value, axis=-1, keepdims=True) + 1e-12)
        grad += scale * 0.1 * value / norms


class TwoForFour(Regularizer):
    """|W'W - I|^2, whose gradient is 4 W (W'W - I), not 2."""

    def penalty(self, value: Array) -> float:
        matrix = value.reshape(-1, value.shape[-1])
        gram = matrix.T @ matrix - np.eye(matrix.shape[1], dtype=value.dtype)
        return 0.1 * float(np.sum(gram * gram))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        matrix = value.reshape(-1, value.shape[-1])
        gram = matrix.T @ matrix - np.eye(matrix.shape[1], dtype=value.dtype)
        grad += scale * 0.1 * 2 * (matrix @ gram).reshape(value.shape)


class StrengthOfOne(Regularizer):
    """Forgets its strength in the penalty."""

    elementwise: ClassVar[bool] = True

    def __init__(self, strength: float = 0.1) -> None:
        self.strength = strength

    def penalty(self, value: Array) -> float:
        return 0.5 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * self.strength * value


class OnlyPositive(Regularizer):
    """Leaves negative weights out of the gradient, though not out of the penalty."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * np.maximum(value, 0)


class LargeOnly(Regularizer):
    """A hinge on |w| above 10 with the gradient's sign lost: small weights never show it."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.1 * float(np.sum(np.maximum(np.abs(value) - 10, 0)))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * (np.abs(value) > 10)


class ResetsTheGradient(Regularizer):
    """Puts a finite number for NaN in the loss's gradient: divergence goes unseen."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return 0.05 * float(np.sum(value * value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 0.1 * value
        np.nan_to_num(grad, copy=False)


FORMULA: set[str] = set()


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("HalfForgotten", HalfForgotten),
    ("NoSignOfZero", NoSignOfZero),
    ("Overwrites", Overwrites),
    ("IgnoresScale", IgnoresScale),
    ("ScalesTwice", ScalesTwice),
    ("Rewards", Rewards),
    ("MeanOfABlock", MeanOfABlock),
    ("NormOfABlock", NormOfABlock),
    ("DeadGroup", DeadGroup),
    ("DecaysTheValue", DecaysTheValue),
    ("CleanScratch", CleanScratch),
    ("ArrayOfPenalties", ArrayOfPenalties),
    ("AddsUp", AddsUp),
    ("WarmsUp", WarmsUp),
    ("RowsOnly", RowsOnly),
    ("KernelAxes", KernelAxes),
    ("TwoForFour", TwoForFour),
    ("StrengthOfOne", StrengthOfOne),
    ("OnlyPositive", OnlyPositive),
    ("LargeOnly", LargeOnly),
    ("ResetsTheGradient", ResetsTheGradient),
]
