"""The hinge loss of support vector machines."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet.targets import check_binary
from plugnet_builtin.row_loss import Mean, RowLoss


class Hinge(RowLoss):
    """The mean of sum max(0, 1 - s x)^p over the outputs of each sample: each class against all
    others.

    The sign s is 1 for the classes of a sample and -1 for others; p is 1 or 2 (Caffe,
    hinge_loss_layer.cpp, with no 1/2 for p = 2). The gradient at the kink, s x = 1, is 0. Targets
    are 0 and 1; class ids for a single output are its targets.

    Attributes:
        norm: "L1" for p = 1, "L2" for p = 2.
    """

    threshold: ClassVar[float | None] = 0.0

    _signs: Array
    _margins: Array

    def __init__(self, norm: str = "L1") -> None:
        if norm not in ("L1", "L2"):
            raise ArgumentError(
                f"'norm' must be 'L1' or 'L2', but it is {norm!r}.", argument="norm", value=norm
            )
        self.norm = norm

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"norm": "L2"}]

    def check(self, targets: Array, batch_shape: Shape) -> None:
        """Check that targets are 0 or 1, or class ids.

        Raises:
            ShapeError: the shapes differ.
            DataError: a target is neither 0 nor 1, or a class id is out of range.
        """
        super().check(targets, batch_shape)
        if targets.ndim == 2:
            check_binary(targets)

    def value(self, outputs: Array, targets: Array, mean: Mean, training: bool) -> float:
        signs = np.multiply(targets, 2, out=self._first if training else None)
        signs -= 1
        margins = np.multiply(signs, outputs, out=self._second if training else None)
        np.subtract(1, margins, out=margins)
        np.maximum(margins, 0, out=margins)
        if training:
            self._signs, self._margins = signs, margins
        return mean(margins, None if self.norm == "L1" else margins)

    def slope(self) -> Array:
        """Return -s where s x < 1 for p = 1, or -2 s max(0, 1 - s x)."""
        if self.norm == "L1":
            slope = np.sign(self._margins, out=self._dx)
        else:
            slope = np.multiply(self._margins, 2, out=self._dx)
        slope *= self._signs
        return np.negative(slope, out=slope)
