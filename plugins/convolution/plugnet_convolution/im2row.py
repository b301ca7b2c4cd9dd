"""Convolution as matrix products: each window of the image becomes a row of a matrix, "im2row".

This is the way of Chellapilla, Puri and Simard 2006 and of Caffe (``im2col.cpp``,
``base_conv_layer.cpp``) with two changes. The matrix is made for a few samples at a time, so that
it stays in the cache, and made again for the weight's gradient instead of kept: that is no slower
and saves kernel height * kernel width times the image. And Caffe's ``col2im``, which adds up the
image's gradient from a matrix as large, is not needed: see `Im2Row.image_gradient`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet_convolution.algorithm import (
    BLOCK,
    SMALL,
    Block,
    ConvAlgorithm,
    copy_runs,
    in_matrix_order,
    multiply_in_parts,
)
from plugnet_convolution.geometry import Geometry
from plugnet_convolution.reference import windows

DENSE: Final = 1.2  # times as many pixels as outputs


class Im2Row(ConvAlgorithm):
    """The products for any geometry."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        height, width, channels = geometry.height, geometry.width, geometry.channels
        self._window = height.kernel * width.kernel * channels  # numbers
        # Whether the pixels along the image make longer runs to copy than those along the kernel.
        self._along_image = width.kernel * channels // geometry.groups < width.outputs

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y = windows(x) w + b."""
        height, width, groups, c, f = weight.shape
        # (height, width, groups, c, f) -> (groups, height * width * c, f)
        matrix = weight.transpose(2, 0, 1, 3, 4).reshape(groups, height * width * c, f)
        for block, rows in self._rows(image):
            multiply_in_parts(rows, matrix, self.as_matrices(out[block]))
            if bias is not None:
                out[block] += bias

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw = windows(x)^T dy."""
        height, width, groups, c, f = out.shape
        parts, step = self._division(c, f)
        shape = (groups, parts, height * width * c // parts, f)
        product = self.scratch.array("product", shape, out.dtype)
        # (groups, parts, height * width * c / parts, f) -> (height, width, groups, c, f)
        addend = product.reshape(groups, height, width, c, f).transpose(1, 2, 0, 3, 4)
        out.fill(0)
        for block, rows in self._rows(image):
            dy = self.as_matrices(outputs[block])
            # (groups, places, height * width * c) -> (groups, parts, ... / parts, places)
            columns = rows.reshape(groups, -1, *shape[1:3]).transpose(0, 2, 3, 1)
            for start in range(0, dy.shape[1], step):
                places = slice(start, start + step)
                np.matmul(columns[..., places], dy[:, np.newaxis, places], out=product)
                np.add(out, addend, out=out)

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx: to each pixel dy w^T of the outputs that saw it.

        Where the image is hardly larger than the outputs, this is the convolution of dy with the
        kernel turned by half a circle (Dumoulin and Visin 2016, chapter 4). Otherwise that would
        multiply many zeros; a small product for each position of the kernel is added up instead.
        """
        turned = in_matrix_order(weight[::-1, ::-1].swapaxes(3, 4), self.scratch)
        if self._is_dense():
            self._mirrored.convolve(outputs, turned, out)
            return
        out.fill(0)
        for block in self.blocks(len(out), out.shape[3]):
            dy = outputs[block]
            addend = self.scratch.array("addend", (*dy.shape[:3], out.shape[3]), out.dtype)
            for (i, j), seeing, pixels in self.overlaps(block):
                multiply_in_parts(self.as_matrices(dy), turned[~i, ~j], self.as_matrices(addend))
                dx = out[pixels]
                np.add(dx, addend[seeing], out=dx)

    @cached_property
    def _mirrored(self) -> Im2Row:
        return Im2Row(self.geometry.mirrored())

    def _is_dense(self) -> bool:
        """Return whether nearly all of the turned kernel covers outputs at nearly all pixels."""
        height, width = self.geometry.height, self.geometry.width
        reached = all(axis.stride == 1 and axis.before < axis.span for axis in (height, width))
        return reached and height.size * width.size <= DENSE * height.outputs * width.outputs

    def _division(self, c: int, f: int) -> tuple[int, int]:
        """Return into how many parts to divide the weight, and how many places to take at once.

        So the products for its gradient are small ones, see `multiply_in_parts`, yet each sums over
        enough places that adding up the products costs little.
        """
        height, width = self.geometry.height.kernel, self.geometry.width.kernel
        for parts in (1, height, height * width):
            step = SMALL * parts // (height * width * c * f)
            if step >= 192:
                return parts, step
        return 1, BLOCK

    def _rows(self, image: Array) -> Iterator[tuple[Block, Array]]:
        """Yield blocks of outputs, and for each the matrix of their windows in every group.

        The matrix is ``(groups, places, kernel height * kernel width * channels / groups)``.
        """
        image = self.split_groups(image)
        apart = self.geometry.groups > 1 or (self._along_image and image.shape[4] > 1)
        copies = self.geometry.has_padding or apart or not image.flags.c_contiguous
        padded = self._padded(image) if copies else image
        seen = windows(padded, self.geometry)
        for samples, rows in self.blocks(len(image), self._window):
            if copies:
                if rows.start == 0:
                    padded[: samples.stop - samples.start, *self.geometry.inside] = image[samples]
                found = seen[: samples.stop - samples.start, rows]
            else:
                found = seen[samples, rows]
            yield (samples, rows), self._as_matrix(found)

    def _as_matrix(self, found: Array) -> Array:
        """Copy windows, and return them as a matrix for each group."""
        count, height, width, groups, c, down, across = found.shape
        places, window = count * height * width, down * across * c
        matrix = self.scratch.array("matrix", (groups, places * window), found.dtype)
        if self._along_image:
            lines = matrix.reshape(groups, down, across, c, count, height, width)
            np.copyto(lines, found.transpose(3, 5, 6, 4, 0, 1, 2))
            # (groups, down, across, c, count, height, width) -> (groups, places, window)
            return lines.reshape(groups, window, places).swapaxes(1, 2)
        found = found.transpose(3, 0, 1, 2, 5, 6, 4)
        if self.geometry.width.dilation == 1:  # what the kernel covers of a row is one run
            found = found.reshape(groups, count, height, width, down, across * c)
        copy_runs(matrix.reshape(found.shape), found)
        # (groups, count, height, width, down, across, c) -> (groups, places, window)
        return matrix.reshape(groups, places, window)

    def _padded(self, image: Array) -> Array:
        """Return room for the padded images of one block; what is not filled in stays zero.

        In memory the groups come first, or all channels, so that the runs to copy lie in a row.
        """
        groups, c = image.shape[3:]
        samples, (height, width) = self.samples_at_once(self._window), self.geometry.padded
        if self._along_image:
            shape, axes = (groups, c, samples, height, width), (2, 3, 4, 0, 1)
        else:
            shape, axes = (groups, samples, height, width, c), (1, 2, 3, 0, 4)
        # -> (N, height, width, groups, c)
        return self.scratch.margined("padded", shape, image.dtype).transpose(axes)
