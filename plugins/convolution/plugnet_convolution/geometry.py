"""Window arithmetic: which pixels of an image a kernel covers, and how many outputs that gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from plugnet.arrays import Shape

Block: TypeAlias = tuple[slice, slice]  # samples, rows of outputs
Region: TypeAlias = tuple[slice, slice, slice]  # samples, rows, columns


@dataclass(frozen=True)
class Axis:
    """How a kernel moves along the height or the width of an image.

    At position ``k`` of the kernel, output ``o`` sees pixel ``o * stride + k * dilation -
    pad_before``. Pixels outside the image are zero.

    Attributes:
        image_size: pixels of the image.
        kernel_size: positions of the kernel.
        stride: pixels from one output to the next.
        dilation: pixels from one position of the kernel to the next.
        pad_before: zeros before the first pixel.
        output_size: number of outputs.
    """

    image_size: int
    kernel_size: int
    stride: int
    dilation: int
    pad_before: int
    output_size: int

    @property
    def kernel_extent(self) -> int:
        """Pixels from the kernel's first position to its last, both included."""
        return kernel_extent(self.kernel_size, self.dilation)

    @property
    def padded_size(self) -> int:
        """Pixels of the image together with the zeros at both ends that outputs see."""
        seen = (self.output_size - 1) * self.stride + self.kernel_extent
        return max(seen, self.pad_before + self.image_size)

    def overlap(self, position: int, outputs: slice) -> tuple[slice, slice]:
        """Return which ``outputs`` see a pixel at a position of the kernel, and these pixels.

        Both slices have the same length. The first counts from ``outputs.start``.
        """
        shift = self.pad_before - position * self.dilation  # output o sees pixel o * stride - shift
        first = max(outputs.start, -(-shift // self.stride))
        stop = max(first, min(outputs.stop, (self.image_size - 1 + shift) // self.stride + 1))
        if first == stop:
            return slice(0, 0), slice(0, 0)
        pixels = slice(first * self.stride - shift, stop * self.stride - shift, self.stride)
        return slice(first - outputs.start, stop - outputs.start), pixels

    def flipped(self) -> Axis:
        """Return the axis of the convolution from outputs to pixels, for stride 1."""
        pad_before = self.kernel_extent - 1 - self.pad_before
        return Axis(
            self.output_size, self.kernel_size, 1, self.dilation, pad_before, self.image_size
        )


def conv_axis(size: int, kernel_size: int, stride: int, dilation: int, padding: int | None) -> Axis:
    """Return the axis of a convolution over ``size`` pixels.

    With ``padding`` zeros at both ends there are as many outputs as fit,
    ``(size + 2 padding - kernel extent) // stride + 1``. With None, for "same", there are
    ``ceil(size / stride)``, and an odd number of zeros has the larger half at the end.
    """
    extent = kernel_extent(kernel_size, dilation)
    if padding is None:
        output_size = -(-size // stride)
        padding = max((output_size - 1) * stride + extent - size, 0) // 2
    else:
        output_size = (size + 2 * padding - extent) // stride + 1
    return Axis(size, kernel_size, stride, dilation, padding, output_size)


def conv_transpose_axis(
    size: int, kernel_size: int, stride: int, dilation: int, padding: int | None, extra: int
) -> Axis:
    """Return the axis of the convolution whose outputs are the ``size`` pixels that come in.

    Several sizes of the image that goes out have this many outputs. With ``padding`` it is the
    smallest, ``(size - 1) stride - 2 padding + kernel extent``, plus ``extra``; with None, for
    "same", the largest, ``size * stride``.
    """
    if padding is None:
        return conv_axis(size * stride, kernel_size, stride, dilation, None)
    extent = kernel_extent(kernel_size, dilation)
    image_size = (size - 1) * stride - 2 * padding + extent + extra
    return Axis(image_size, kernel_size, stride, dilation, padding, size)


def kernel_extent(kernel_size: int, dilation: int) -> int:
    """Return the pixels from the kernel's first position to its last, both included."""
    return (kernel_size - 1) * dilation + 1


@dataclass(frozen=True)
class Geometry:
    """All sizes of a convolution except the number of samples.

    Attributes:
        height: how the kernel moves down the image.
        width: how it moves along a row.
        channels: channels of the image.
        filters: channels of the outputs.
        groups: number of equal groups into which channels and filters are divided.
    """

    height: Axis
    width: Axis
    channels: int
    filters: int
    groups: int

    @property
    def image_shape(self) -> Shape:
        """``(height, width, channels)``."""
        return self.height.image_size, self.width.image_size, self.channels

    @property
    def output_shape(self) -> Shape:
        """``(output height, output width, filters)``."""
        return self.height.output_size, self.width.output_size, self.filters

    @property
    def padded_size(self) -> tuple[int, int]:
        """Height and width of a padded image."""
        return self.height.padded_size, self.width.padded_size

    @property
    def interior(self) -> tuple[slice, slice]:
        """Rows and columns of the image within a padded image."""
        rows, columns = (
            slice(axis.pad_before, axis.pad_before + axis.image_size)
            for axis in (self.height, self.width)
        )
        return rows, columns

    @property
    def has_padding(self) -> bool:
        """Whether any output sees a pixel outside the image."""
        return self.padded_size != self.image_shape[:2]

    def overlaps(
        self, block: Block | None = None
    ) -> Iterator[tuple[tuple[int, int], Region, Region]]:
        """Yield each position of the kernel, the outputs that see a pixel there, and these pixels.

        Outputs are counted within the block, or the whole batch, and pixels within the images.
        """
        samples, rows = block or (slice(None), slice(0, self.height.output_size))
        columns = slice(0, self.width.output_size)
        for i in range(self.height.kernel_size):
            output_rows, pixel_rows = self.height.overlap(i, rows)
            for j in range(self.width.kernel_size):
                output_columns, pixel_columns = self.width.overlap(j, columns)
                yield (
                    (i, j),
                    (slice(None), output_rows, output_columns),
                    (samples, pixel_rows, pixel_columns),
                )

    def flipped(self) -> Geometry:
        """Return the geometry of the convolution from outputs to image, for stride 1.

        It is that with the flipped kernel. The padding must be less than the kernel extent.
        """
        height, width = self.height.flipped(), self.width.flipped()
        return Geometry(height, width, self.filters, self.channels, self.groups)
