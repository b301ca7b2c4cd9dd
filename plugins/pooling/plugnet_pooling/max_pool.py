"""Max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, reuse
from plugnet.interfaces import Layer
from plugnet_pooling.planes import Planes
from plugnet_pooling.windows import Windows


class MaxPool(Layer):
    """y = the largest number of each window, per channel.

    Padding never wins. Of equal numbers the first in row-major order wins, as in Caffe and PyTorch,
    and it alone gets the gradient. A NaN makes its window NaN and wins, the last one of several, as
    in PyTorch.

    All windows of a block of samples are compared at once, as many times as a window has pixels.
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
        self._dx: Array | None = None
        self._planes: Planes | None = None
        self._dx_planes: Planes | None = None
        self._mask: Array | None = None
        self._scratch: Array | None = None
        self._share: Array | None = None

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
        y = reuse(self._y if training else None, x, (len(x), *self.output_shape(x.shape[1:])))
        planes = Planes.reuse(self._planes if training else None, self._windows, x, -np.inf)
        if training:
            self._shape, self._y, self._planes = x.shape, y, planes
            self._reserve(planes, x)
        for block in planes.blocks(len(x)):
            planes.take(x[block])
            room = planes.room(y[block])
            first, *others = reversed(planes.pixels(len(room)))
            maxima = planes.run(room)
            np.copyto(maxima, first)
            if training:
                held = (self.kept(self._winner), self.kept(self._mask))
                self._compete(others, maxima, *(planes.run(array[block]) for array in held))
            else:
                for pixel in others:
                    np.maximum(maxima, pixel, out=maxima)
            planes.cut(room, y[block])
            if training and not y[block].min(initial=0) > -np.inf:
                self._settle(planes, x[block], room, self.kept(self._winner)[block])
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx: dy at the winner of each window, else 0."""
        winner, mask = self.kept(self._winner), self.kept(self._mask)
        dx = self._dx = reuse(self._dx, dy, self.kept(self._shape))
        integer = np.dtype(f"i{dy.itemsize}")  # as floats, inf times a mask's 0 would be NaN
        if self._windows.direct(dx.shape[1:]):
            for number, pixel in enumerate(reversed(self._windows.pixels(dx))):
                np.equal(winner, number, out=mask)
                np.multiply(dy.view(integer), mask, out=pixel.view(integer))
            return dx
        planes = self._dx_planes = Planes.reuse(self._dx_planes, self._windows, dx, 0)
        for block in planes.blocks(len(dx)):
            planes.array.fill(0)
            own = planes.run(planes.spread(dy[block]))
            won, share = planes.run(mask[block]), self.kept(self._share)[: own.size]
            for number, pixel in enumerate(reversed(planes.pixels(len(dx[block])))):
                np.equal(planes.run(winner[block]), number, out=won)
                np.multiply(own.view(integer), won, out=share.view(integer))
                np.add(pixel, share, out=pixel)
            planes.give(dx[block])
        return dx

    def flops(self, shape: Shape) -> int:
        """Return one comparison for every pixel of every window but the first."""
        height, width, channels = self.output_shape(shape)
        return height * width * channels * (self.kernel[0] * self.kernel[1] - 1)

    def _reserve(self, planes: Planes, x: Array) -> None:
        """Get buffers: each winner's number, a mask, and for a block more numbers and shares."""
        largest = np.min_scalar_type(self.kernel[0] * self.kernel[1] - 1)
        numbers = np.empty_like(x, largest, shape=())
        batch, run = (len(x), *planes.grid), planes.run(planes.array[0, 0]).shape
        self._winner = reuse(self._winner, numbers, batch)
        self._mask = reuse(self._mask, np.empty_like(x, bool, shape=()), batch)
        self._scratch = reuse(self._scratch, numbers, run)
        self._share = reuse(self._share, x, run)

    def _compete(self, pixels: list[Array], maxima: Array, winner: Array, mask: Array) -> None:
        """Raise the maxima, which are a window's last pixels, by ``pixels``, and note who wins.

        The numbers count from 0 for the last pixel to the first, so that the first of equals is
        the last to win.
        """
        scratch = self.kept(self._scratch)[: maxima.size]
        winner.fill(0)
        for number, pixel in enumerate(pixels, start=1):
            np.greater_equal(pixel, maxima, out=mask)
            np.maximum(maxima, pixel, out=maxima)
            # winner = number where the mask is; numbers rise, and a masked copy is much slower
            np.multiply(mask, winner.dtype.type(number), out=scratch)
            np.maximum(winner, scratch, out=winner)

    def _settle(self, planes: Planes, x: Array, room: Array, winners: Array) -> None:
        """Correct who wins where the maximum is minus infinity, as padding is, or NaN."""
        maxima, winner, pixels = planes.run(room), planes.run(winners), planes.pixels(len(x))
        images = np.ones_like(x, bool)
        inside = Planes(self._windows, images, 0)
        inside.take(images)
        for number, within in enumerate(reversed(inside.pixels(len(x)))):
            winner[within & (maxima == -np.inf)] = number
        for number, pixel in zip(reversed(range(len(pixels))), pixels, strict=True):
            winner[np.isnan(pixel)] = number
