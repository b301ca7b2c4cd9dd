"""Windows that slide over the height and width of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import ArgumentError, ShapeError

Pair: TypeAlias = tuple[int, int]
Index: TypeAlias = tuple[slice, slice, slice]


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
        self._framed: Array | None = None

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

    def pixels(self, shape: Shape) -> list[Index]:
        """Return, for each pixel of a window in row-major order, where it lies in all windows.

        Each item is an index into framed images, see `frame`. It gives an array ``(N, output
        height, output width, channels)``: all windows of a batch are one strided slice per pixel.
        """
        rows, columns = (self._along(axis, shape[axis]) for axis in (0, 1))
        return [(slice(None), row, column) for row in rows for column in columns]

    def frame(self, x: Array, border: float, training: bool) -> Array:
        """Return images ``(N, *shape)`` with all their padding, of the value ``border``.

        Where the windows need none this is ``x``, otherwise in training a buffer, else new.
        """
        framed = self._room(x, training)
        if framed is not x:
            framed.fill(border)
            framed[self._inside(x.shape)] = x
        return framed

    def zeros(self, dx: Array) -> Array:
        """Return zeros in the shape of `frame`, in ``dx`` itself where it needs no padding."""
        framed = self._room(dx, training=True)
        framed.fill(0)
        return framed

    def unframe(self, framed: Array, dx: Array) -> None:
        """Write the images inside of what `zeros` returned to ``dx``."""
        if framed is not dx:
            dx[...] = framed[self._inside(dx.shape)]

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

    def _along(self, axis: int, size: int) -> list[slice]:
        """Return, for each offset in a window, where it lies in all windows along an axis."""
        stride = self.stride[axis]
        reach = (self._count(axis, size) - 1) * stride + 1
        return [slice(offset, offset + reach, stride) for offset in range(self.kernel[axis])]

    def _room(self, x: Array, training: bool) -> Array:
        """Return ``x``, or an array for it and its padding if there is any."""
        height, width = (
            max(
                self.padding[axis] + size,
                (self._count(axis, size) - 1) * self.stride[axis] + self.kernel[axis],
            )
            for axis, size in enumerate(x.shape[1:3])
        )
        if (height, width) == x.shape[1:3]:
            return x
        framed = reuse(self._framed if training else None, x, (len(x), height, width, x.shape[3]))
        if training:
            self._framed = framed
        return framed

    def _inside(self, shape: Shape) -> Index:
        """Return where images of ``(N, *shape)`` lie in their frame."""
        (top, left), (height, width) = self.padding, shape[1:3]
        return slice(None), slice(top, top + height), slice(left, left + width)

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
