"""Convolution as matrix products: each window of the image becomes a row of a matrix, "im2row".

This is the way of Chellapilla, Puri and Simard 2006 and of Caffe (``im2col.cpp``,
``base_conv_layer.cpp``) with two changes. The matrix is made for a few samples at a time, so that
it stays in the cache, and made again for the kernel's gradient instead of kept: that is no slower
and saves kernel height * kernel width times the image. And Caffe's ``col2im``, which adds up the
image's gradient from a matrix as large, is not needed: see `Im2Row.image_gradient`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet_convolution.products import BLOCK, SMALL, Block, Products, multiply
from plugnet_convolution.windows import Geometry

DENSE: Final = 1.2  # times as many pixels as outputs


class Im2Row(Products):
    """The products for any geometry."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        height, width, channels = geometry.height, geometry.width, geometry.channels
        self._place = height.kernel * width.kernel * channels
        # Whether the pixels along the image make longer runs to copy than those along the kernel.
        self._lines = width.kernel * channels // geometry.groups < width.outputs
        self._mirrored: Im2Row | None = None
        self._padded: Array | None = None
        self._matrix: Array | None = None
        self._part: Array | None = None
        self._turned: Array | None = None
        self._addend: Array | None = None

    def outputs(self, image: Array, kernel: Array, out: Array, bias: Array | None = None) -> None:
        """Write y = windows(x) w + b."""
        height, width, groups, c, f = kernel.shape
        # (height, width, groups, c, f) -> (groups, height * width * c, f)
        matrix = kernel.transpose(2, 0, 1, 3, 4).reshape(groups, height * width * c, f)
        for block, rows in self._rows(image):
            multiply(rows, matrix, self.grouped(out[block]))
            if bias is not None:
                out[block] += bias

    def kernel_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw = windows(x)^T dy."""
        height, width, groups, c, f = out.shape
        parts, step = self._division(c, f)
        shape = (groups, parts, height * width * c // parts, f)
        part = self._part = reuse(self._part, out, shape)
        # (groups, parts, height * width * c / parts, f) -> (height, width, groups, c, f)
        addend = part.reshape(groups, height, width, c, f).transpose(1, 2, 0, 3, 4)
        out.fill(0)
        for block, rows in self._rows(image):
            dy = self.grouped(outputs[block])
            # (groups, places, height * width * c) -> (groups, parts, ... / parts, places)
            columns = rows.reshape(groups, -1, *shape[1:3]).transpose(0, 2, 3, 1)
            for start in range(0, dy.shape[1], step):
                places = slice(start, start + step)
                np.matmul(columns[..., places], dy[:, np.newaxis, places], out=part)
                np.add(out, addend, out=out)

    def _division(self, c: int, f: int) -> tuple[int, int]:
        """Return into how many parts to divide the kernel, and how many places to take at once.

        So the products for its gradient are small ones, see `multiply`, yet each adds up so many
        places that adding the products themselves costs little.
        """
        height, width = self.geometry.height.kernel, self.geometry.width.kernel
        for parts in (1, height, height * width):
            step = SMALL * parts // (height * width * c * f)
            if step >= 192:
                return parts, step
        return 1, BLOCK

    def image_gradient(self, outputs: Array, kernel: Array, out: Array) -> None:
        """Write dx: to each pixel dy w^T of the places that met it.

        Where the image is hardly larger than the outputs, this is the convolution of dy with the
        kernel turned by half a circle (Dumoulin and Visin 2016, chapter 4). Otherwise that would
        multiply many zeros; a small product for each position of the kernel is added up instead.
        """
        height, width, groups, c, f = kernel.shape
        turned = self._turned = reuse(self._turned, kernel, (height, width, groups, f, c))
        np.copyto(turned, kernel[::-1, ::-1].swapaxes(3, 4))
        if self._dense():
            if self._mirrored is None:
                self._mirrored = Im2Row(self.geometry.mirrored())
            self._mirrored.outputs(outputs, turned, out)
            return
        channels = out.shape[3]
        self._addend = reuse(self._addend, out, (self.block_size(channels),))
        out.fill(0)
        for block in self.blocks(len(out), channels):
            shape = (*outputs[block].shape[:3], channels)
            addend = self._addend[: math.prod(shape)].reshape(shape)
            dy, product = self.grouped(outputs[block]), self.grouped(addend)
            for (i, j), met, pixels in self.meetings(block):
                multiply(dy, turned[~i, ~j], product)
                dx = out[pixels]
                np.add(dx, addend[met], out=dx)

    def _dense(self) -> bool:
        """Return whether nearly all of the turned kernel meets outputs at nearly all pixels."""
        height, width = self.geometry.height, self.geometry.width
        reached = all(axis.stride == 1 and axis.before < axis.span for axis in (height, width))
        return reached and height.size * width.size <= DENSE * height.outputs * width.outputs

    def _rows(self, image: Array) -> Iterator[tuple[Block, Array]]:
        """Yield blocks of outputs, and for each the matrix of their windows in every group.

        The matrix is ``(groups, places, kernel height * kernel width * channels / groups)``.
        """
        groups = self.geometry.groups
        self._matrix = reuse(self._matrix, image, (self.block_size(self._place),))
        # (N, height, width, channels) -> (N, height, width, groups, channels / groups)
        image = image.reshape(*image.shape[:3], groups, image.shape[3] // groups)
        apart = groups > 1 or (self._lines and image.shape[4] > 1) or not image.flags.c_contiguous
        copied = self._room(image) if self.geometry.padding or apart else None
        windows = self.geometry.windows(image if copied is None else copied)
        for samples, rows in self.blocks(len(image), self._place):
            if copied is None:
                met = windows[:, samples, rows]
            else:
                if rows.start == 0:
                    self._fill(copied, image[samples])
                met = windows[:, : samples.stop - samples.start, rows]
            yield (samples, rows), self._as_matrix(met, self._matrix[: met.size])

    def _as_matrix(self, windows: Array, held: Array) -> Array:
        """Copy windows to the flat array ``held`` and return it as a matrix for each group."""
        groups, count, height, width, down, along, c = windows.shape
        places, place = count * height * width, down * along * c
        if self._lines:
            lines = held.reshape(groups, down, along, c, count, height, width)
            np.copyto(lines, windows.transpose(0, 4, 5, 6, 1, 2, 3))
            # (groups, down, along, c, count, height, width) -> (groups, places, place)
            return lines.reshape(groups, place, places).swapaxes(1, 2)
        if self.geometry.width.dilation == 1:  # what the kernel meets of a row is one run
            windows = windows.reshape(*windows.shape[:5], along * c)
        # Runs are copied fastest as single items of a type that NumPy knows nothing about.
        run = np.dtype((np.void, windows.shape[-1] * windows.itemsize))
        np.copyto(held.reshape(windows.shape).view(run), windows.view(run))
        # (groups, count, height, width, down, along, c) -> (groups, places, place)
        return held.reshape(groups, places, place)

    def _room(self, image: Array) -> Array:
        """Return room for the padded images of one block; what is not filled in stays zero.

        In memory the groups come first, or all channels, so that the runs to copy lie in a row.
        """
        groups, c = image.shape[3:]
        samples, (height, width) = self.samples_at_once(self._place), self.geometry.padded
        if self._lines:
            shape, axes = (groups, c, samples, height, width), (2, 3, 4, 0, 1)
        else:
            shape, axes = (groups, samples, height, width, c), (1, 2, 3, 0, 4)
        room = reuse(self._padded, image, shape)
        if room is not self._padded:
            room.fill(0)
        self._padded = room
        return room.transpose(axes)  # -> (N, height, width, groups, c)

    def _fill(self, room: Array, image: Array) -> None:
        height, width = self.geometry.height, self.geometry.width
        down = slice(height.before, height.before + height.size)
        along = slice(width.before, width.before + width.size)
        room[: len(image), down, along] = image
