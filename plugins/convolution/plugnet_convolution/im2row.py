"""Convolution as matrix products: each window of the image becomes a row of a matrix, "im2row".

This is the method of Chellapilla, Puri and Simard 2006 and of Caffe (``im2col.cpp``,
``base_conv_layer.cpp``) with two changes. The matrix is made for a few samples at a time, so that
it stays in the cache, and made again for the weight's gradient instead of kept: that is no slower
and saves kernel height * kernel width times the image. And Caffe's ``col2im``, which adds up the
image's gradient from an equally large matrix, is not needed: see `Im2Row.image_gradient`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet_convolution.algorithm import (
    BLOCK_ELEMENTS,
    SMALL_MATMUL_MULTIPLICATIONS,
    ConvAlgorithm,
    copy_runs,
    in_matrix_order,
    matmul_in_parts,
)
from plugnet_convolution.geometry import Block, Geometry
from plugnet_convolution.reference import windows

MAX_PIXELS_PER_OUTPUT: Final = 1.2  # for the image's gradient as a convolution
MIN_POSITIONS_PER_PRODUCT: Final = 192  # fewer make the sum of products costly


class Im2Row(ConvAlgorithm):
    """The products for any geometry."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        height, width, channels = geometry.height, geometry.width, geometry.channels
        self._window_size = height.kernel_size * width.kernel_size * channels
        #: Whether the runs of pixels to copy are longer along the image than along the kernel.
        self._along_image = width.kernel_size * channels // geometry.groups < width.output_size

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y = windows(x) w + b."""
        height, width, groups, c, f = weight.shape
        # (height, width, groups, c, f) -> (groups, height * width * c, f)
        matrix = weight.transpose(2, 0, 1, 3, 4).reshape(groups, height * width * c, f)
        for block, rows in self._window_matrices(image):
            matmul_in_parts(rows, matrix, self.as_matrices(out[block]))
            if bias is not None:
                out[block] += bias

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw = windows(x)^T dy."""
        height, width, groups, c, f = out.shape
        parts, step = self._weight_parts(c, f)
        shape = (groups, parts, height * width * c // parts, f)
        product = self.scratch.array("product", shape, out.dtype)
        # (groups, parts, height * width * c / parts, f) -> (height, width, groups, c, f)
        addend = product.reshape(groups, height, width, c, f).transpose(1, 2, 0, 3, 4)
        out.fill(0)
        for block, rows in self._window_matrices(image):
            dy = self.as_matrices(outputs[block])
            # (groups, positions, height * width * c) -> (groups, parts, ... / parts, positions)
            columns = rows.reshape(groups, -1, *shape[1:3]).transpose(0, 2, 3, 1)
            for start in range(0, dy.shape[1], step):
                positions = slice(start, start + step)
                np.matmul(columns[..., positions], dy[:, np.newaxis, positions], out=product)
                np.add(out, addend, out=out)

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx: to each pixel dy w^T of the outputs that saw it.

        Where the image is hardly larger than the outputs, this is the convolution of dy with the
        flipped kernel (Dumoulin and Visin 2016, chapter 4). Elsewhere that would multiply many
        zeros; instead, a small product for each position of the kernel is added.
        """
        flipped = in_matrix_order(weight[::-1, ::-1].swapaxes(3, 4), self.scratch)
        if self._is_dense():
            self._flipped.convolve(outputs, flipped, out)
            return
        out.fill(0)
        for block in self.blocks(len(out), out.shape[3]):
            dy = outputs[block]
            addend = self.scratch.array("addend", (*dy.shape[:3], out.shape[3]), out.dtype)
            for (i, j), seeing, pixels in self.geometry.overlaps(block):
                matmul_in_parts(self.as_matrices(dy), flipped[~i, ~j], self.as_matrices(addend))
                dx = out[pixels]
                np.add(dx, addend[seeing], out=dx)

    @cached_property
    def _flipped(self) -> Im2Row:
        return Im2Row(self.geometry.flipped())

    def _is_dense(self) -> bool:
        """Return whether the flipped kernel lies on outputs nearly everywhere, not on zeros."""
        height, width = self.geometry.height, self.geometry.width
        outputs = height.output_size * width.output_size
        return height.image_size * width.image_size <= MAX_PIXELS_PER_OUTPUT * outputs and all(
            axis.stride == 1 and axis.pad_before < axis.kernel_extent for axis in (height, width)
        )

    def _weight_parts(self, c: int, f: int) -> tuple[int, int]:
        """Return into how many parts to divide the weight, and how many positions to sum at once.

        The products for the weight's gradient are then small ones, see `matmul_in_parts`, but sum
        over enough positions that adding them up costs little.
        """
        height, width = self.geometry.height.kernel_size, self.geometry.width.kernel_size
        for parts in (1, height, height * width):
            step = SMALL_MATMUL_MULTIPLICATIONS * parts // (height * width * c * f)
            if step >= MIN_POSITIONS_PER_PRODUCT:
                return parts, step
        return 1, BLOCK_ELEMENTS  # all positions of a block

    def _window_matrices(self, image: Array) -> Iterator[tuple[Block, Array]]:
        """Yield blocks of outputs, and for each the matrices of their windows, one per group.

        They are ``(groups, positions, kernel height * kernel width * channels / groups)``.
        """
        image = self.split_groups(image)
        regroups = self.geometry.groups > 1 or (self._along_image and image.shape[4] > 1)
        copies = self.geometry.has_padding or regroups or not image.flags.c_contiguous
        padded = self._padded(image) if copies else image
        view = windows(padded, self.geometry)
        for samples, rows in self.blocks(len(image), self._window_size):
            source = slice(samples.stop - samples.start) if copies else samples
            if copies and rows.start == 0:
                padded[source, *self.geometry.interior] = image[samples]
            yield (samples, rows), self._copy_to_matrices(view[source, rows])

    def _copy_to_matrices(self, pixels: Array) -> Array:
        """Return a copy of windows as a matrix for each group."""
        count, height, width, groups, c, kernel_height, kernel_width = pixels.shape
        positions, window_size = count * height * width, kernel_height * kernel_width * c
        matrix = self.scratch.array("matrix", (groups, positions * window_size), pixels.dtype)
        if self._along_image:
            columns = matrix.reshape(groups, kernel_height, kernel_width, c, count, height, width)
            np.copyto(columns, pixels.transpose(3, 5, 6, 4, 0, 1, 2))
            # -> (groups, window_size, positions) -> (groups, positions, window_size)
            return columns.reshape(groups, window_size, positions).swapaxes(1, 2)
        pixels = pixels.transpose(3, 0, 1, 2, 5, 6, 4)
        if self.geometry.width.dilation == 1:  # what the kernel covers of a row is one run
            # (..., kernel_height, kernel_width, c) -> (..., kernel_height, kernel_width * c)
            pixels = pixels.reshape(*pixels.shape[:5], kernel_width * c)
        copy_runs(matrix.reshape(pixels.shape), pixels)
        # (groups, positions * window_size) -> (groups, positions, window_size)
        return matrix.reshape(groups, positions, window_size)

    def _padded(self, image: Array) -> Array:
        """Return an array for the padded images of one block, zero where nothing is written.

        In memory the groups come first, or all channels, so that the runs to copy are contiguous.
        """
        groups, c = image.shape[3:]
        samples, padded_size = self.samples_per_block(self._window_size), self.geometry.padded_size
        if self._along_image:
            shape, axes = (groups, c, samples, *padded_size), (2, 3, 4, 0, 1)
        else:
            shape, axes = (groups, samples, *padded_size, c), (1, 2, 3, 0, 4)
        # -> (N, height, width, groups, c)
        return self.scratch.zeros("padded", shape, image.dtype).transpose(axes)
