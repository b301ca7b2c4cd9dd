"""Max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, reuse
from plugnet.interfaces import Layer
from plugnet_pooling.windows import Windows


class MaxPool(Layer):
    """y = the largest number of each window, per channel.

    Padding is minus infinity, so it never wins. Of equal numbers the first in row-major order
    wins, as in Caffe and PyTorch, and it alone gets the gradient. A NaN makes its window NaN.

    Each pixel of a window is a strided slice of the images, so all windows of a batch are compared
    at once, as many times as a window has pixels.
    """

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        rounding: str = "floor",
    ) -> None:
        """Describe the windows.

        Args:
            kernel: their size, one number or height and width.
            stride: from one to the next, down and across; None: the kernel's size, side by side.
            padding: pixels around the image, less than the kernel.
            rounding: "floor" (PyTorch, Keras): windows lie within the padded image; "ceil"
                (Caffe): the last may stick out, if it starts in the image or the padding before.

        Raises:
            ArgumentError: one is of a wrong type or out of range.
        """
        self._windows = Windows(kernel, stride, padding, rounding)
        self.kernel = self._windows.kernel
        self.stride = self._windows.stride
        self.padding = self._windows.padding
        self.rounding = rounding
        self._shape: Shape | None = None
        self._y: Array | None = None
        self._winner: Array | None = None
        self._mask: Array | None = None
        self._scratch: Array | None = None
        self._share: Array | None = None
        self._dx: Array | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [
            {"kernel": 2},
            {"kernel": [2, 3], "stride": 2, "padding": 1},
            {"kernel": 3, "stride": 2, "rounding": "ceil"},
        ]

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, channels)``.

        Raises:
            ShapeError: these are no images, or too small for one window.
        """
        return self._windows.output_shape(shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the maxima, ``(N, output height, output width, channels)``.

        Raises:
            ShapeError: these are no images, or too small for one window.
        """
        shape = (len(x), *self.output_shape(x.shape[1:]))
        # From the last pixel to the first, so that the first of equals is the last to win.
        first, *others = reversed(self._windows.pixels(x.shape[1:]))
        framed = self._windows.frame(x, -np.inf, training)
        y = reuse(self._y if training else None, x, shape)
        np.copyto(y, framed[first])
        if not training:
            for at in others:
                np.maximum(y, framed[at], out=y)
            return y
        self._shape, self._y = x.shape, y
        winner, mask, scratch = self._reserve(y, len(others))
        winner.fill(0)
        for number, at in enumerate(others, start=1):
            np.greater_equal(framed[at], y, out=mask)
            np.maximum(y, framed[at], out=y)
            # winner = number where the mask is; numbers rise, and a masked copy is much slower
            np.multiply(mask, winner.dtype.type(number), out=scratch)
            np.maximum(winner, scratch, out=winner)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx: dy at the winner of each window, else 0."""
        shape, winner, mask = self.kept(self._shape), self.kept(self._winner), self.kept(self._mask)
        dx = self._dx = reuse(self._dx, dy, shape)
        framed = self._windows.zeros(dx)
        for number, at in enumerate(reversed(self._windows.pixels(shape[1:]))):
            np.equal(winner, number, out=mask)
            if self._windows.disjoint:
                np.multiply(dy, mask, out=framed[at])
            else:
                share = self._share = reuse(self._share, dy)
                framed[at] += np.multiply(dy, mask, out=share)
        self._windows.unframe(framed, dx)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return one comparison for every pixel of every window but the first."""
        height, width, channels = self.output_shape(shape)
        return height * width * channels * (self.kernel[0] * self.kernel[1] - 1)

    def _reserve(self, y: Array, largest: int) -> tuple[Array, Array, Array]:
        """Return buffers like ``y`` for the number of each winner, a mask, and more numbers."""
        numbers = np.empty_like(y, np.min_scalar_type(largest), shape=())
        self._winner = reuse(self._winner, numbers, y.shape)
        self._mask = reuse(self._mask, np.empty_like(y, bool, shape=()), y.shape)
        self._scratch = reuse(self._scratch, numbers, y.shape)
        return self._winner, self._mask, self._scratch
