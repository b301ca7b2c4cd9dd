"""The hinge loss of support vector machines."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet.errors import ArgumentError
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_binary


class Hinge(Loss):
    """1/N sum max(0, 1 - s x)^p over samples and outputs: each class against all others.

    The sign s is 1 for the classes of a sample and -1 for others; p is 1 or 2 (Caffe,
    hinge_loss_layer.cpp, with no 1/2 for p = 2). The gradient at the kink, s x = 1, is 0. Targets
    are 0 and 1; class ids for a single output are its targets.

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
        self._signs: Array | None = None
        self._margins: Array | None = None
        self._dx: Array | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [{}, {"norm": "L2"}]

    def forward(self, outputs: Array, targets: Array) -> float:
        """Return the loss.

        Raises:
            ShapeError: the shapes differ.
            DataError: a target is neither 0 nor 1, or a class id is out of range.
        """
        signs = self._signs = as_rows(targets, outputs, self._signs, binary=True)
        if targets.ndim == 2:
            check_binary(signs)
        signs *= 2
        signs -= 1
        margins = self._margins = reuse(self._margins, outputs)
        np.multiply(signs, outputs, out=margins)
        np.subtract(1, margins, out=margins)
        np.maximum(margins, 0, out=margins)
        total = margins.sum() if self.norm == "L1" else np.vdot(margins, margins)
        return float(total) / len(outputs)

    def backward(self) -> Array:
        """Return d loss / d outputs, ``(N, K)``."""
        margins = self.kept(self._margins)
        dx = self._dx = reuse(self._dx, margins)
        if self.norm == "L1":
            np.sign(margins, out=dx)
        else:
            np.multiply(margins, 2, out=dx)
        dx *= self.kept(self._signs)
        dx /= -len(dx)
        return dx
