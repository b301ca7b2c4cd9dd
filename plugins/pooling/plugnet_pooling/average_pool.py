"""Average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arguments import flag
from plugnet.arrays import Array, Shape, reuse
from plugnet.interfaces import Layer
from plugnet_pooling.planes import Planes
from plugnet_pooling.windows import Windows


class AveragePool(Layer):
    """y = the mean of each window, per channel."""

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        rounding: str = "floor",
        count_padding: bool = True,
    ) -> None:
        """Describe the windows.

        Args:
            kernel: their size, one number or height and width.
            stride: from one to the next, down and across; None: the kernel's size, side by side.
            padding: pixels of zeros around the image, less than the kernel.
            rounding: "floor" (PyTorch, Keras): windows lie within the padded image; "ceil"
                (Caffe): the last may stick out, if it starts in the image or the padding before.
            count_padding: whether the zeros of the padding count in the mean, as in Caffe and by
                default in PyTorch (count_include_pad), or only the pixels of the image, as in
                Keras. What sticks out of the padding never counts.

        Raises:
            ArgumentError: one is of a wrong type or out of range.
        """
        self._windows = Windows(kernel, stride, padding, rounding)
        self.kernel = self._windows.kernel
        self.stride = self._windows.stride
        self.padding = self._windows.padding
        self.rounding = rounding
        self.count_padding = flag("count_padding", count_padding)
        self._shape: Shape | None = None
        self._shares: Array | None = None
        self._y: Array | None = None
        self._dx: Array | None = None
        self._planes: Planes | None = None
        self._dx_planes: Planes | None = None
        self._share: Array | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [
            {"kernel": 2},
            {"kernel": 3, "stride": 2, "padding": 1, "count_padding": False},
            {"kernel": 3, "stride": 2, "rounding": "ceil"},
        ]

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, channels)``.

        Raises:
            ShapeError: these are no images, or too small for one window.
        """
        return self._windows.output_shape(shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the means, ``(N, output height, output width, channels)``.

        Raises:
            ShapeError: these are no images, or too small for one window.
        """
        y = reuse(self._y if training else None, x, (len(x), *self.output_shape(x.shape[1:])))
        planes = Planes.reuse(self._planes if training else None, self._windows, x, 0)
        weights = self._weights(x.shape, y)
        if training:
            self._shape, self._y, self._planes, self._shares = x.shape, y, planes, weights
        for block in planes.blocks(len(x)):
            planes.take(x[block])
            room = planes.room(y[block])
            first, *others = planes.pixels(len(room))
            sums = planes.run(room)
            np.copyto(sums, first)
            for pixel in others:
                np.add(sums, pixel, out=sums)
            planes.cut(room, y[block])
            y[block] *= weights
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx: for each pixel, the sum of dy over its windows, each divided by its size."""
        dx = self._dx = reuse(self._dx, dy, self.kept(self._shape))
        weights = self.kept(self._shares)
        if self._windows.direct(dx.shape[1:]):
            for pixel in self._windows.pixels(dx):
                np.multiply(dy, weights, out=pixel)
            return dx
        planes = self._dx_planes = Planes.reuse(self._dx_planes, self._windows, dx, 0)
        share = self._share = reuse(self._share, dy, (min(planes.samples, len(dy)), *dy.shape[1:]))
        for block in planes.blocks(len(dx)):
            planes.array.fill(0)
            part = np.multiply(dy[block], weights, out=share[: len(dy[block])])
            run = planes.run(planes.spread(part))
            for pixel in planes.pixels(len(part)):
                np.add(pixel, run, out=pixel)
            planes.give(dx[block])
        return dx

    def flops(self, shape: Shape) -> int:
        """Return an addition per pixel of every window but the first, and one multiplication."""
        height, width, channels = self.output_shape(shape)
        return height * width * channels * self.kernel[0] * self.kernel[1]

    def _weights(self, shape: Shape, like: Array) -> Array:
        """Return one over the size of each window, ``(output height, output width, 1)``."""
        return np.reciprocal(self._windows.counts(shape[1:], self.count_padding), dtype=like.dtype)
