"""Window arithmetic: which pixels of an image a kernel covers, and how many outputs that gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plugnet.arguments import integer
from plugnet.arrays import Shape
from plugnet.errors import ArgumentError

SAME: Final = "same"


def pair(argument: str, value: object, at_least: int) -> tuple[int, int]:
    """Return (height, width) of ``value``, an integer for both or a pair of them.

    Raises:
        ArgumentError: it is neither, or an integer is below ``at_least``.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ArgumentError(
                f"'{argument}' must be one integer, or a pair (height, width), but it is {value}.",
                argument=argument,
                value=value,
            )
        height, width = value
    else:
        height = width = value
    return (
        integer(argument, height, at_least=at_least),
        integer(argument, width, at_least=at_least),
    )


def padding_of(value: object) -> tuple[int, int] | str:
    """Return the padding (height, width), or "same".

    Raises:
        ArgumentError: ``value`` is neither integers from 0 nor "same".
    """
    if not isinstance(value, str):
        return pair("padding", value, at_least=0)
    if value != SAME:
        raise ArgumentError(
            "'padding' must be an integer, a pair (height, width) or \"same\", but it is "
            f"{value!r}. For no padding write 0.",
            argument="padding",
            value=value,
        )
    return value


@dataclass(frozen=True)
class Axis:
    """How a kernel moves along the height or the width of an image.

    Output ``o`` sees the pixels ``o * stride + k * dilation - before``, for the kernel's positions
    ``k``. Pixels that the image does not have are zero.

    Attributes:
        size: the pixels of the image.
        kernel: the positions of the kernel.
        stride: the pixels from one output to the next.
        dilation: the pixels from one position of the kernel to the next.
        before: the zeros before the first pixel.
        outputs: how often the kernel is applied.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    outputs: int

    @property
    def span(self) -> int:
        """The pixels from the kernel's first position to its last, both included."""
        return _span(self.kernel, self.dilation)

    @property
    def padded(self) -> int:
        """The pixels together with the zeros at both ends that outputs see."""
        return max((self.outputs - 1) * self.stride + self.span, self.before + self.size)

    def overlap(self, position: int, outputs: slice) -> tuple[slice, slice]:
        """Return which of ``outputs`` see a pixel at a position of the kernel, and which pixels.

        Both slices have the same length. The first counts from ``outputs.start``.
        """
        shift = self.before - position * self.dilation  # output o sees pixel o * stride - shift
        first = max(outputs.start, -(-shift // self.stride))
        last = max(first, min(outputs.stop, (self.size - 1 + shift) // self.stride + 1))
        if first == last:
            return slice(0, 0), slice(0, 0)
        pixels = slice(first * self.stride - shift, last * self.stride - shift, self.stride)
        return slice(first - outputs.start, last - outputs.start), pixels

    def mirrored(self) -> Axis:
        """Return the axis of the convolution that takes outputs to pixels, for stride 1."""
        before = self.span - 1 - self.before
        return Axis(self.outputs, self.kernel, 1, self.dilation, before, self.size)


def convolved(size: int, kernel: int, stride: int, dilation: int, padding: int | None) -> Axis:
    """Return the axis of a convolution of ``size`` pixels.

    With ``padding`` zeros at both ends there are as many outputs as fit,
    ``(size + 2 padding - span) // stride + 1``. With None, for "same", there are
    ``ceil(size / stride)``, and an odd number of zeros has the larger half at the end.
    """
    span = _span(kernel, dilation)
    if padding is None:
        outputs = -(-size // stride)
        before = max((outputs - 1) * stride + span - size, 0) // 2
    else:
        outputs, before = (size + 2 * padding - span) // stride + 1, padding
    return Axis(size, kernel, stride, dilation, before, outputs)


def transposed(
    outputs: int, kernel: int, stride: int, dilation: int, padding: int | None, extra: int
) -> Axis:
    """Return the axis of the convolution that makes ``outputs`` of the image looked for.

    Several sizes do. With ``padding`` it is the smallest, ``(outputs - 1) stride - 2 padding +
    span``, and ``extra`` more; with None, for "same", the largest, ``outputs * stride``.
    """
    if padding is None:
        return convolved(outputs * stride, kernel, stride, dilation, None)
    size = (outputs - 1) * stride - 2 * padding + _span(kernel, dilation) + extra
    return Axis(size, kernel, stride, dilation, padding, outputs)


def _span(kernel: int, dilation: int) -> int:
    return (kernel - 1) * dilation + 1


@dataclass(frozen=True)
class Geometry:
    """All sizes of a convolution but the number of samples.

    Attributes:
        height: how the kernel moves down the image.
        width: how it moves along a row.
        channels: the channels of the image.
        filters: the channels of the outputs.
        groups: the groups, of equal size, into which channels and filters are divided.
    """

    height: Axis
    width: Axis
    channels: int
    filters: int
    groups: int

    @property
    def image_shape(self) -> Shape:
        """``(height, width, channels)``."""
        return self.height.size, self.width.size, self.channels

    @property
    def output_shape(self) -> Shape:
        """``(output height, output width, filters)``."""
        return self.height.outputs, self.width.outputs, self.filters

    @property
    def padded(self) -> tuple[int, int]:
        """The height and width of a padded image."""
        return self.height.padded, self.width.padded

    @property
    def inside(self) -> tuple[slice, slice]:
        """Where in a padded image the image lies."""
        rows, columns = (
            slice(axis.before, axis.before + axis.size) for axis in (self.height, self.width)
        )
        return rows, columns

    @property
    def has_padding(self) -> bool:
        """Whether any output sees a pixel that the image does not have."""
        return self.padded != self.image_shape[:2]

    def mirrored(self) -> Geometry:
        """Return the geometry of the convolution from outputs to image, for stride 1.

        The padding must be less than the span of the kernel.
        """
        height, width = self.height.mirrored(), self.width.mirrored()
        return Geometry(height, width, self.filters, self.channels, self.groups)
