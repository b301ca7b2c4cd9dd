"""Windows that slide over the height and width of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError

Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """The windows along the height or the width of an image.

    Attributes:
        size: pixels of the image.
        kernel: pixels of a window.
        stride: pixels from one window to the next.
        padding: pixels before the image.
        outputs: the number of windows.
    """

    size: int
    kernel: int
    stride: int
    padding: int
    outputs: int

    @property
    def planes(self) -> int:
        """How many of the ``stride`` phases have pixels in windows."""
        return min(self.kernel, self.stride)

    @property
    def reach(self) -> int:
        """How many pixels of one phase a window has behind its first."""
        return (self.kernel - 1) // self.stride

    @property
    def length(self) -> int:
        """The pixels of one phase that windows have."""
        return self.outputs + self.reach

    @property
    def complete(self) -> bool:
        """Whether every pixel of the image is in a plane."""
        shared = (self.plane(phase)[0] for phase in range(self.planes))
        held: int = sum(rows.stop - rows.start for rows in shared)
        return held == self.size

    def plane(self, phase: int) -> tuple[slice, slice]:
        """Return the pixels that the plane of a phase shares with the image: in it, and in that."""
        first = (phase - self.padding) % self.stride
        start = (first + self.padding) // self.stride
        count = max(0, min(-((first - self.size) // self.stride), self.length - start))
        return slice(start, start + count), slice(first, first + count * self.stride, self.stride)


class Windows:
    """Where the windows of a pooling layer lie.

    A window starts every ``stride`` pixels, from ``padding`` pixels before the image on. With
    rounding "floor", as in PyTorch and Keras, there are as many as fit into the padded image; with
    "ceil", Caffe's way, one more may stick out at the end if it starts before the padding there
    (PyTorch's rule for ceil_mode). No window lies outside the image altogether.

    Attributes:
        kernel: height and width of a window.
        stride: pixels from one window to the next, down and across.
        padding: pixels before and after the image, in height and width.
        rounding: "floor" or "ceil".
    """

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None,
        padding: int | Sequence[int],
        rounding: str,
    ) -> None:
        """Check and keep the arguments, the first three as pairs; no stride is the kernel.

        Raises:
            ArgumentError: one is of a wrong type or out of range.
        """
        self.kernel = _pair("kernel", kernel, at_least=1)
        self.stride = self.kernel if stride is None else _pair("stride", stride, at_least=1)
        self.padding = _pair("padding", padding, at_least=0)
        if any(pad >= size for pad, size in zip(self.padding, self.kernel, strict=True)):
            raise ArgumentError(
                f"'padding' must be less than the kernel, {self.kernel}, or windows would see "
                f"nothing but padding, but it is {self.padding}.",
                argument="padding",
                value=padding,
            )
        if rounding not in ("floor", "ceil"):
            raise ArgumentError(
                f"'rounding' must be 'floor' or 'ceil', but it is {rounding!r}.",
                argument="rounding",
                value=rounding,
            )
        self.rounding = rounding

    @property
    def disjoint(self) -> bool:
        """Whether no pixel is in two windows."""
        return self.stride[0] >= self.kernel[0] and self.stride[1] >= self.kernel[1]

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

    def axes(self, shape: Shape) -> tuple[Axis, Axis]:
        """Return the windows down and across images of ``shape``."""
        down, across = (
            Axis(size, kernel, stride, padding, outputs)
            for size, kernel, stride, padding, outputs in zip(
                shape[:2],
                self.kernel,
                self.stride,
                self.padding,
                self.output_shape(shape)[:2],
                strict=True,
            )
        )
        return down, across

    def direct(self, shape: Shape) -> bool:
        """Return whether each pixel of images of ``shape`` is in one window, and none sticks out.

        Then a gradient needs no `Planes`: it is written to `pixels` of the images themselves.
        """
        axes = self.axes(shape)
        return self.kernel == self.stride and all(
            axis.padding == 0 and axis.outputs * axis.kernel == axis.size for axis in axes
        )

    def pixels(self, images: Array) -> list[Array]:
        """Return views, for each pixel of a window in row-major order, of it in all windows.

        Each is ``(N, output height, output width, channels)``; where windows are `direct`.
        """
        down, across = self.stride
        return [images[:, i::down, j::across] for i in range(down) for j in range(across)]

    def counts(self, shape: Shape, count_padding: bool) -> Array:
        """Return how many pixels each window has, ``(output height, output width, 1)``.

        Padding counts too if ``count_padding``, but never what sticks out of the padded image.
        """
        rows, columns = (self._sizes(axis, shape[axis], count_padding) for axis in (0, 1))
        return np.multiply.outer(rows, columns)[:, :, np.newaxis]

    def _count(self, axis: int, size: int) -> int:
        """Return the number of windows along an axis of the image."""
        kernel, stride, padding = self.kernel[axis], self.stride[axis], self.padding[axis]
        room = size + 2 * padding - kernel
        if self.rounding == "floor":
            return room // stride + 1
        count = -(-room // stride) + 1
        return count - 1 if (count - 1) * stride >= size + padding else count

    def _sizes(self, axis: int, size: int, count_padding: bool) -> Array:
        starts = np.arange(self._count(axis, size)) * self.stride[axis] - self.padding[axis]
        margin = self.padding[axis] if count_padding else 0
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
