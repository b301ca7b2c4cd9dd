"""The interface of all algorithms that compute a convolution, and what they have in common.

For an image x, a weight w and the outputs y (a correlation, as in all frameworks: the kernel is not
flipped), <y, dy> is linear in x, in w and in dy. Its gradients by these three are all that the
layers compute: a convolution the one by dy, which is y, forward and those by x and w backward; a
transposed convolution the one by x forward and the other two backward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

import numpy as np

from plugnet.arrays import Array, as_items
from plugnet_convolution.geometry import Block, Geometry
from plugnet_convolution.scratch import Scratch

BLOCK_ELEMENTS: Final = 2**18  # processed at once: 1 MiB of float32, which fits a core's cache
#: Up to here OpenBLAS multiplies matrices as they are, without copying them first.
SMALL_MATMUL_MULTIPLICATIONS: Final = 10**6


class ConvAlgorithm(ABC):
    """A way to compute the three products for one geometry. `reference` has the plainest.

    Shapes: ``image`` is ``(N, height, width, channels)``, ``outputs`` is ``(N, output height,
    output width, filters)``; ``weight`` is ``(kernel height, kernel width, groups, channels /
    groups, filters / groups)``, in any memory order. ``out`` has the shape of what is written.

    All that an object keeps between calls is scratch memory; two threads must not share it.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.scratch = Scratch()

    @abstractmethod
    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write the outputs: the pixels under the kernel times the weight, summed.

        The bias, if any, is ``(output width, filters)``. It is added here, block by block, while
        the outputs are in the cache.
        """

    @abstractmethod
    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write the weight's gradient: for each position of the kernel, pixels times outputs."""

    @abstractmethod
    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write the image's gradient: the outputs that saw a pixel times the weight, summed."""

    # What the algorithms have in common ----------------------------------------------------------

    def split_groups(self, array: Array) -> Array:
        """Return an image or outputs as ``(N, height, width, groups, features / groups)``."""
        *leading, features = array.shape
        groups = self.geometry.groups
        # (..., features) -> (..., groups, features / groups)
        return array.reshape(*leading, groups, features // groups)

    def as_matrices(self, array: Array) -> Array:
        """Return an image or outputs as ``(groups, positions, features / groups)``."""
        count, height, width, features = array.shape
        groups = self.geometry.groups
        # (N, height, width, features) -> (positions, groups, features / groups) -> groups first
        rows = array.reshape(count * height * width, groups, features // groups)
        return rows.swapaxes(0, 1)

    def blocks(self, count: int, elements_per_output: int) -> Iterator[Block]:
        """Divide ``count`` samples into blocks of about `BLOCK_ELEMENTS`.

        A block is several samples, one sample, or, where that is too large, rows of one.
        """
        height, width, _ = self.geometry.output_shape
        samples = self.samples_per_block(elements_per_output)
        rows = max(1, min(height, BLOCK_ELEMENTS // (width * elements_per_output)))
        for sample in range(0, count, samples):
            for row in range(0, height, rows):
                yield (
                    slice(sample, min(sample + samples, count)),
                    slice(row, min(row + rows, height)),
                )

    def samples_per_block(self, elements_per_output: int) -> int:
        """Return how many samples the largest of those blocks has."""
        height, width, _ = self.geometry.output_shape
        return max(1, BLOCK_ELEMENTS // (height * width * elements_per_output))


def matmul_in_parts(a: Array, b: Array, out: Array) -> None:
    """Write a b for each group, a number of rows at a time that makes the products small ones.

    Where OpenBLAS has AVX-512 it multiplies small matrices as they are, a quarter faster than
    large ones, which it first copies to an order of its own.

    Args:
        a: ``(groups, rows, inner)``.
        b: ``(groups, inner, columns)``.
        out: ``(groups, rows, columns)``.
    """
    groups, rows, inner = a.shape
    columns = b.shape[2]
    step = SMALL_MATMUL_MULTIPLICATIONS // (inner * columns) // 8 * 8
    if not 24 <= step < rows:  # fewer rows at a time do not pay
        np.matmul(a, b, out=out)
        return
    whole = rows - rows % step
    np.matmul(
        # (groups, rows, ...) -> (groups, parts, step, ...)
        a[:, :whole].reshape(groups, -1, step, inner),
        b[:, np.newaxis],
        out=out[:, :whole].reshape(groups, -1, step, columns),
    )
    if whole < rows:
        np.matmul(a[:, whole:], b, out=out[:, whole:])


def in_matrix_order(weight: Array, scratch: Scratch) -> Array:
    """Return a copy of a weight that in memory is one matrix ``(positions * c, f)`` per group."""
    height, width, groups, c, f = weight.shape
    copy = scratch.array("weight", (groups, height, width, c, f), weight.dtype)
    # (groups, height, width, c, f) -> (height, width, groups, c, f)
    copy = copy.transpose(1, 2, 0, 3, 4)
    np.copyto(copy, weight)
    return copy


def copy_runs(out: Array, array: Array) -> None:
    """Copy ``array`` to ``out``; the last axis of both must be contiguous in memory."""
    np.copyto(as_items(out), as_items(array))
