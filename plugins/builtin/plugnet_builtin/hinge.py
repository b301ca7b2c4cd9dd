"""The hinge loss of support vector machines."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, check_binary, reweigh, weighted_mean


class Hinge(Loss):
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
    _weights: Array | None
    _total: float | None
    _rows: Array | None = None
    _signs_buffer: Array | None = None
    _margins_buffer: Array | None = None
    _dx: Array | None = None

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

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._rows, self._signs_buffer, self._margins_buffer, self._dx = (
            np.empty(batch_shape, dtype) for _ in range(4)
        )

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        rows = as_rows(targets, outputs, self._rows if training else None, binary=True)
        signs = np.multiply(rows, 2, out=self._signs_buffer if training else None)
        signs -= 1
        margins = np.multiply(signs, outputs, out=self._margins_buffer if training else None)
        np.subtract(1, margins, out=margins)
        np.maximum(margins, 0, out=margins)
        if training:
            self._signs, self._margins = signs, margins
            self._weights, self._total = weights, total
        return weighted_mean(margins, None if self.norm == "L1" else margins, weights, total)

    def backward(self) -> Array:
        """Return -s for p = 1, or -2 s max(0, 1 - s x), over N or by the weights, ``(N, K)``."""
        if self.norm == "L1":
            dx = np.sign(self._margins, out=self._dx)
        else:
            dx = np.multiply(self._margins, 2, out=self._dx)
        dx *= self._signs
        dx /= -len(dx)
        return reweigh(dx, self._weights, self._total)
