"""The three products that make up a convolution, as an interface for several ways to compute them.

For an image x, a kernel w and the outputs y = x * w (a correlation, as in all frameworks: the
kernel is not flipped) the number <y, dy> is linear in x, in w and in dy. A convolution computes
its gradient by dy, which is y, forward, and those by x and w backward; a transposed convolution
computes the one by x forward and the others backward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np

from plugnet.arrays import Array
from plugnet_convolution.windows import Geometry

Block: TypeAlias = tuple[slice, slice]  # samples, rows of outputs
Region: TypeAlias = tuple[slice, slice, slice]  # samples, rows, columns

BLOCK: Final = 2**18  # numbers worked on at once: 1 MiB of float32, which a core's cache can hold
SMALL: Final = 10**6  # multiplications up to which OpenBLAS does not first copy the matrices


class Products(ABC):
    """The three products for one geometry. What an object keeps between calls is only scratch.

    Shapes: ``image`` is ``(N, height, width, channels)``, ``outputs`` is ``(N, output height,
    output width, filters)``; ``kernel`` is ``(height, width, groups, channels / groups,
    filters / groups)``, in any memory order. ``out`` has the shape of what is written.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    @abstractmethod
    def outputs(self, image: Array, kernel: Array, out: Array, bias: Array | None = None) -> None:
        """Write the outputs: the pixels that the kernel meets, times the kernel, summed.

        The bias, if any, is ``(output width, filters)``. It is added here, block by block, while
        the outputs are in the cache.
        """

    @abstractmethod
    def image_gradient(self, outputs: Array, kernel: Array, out: Array) -> None:
        """Write the image's gradient: the outputs that met a pixel, times the kernel, summed."""

    @abstractmethod
    def kernel_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write the kernel's gradient: the pixels a position met, times the outputs, summed."""

    # What the ways have in common ----------------------------------------------------------------

    def grouped(self, array: Array) -> Array:
        """Return an image or outputs as one matrix ``(places, features)`` for each group."""
        groups = self.geometry.groups
        features = array.shape[3] // groups
        places = array.shape[0] * array.shape[1] * array.shape[2]
        # (N, height, width, groups * features) -> (places, groups, features) -> groups first
        return array.reshape(places, groups, features).swapaxes(0, 1)

    def blocks(self, count: int, place: int) -> Iterator[Block]:
        """Divide ``count`` samples into blocks with ``place`` numbers for each place of an output.

        A block is several samples, or one sample, or, where that is too large, rows of one.
        """
        height = self.geometry.height.outputs
        samples, rows = self.samples_at_once(place), self._rows_at_once(place)
        for start in range(0, count, samples):
            for row in range(0, height, rows):
                yield (
                    slice(start, min(start + samples, count)),
                    slice(row, min(row + rows, height)),
                )

    def block_size(self, place: int) -> int:
        """Return how many numbers the largest of those blocks has."""
        row = self.geometry.width.outputs * place
        return self.samples_at_once(place) * self._rows_at_once(place) * row

    def samples_at_once(self, place: int) -> int:
        """Return how many samples the largest of those blocks has."""
        height, width = self.geometry.height.outputs, self.geometry.width.outputs
        return max(1, BLOCK // (height * width * place))

    def _rows_at_once(self, place: int) -> int:
        height, width = self.geometry.height.outputs, self.geometry.width.outputs
        return max(1, min(height, BLOCK // (width * place)))

    def meetings(self, block: Block) -> Iterator[tuple[tuple[int, int], Region, Region]]:
        """Yield, for all positions of the kernel, which outputs meet which pixels of the image.

        The outputs count within the block, the pixels within the image.
        """
        samples, rows = block
        height, width = self.geometry.height, self.geometry.width
        columns = slice(0, width.outputs)
        for i in range(height.kernel):
            met_rows, pixel_rows = height.meet(i, rows)
            for j in range(width.kernel):
                met_columns, pixel_columns = width.meet(j, columns)
                yield (
                    (i, j),
                    (slice(None), met_rows, met_columns),
                    (samples, pixel_rows, pixel_columns),
                )


def multiply(a: Array, b: Array, out: Array) -> None:
    """Write a b, for each group, so many rows at a time that the products are small ones.

    Where OpenBLAS has AVX-512 it multiplies small matrices as they are, a quarter faster than
    large ones, which it first copies to an order of its own.

    Args:
        a: ``(groups, rows, inner)``.
        b: ``(groups, inner, columns)``.
        out: ``(groups, rows, columns)``.
    """
    groups, rows, inner = a.shape
    columns = b.shape[2]
    step = SMALL // (inner * columns) // 8 * 8
    if not 24 <= step < rows:  # too few rows at a time do not pay
        np.matmul(a, b, out=out)
        return
    whole = rows - rows % step
    np.matmul(
        a[:, :whole].reshape(groups, -1, step, inner),
        b[:, np.newaxis],
        out=out[:, :whole].reshape(groups, -1, step, columns),
    )
    if whole < rows:
        np.matmul(a[:, whole:], b, out=out[:, whole:])
