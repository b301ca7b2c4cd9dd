"""What max and average pooling share: windows that slide over the height and width of an image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import product
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np

from plugnet.arguments import flag, pair
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Layer

Index: TypeAlias = tuple[slice, slice]  # of rows and columns


class Overlap(NamedTuple):
    """Where one pixel of all windows lies, except those in which it is padding.

    Attributes:
        windows: rows and columns of the windows.
        image: the same number of rows and columns of the image.
    """

    windows: Index
    image: Index


class WindowPool(Layer):
    """A layer that pools windows: one every ``stride`` pixels, the first in the padding."""

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = pair("kernel_size", kernel_size, at_least=1)
        self.stride = self.kernel_size if stride is None else pair("stride", stride, at_least=1)
        self.padding = pair("padding", padding, at_least=0)
        self.ceil_mode = flag("ceil_mode", ceil_mode)
        if any(pad >= size for pad, size in zip(self.padding, self.kernel_size, strict=True)):
            raise ArgumentError(
                f"'padding' must be less than the kernel size, {self.kernel_size}, or a window "
                f"could lie wholly in the padding, but it is {self.padding}.",
                argument="padding",
                value=padding,
            )

    @property
    def windows_overlap(self) -> bool:
        """Whether a pixel can be in two windows."""
        return self.stride[0] < self.kernel_size[0] or self.stride[1] < self.kernel_size[1]

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, channels)``.

        Raises:
            ShapeError: samples of ``shape`` are not images, or too small for one window.
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
                f"A window of size {self.kernel_size} does not fit into an image of {shape[0]} by "
                f"{shape[1]} with padding {self.padding}. Use a smaller kernel, more padding or "
                "less pooling.",
                expected=self.kernel_size,
                got=shape,
            )
        return (height, width, shape[2])

    @abstractmethod
    def window_flops(self) -> int:
        """Return the operations for one window of one channel."""

    def flops(self, shape: Shape) -> int:
        return prod(self.output_shape(shape)) * self.window_flops()

    def overlaps(self, shape: Shape) -> list[Overlap]:
        """Return where each pixel of a window lies in images of ``shape``, in row-major order."""
        rows, columns = (
            [self._overlap(axis, shape[axis], offset) for offset in range(self.kernel_size[axis])]
            for axis in (0, 1)
        )
        return [
            Overlap((down, across), (image_rows, image_columns))
            for (down, image_rows), (across, image_columns) in product(rows, columns)
        ]

    def window_sizes(self, shape: Shape, count_include_pad: bool) -> Array:
        """Return the number of pixels of each window, ``(output height, output width)``.

        Padding is counted too if ``count_include_pad``, but never what extends beyond it.
        """
        rows, columns = (
            self._window_sizes(axis, shape[axis], count_include_pad) for axis in (0, 1)
        )
        return np.multiply.outer(rows, columns)

    def _count(self, axis: int, size: int) -> int:
        """Return the number of windows along an axis of the image."""
        stride, padding = self.stride[axis], self.padding[axis]
        last = size + 2 * padding - self.kernel_size[axis]  # the last start in the padded image
        if not self.ceil_mode:
            return last // stride + 1
        count = -(-last // stride) + 1
        return count - 1 if (count - 1) * stride >= size + padding else count

    def _overlap(self, axis: int, size: int, offset: int) -> tuple[slice, slice]:
        """Return the windows whose pixel ``offset`` lies in the image, and these pixels."""
        stride = self.stride[axis]
        start = offset - self.padding[axis]  # this pixel of the first window
        first = max(0, -(start // stride))
        stop = max(first, min(self._count(axis, size), -((start - size) // stride)))
        image = slice(start + first * stride, start + stop * stride, stride)
        return slice(first, stop), image

    def _window_sizes(self, axis: int, size: int, count_include_pad: bool) -> Array:
        """Return the number of pixels of each window along an axis."""
        starts = np.arange(self._count(axis, size)) * self.stride[axis] - self.padding[axis]
        margin = self.padding[axis] if count_include_pad else 0
        ends = np.minimum(starts + self.kernel_size[axis], size + margin)
        return ends - np.maximum(starts, -margin)
