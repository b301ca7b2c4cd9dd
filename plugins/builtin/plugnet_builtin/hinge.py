"""The hinge loss of support vector machines."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet.targets import check_binary
from plugnet_builtin.elementwise_loss import Buffers, ElementwiseLoss, Mean, Value


class Hinge(ElementwiseLoss):
    """The one-vs-rest hinge loss: the mean of sum max(0, 1 - s x)^p over each sample's outputs x.

    The sign s is 1 for the classes of a sample and -1 for others; p is 1 or 2 (Caffe,
    hinge_loss_layer.cpp, without its 1/2 for p = 2). The derivative at the kink, s x = 1, is 0.
    Targets are 0 or 1; class ids for a single output are its targets.

    Attributes:
        norm: "L1" for p = 1, "L2" for p = 2.
    """

    threshold: ClassVar[float | None] = 0.0

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

    def value(self, outputs: Array, targets: Array, mean: Mean, buffers: Buffers) -> Value:
        signs = np.multiply(targets, 2, out=buffers[0])
        signs -= 1
        margins = np.multiply(signs, outputs, out=buffers[1])
        np.subtract(1, margins, out=margins)
        np.maximum(margins, 0, out=margins)
        return mean(margins, None if self.norm == "L1" else margins), (signs, margins)

    def derivative(self, cached: tuple[Array, ...], out: Array | None) -> Array:
        """Return -s where s x < 1 for p = 1, or -2 s max(0, 1 - s x) for p = 2."""
        signs, margins = cached
        slope = np.sign(margins, out) if self.norm == "L1" else np.multiply(margins, 2, out)
        slope *= signs
        return np.negative(slope, out=slope)
