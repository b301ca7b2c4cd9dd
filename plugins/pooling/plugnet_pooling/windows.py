"""Windows that slide over the height and width of an image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np

from plugnet.arguments import flag, integer
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError

Pair: TypeAlias = tuple[int, int]
Index: TypeAlias = tuple[slice, slice]  # of rows and columns


class Place(NamedTuple):
    """Where one pixel of all windows lies.

    Attributes:
        windows: those in which it is a pixel of the image, not of the padding.
        image: the pixels that it is there.
        everywhere: whether ``windows`` are all.
    """

    windows: Index
    image: Index
    everywhere: bool


class Windows:
    """The windows of a pooling layer: one every ``stride`` pixels, the first in the padding.

    Attributes:
        kernel: height and width of a window.
        stride: pixels from one window to the next, down and across.
        padding: pixels before and after the image, in height and width.
        ceil_mode: whether one more window may stick out at the end.
        overlap: whether a pixel can be in two windows.
    """

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None,
        padding: int | Sequence[int],
        ceil_mode: bool,
    ) -> None:
        """Check and keep the arguments, the first three as pairs; no stride is the kernel.

        Raises:
            ArgumentError: one is of a wrong type or out of range.
        """
        self.kernel = _pair("kernel", kernel, at_least=1)
        self.stride = self.kernel if stride is None else _pair("stride", stride, at_least=1)
        self.padding = _pair("padding", padding, at_least=0)
        self.ceil_mode = flag("ceil_mode", ceil_mode)
        self.overlap = self.stride[0] < self.kernel[0] or self.stride[1] < self.kernel[1]
        if any(pad >= size for pad, size in zip(self.padding, self.kernel, strict=True)):
            raise ArgumentError(
                f"'padding' must be less than the kernel, {self.kernel}, or windows would see "
                f"nothing but padding, but it is {self.padding}.",
                argument="padding",
                value=padding,
            )

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, channels)`` for images of ``shape``.

        Raises:
            ShapeError: these are no images, or too small for one window.
        """
        if len(shape) != 3:
            raise ShapeError(
                f"Pooling takes images of shape (height, width, channels), but shape {shape} has "
                f"{len(shape)} axes. Reshape to images, or pool before flattening.",
                expected=("height", "width", "channels"),
                got=shape,
            )
        height, width = (self._count(axis, size) for axis, size in enumerate(shape[:2]))
        if height < 1 or width < 1:
            raise ShapeError(
                f"An image of {shape[0]} by {shape[1]} with padding {self.padding} has no room for "
                f"a window of {self.kernel}. Use a smaller kernel, more padding or less pooling.",
                expected=self.kernel,
                got=shape,
            )
        return (height, width, shape[2])

    def places(self, shape: Shape) -> list[Place]:
        """Return where each pixel of a window lies in images of ``shape``, in row-major order."""
        counts = self.output_shape(shape)
        down, across = (
            [self._meet(axis, shape[axis], offset) for offset in range(self.kernel[axis])]
            for axis in (0, 1)
        )
        everywhere = slice(0, counts[0]), slice(0, counts[1])
        return [
            Place((rows, columns), (image_rows, image_columns), (rows, columns) == everywhere)
            for (rows, image_rows), (columns, image_columns) in product(down, across)
        ]

    def sizes(self, shape: Shape, count_include_pad: bool) -> Array:
        """Return how many pixels each window has, ``(output height, output width)``.

        Padding counts too if ``count_include_pad``, but never what sticks out of the padded image.
        """
        rows, columns = (self._sizes(axis, shape[axis], count_include_pad) for axis in (0, 1))
        return np.multiply.outer(rows, columns)

    def _count(self, axis: int, size: int) -> int:
        """Return the number of windows along an axis of the image."""
        kernel, stride, padding = self.kernel[axis], self.stride[axis], self.padding[axis]
        last = size + 2 * padding - kernel  # where the last window may start in the padded image
        if not self.ceil_mode:
            return last // stride + 1
        count = -(-last // stride) + 1
        return count - 1 if (count - 1) * stride >= size + padding else count

    def _meet(self, axis: int, size: int, offset: int) -> tuple[slice, slice]:
        """Return which windows have their pixel ``offset`` in the image, and the pixels there."""
        stride = self.stride[axis]
        start = offset - self.padding[axis]  # this pixel of the first window
        first = max(0, -(start // stride))
        stop = max(first, min(self._count(axis, size), -((start - size) // stride)))
        image = slice(start + first * stride, start + stop * stride, stride)
        return slice(first, stop), image

    def _sizes(self, axis: int, size: int, count_include_pad: bool) -> Array:
        starts = np.arange(self._count(axis, size)) * self.stride[axis] - self.padding[axis]
        margin = self.padding[axis] if count_include_pad else 0
        ends = np.minimum(starts + self.kernel[axis], size + margin)
        return ends - np.maximum(starts, -margin)


def _pair(argument: str, value: int | Sequence[int], at_least: int) -> Pair:
    if not isinstance(value, Sequence) or isinstance(value, str):
        size = integer(argument, value, at_least=at_least)
        return size, size
    if len(value) != 2:
        raise ArgumentError(
            f"'{argument}' must be one number, or two for height and width, but it is {value!r}.",
            argument=argument,
            value=value,
        )
    return (
        integer(argument, value[0], at_least=at_least),
        integer(argument, value[1], at_least=at_least),
    )
