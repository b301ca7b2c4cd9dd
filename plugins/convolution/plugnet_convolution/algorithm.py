"""The interface of all algorithms that compute a convolution, and what they have in common.

For an image x, a weight w and the outputs y (a correlation, as in all frameworks: the kernel is not
flipped) the number <y, dy> is linear in x, in w and in dy. A convolution computes its gradient by
dy, which is y, forward, and those by x and w backward; a transposed convolution computes the one by
x forward and the others backward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np

from plugnet.arrays import Array
from plugnet_convolution.geometry import Geometry
from plugnet_convolution.scratch import Scratch

Block: TypeAlias = tuple[slice, slice]  # samples, rows of outputs
Region: TypeAlias = tuple[slice, slice, slice]  # samples, rows, columns

BLOCK: Final = 2**18  # numbers worked on at once: 1 MiB of float32, which a core's cache can hold
SMALL: Final = 10**6  # multiplications up to which OpenBLAS does not first copy the matrices


class ConvAlgorithm(ABC):
    """A way to compute the three products for one geometry. `reference` has the plainest.

    Shapes: ``image`` is ``(N, height, width, channels)``, ``outputs`` is ``(N, output height,
    output width, filters)``; ``weight`` is ``(kernel height, kernel width, groups, channels /
    groups, filters / groups)``, in any memory order. ``out`` has the shape of what is written.

    All that an object keeps between calls is scratch; two threads must not share it.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.scratch = Scratch()

    @abstractmethod
    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write the outputs: the pixels that the kernel covers, times the weight, summed.

        The bias, if any, is ``(output width, filters)``. It is added here, block by block, while
        the outputs are in the cache.
        """

    @abstractmethod
    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write the weight's gradient: the pixels a position covers, times the outputs, summed."""

    @abstractmethod
    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write the image's gradient: the outputs that saw a pixel, times the weight, summed."""

    # What the algorithms have in common ----------------------------------------------------------

    def split_groups(self, array: Array) -> Array:
        """Return an image or outputs as ``(N, height, width, groups, features of a group)``."""
        *place, features = array.shape
        groups = self.geometry.groups
        return array.reshape(*place, groups, features // groups)

    def as_matrices(self, array: Array) -> Array:
        """Return an image or outputs as one matrix ``(places, features)`` for each group."""
        count, height, width, features = array.shape
        groups = self.geometry.groups
        # (N, height, width, groups * features) -> (places, groups, features) -> groups first
        rows = array.reshape(count * height * width, groups, features // groups)
        return rows.swapaxes(0, 1)

    def blocks(self, count: int, per_output: int) -> Iterator[Block]:
        """Divide ``count`` samples into blocks, for ``per_output`` numbers at each output's place.

        A block is several samples, or one sample, or, where that is too large, rows of one.
        """
        height, width, _ = self.geometry.output_shape
        samples = self.samples_at_once(per_output)
        rows = max(1, min(height, BLOCK // (width * per_output)))
        for start in range(0, count, samples):
            for row in range(0, height, rows):
                yield (
                    slice(start, min(start + samples, count)),
                    slice(row, min(row + rows, height)),
                )

    def samples_at_once(self, per_output: int) -> int:
        """Return how many samples the largest of those blocks has."""
        height, width, _ = self.geometry.output_shape
        return max(1, BLOCK // (height * width * per_output))

    def overlaps(self, block: Block) -> Iterator[tuple[tuple[int, int], Region, Region]]:
        """Yield, for all positions of the kernel, which outputs see which pixels of the image.

        The outputs count within the block, the pixels within the image.
        """
        samples, rows = block
        height, width = self.geometry.height, self.geometry.width
        columns = slice(0, width.outputs)
        for i in range(height.kernel):
            output_rows, pixel_rows = height.overlap(i, rows)
            for j in range(width.kernel):
                output_columns, pixel_columns = width.overlap(j, columns)
                yield (
                    (i, j),
                    (slice(None), output_rows, output_columns),
                    (samples, pixel_rows, pixel_columns),
                )


def multiply_in_parts(a: Array, b: Array, out: Array) -> None:
    """Write a b, for each group, as many rows at a time as make the products small ones.

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


def in_matrix_order(weight: Array, scratch: Scratch) -> Array:
    """Return a copy of a weight whose memory is one matrix ``(positions, filters)`` per group."""
    height, width, groups, c, f = weight.shape
    held = scratch.array("weight", (groups, height, width, c, f), weight.dtype)
    # (groups, height, width, c, f) -> (height, width, groups, c, f)
    copied = held.transpose(1, 2, 0, 3, 4)
    np.copyto(copied, weight)
    return copied


def copy_runs(out: Array, array: Array) -> None:
    """Copy ``array``; the last axis of both must lie without gaps in memory.

    Each run along it is copied as one item, of a type that NumPy knows nothing about but its size:
    so it is copied fastest.
    """
    run = np.dtype((np.void, array.shape[-1] * array.itemsize))
    np.copyto(out.view(run), array.view(run))
