"""Convolution as matrix products: each window of the image becomes a row of a matrix, "im2row".

This is the way of Chellapilla, Puri and Simard 2006 and of Caffe (``im2col.cpp``,
``base_conv_layer.cpp``) with two changes. The matrix is made for a few samples at a time, so that
it stays in the cache, and made again for the kernel's gradient instead of kept: that is no slower
and saves kernel height * kernel width times the image. And the image's gradient is added up from
a small product for each position of the kernel, which needs no such matrix at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet_convolution.products import Block, Products
from plugnet_convolution.windows import Geometry


class Im2Row(Products):
    """The products for any geometry."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self._place = geometry.height.kernel * geometry.width.kernel * geometry.channels
        self._padded: Array | None = None
        self._matrix: Array | None = None
        self._part: Array | None = None
        self._addend: Array | None = None

    def outputs(self, image: Array, kernel: Array, out: Array) -> None:
        """Write y = windows(x) w."""
        height, width, groups, c, f = kernel.shape
        # (height, width, groups, c, f) -> (groups, height * width * c, f)
        matrix = kernel.transpose(2, 0, 1, 3, 4).reshape(groups, height * width * c, f)
        for block, rows in self._rows(image):
            np.matmul(rows, matrix, out=self.grouped(out[block]))

    def kernel_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw = windows(x)^T dy."""
        height, width, groups, c, f = out.shape
        part = self._part = reuse(self._part, out, (groups, height * width * c, f))
        # (groups, height * width * c, f) -> (height, width, groups, c, f)
        addend = part.reshape(groups, height, width, c, f).transpose(1, 2, 0, 3, 4)
        out.fill(0)
        for block, rows in self._rows(image):
            np.matmul(rows.swapaxes(1, 2), self.grouped(outputs[block]), out=part)
            np.add(out, addend, out=out)

    def image_gradient(self, outputs: Array, kernel: Array, out: Array) -> None:
        """Write dx: from each position of the kernel, dy w^T is added to the pixels it met."""
        channels = out.shape[-1]
        self._addend = reuse(self._addend, out, (self.block_size(channels),))
        out.fill(0)
        for block in self.blocks(len(out), channels):
            dy = outputs[block]
            shape = (*dy.shape[:3], channels)
            addend = self._addend[: math.prod(shape)].reshape(shape)
            for position, met, pixels in self.meetings(block):
                transposed = kernel[position].swapaxes(1, 2)
                np.matmul(self.grouped(dy), transposed, out=self.grouped(addend))
                dx = out[pixels]
                np.add(dx, addend[met], out=dx)

    def _rows(self, image: Array) -> Iterator[tuple[Block, Array]]:
        """Yield blocks of outputs, and for each the matrix of their windows in every group.

        The matrix is ``(groups, places, kernel height * kernel width * channels / groups)``.
        """
        groups = self.geometry.groups
        self._matrix = reuse(self._matrix, image, (self.block_size(self._place),))
        # (N, height, width, channels) -> (N, height, width, groups, channels / groups)
        image = image.reshape(*image.shape[:3], groups, image.shape[3] // groups)
        copied = self._room(image) if self.geometry.padding or groups > 1 else None
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
        if groups == c == 1:  # runs along the image are longer than those along the kernel
            lines = held.reshape(down, along, count, height, width)
            np.copyto(lines, windows[0, ..., 0].transpose(3, 4, 0, 1, 2))
            # (down, along, count, height, width) -> (1, places, down * along)
            return lines.reshape(1, down * along, count * height * width).swapaxes(1, 2)
        lines = held.reshape(windows.shape)
        np.copyto(lines, windows)
        # (groups, count, height, width, down, along, c) -> (groups, places, down * along * c)
        return lines.reshape(groups, count * height * width, down * along * c)

    def _room(self, image: Array) -> Array:
        """Return room for the padded images of one block; what is not filled in stays zero.

        In memory the groups come first, so that each has the pixels of a row next to each other.
        """
        groups, c = image.shape[3:]
        shape = (groups, self.samples_at_once(self._place), *self.geometry.padded, c)
        room = reuse(self._padded, image, shape)
        if room is not self._padded:
            room.fill(0)
        self._padded = room
        # (groups, N, height, width, c) -> (N, height, width, groups, c)
        return np.moveaxis(room, 0, 3)

    def _fill(self, room: Array, image: Array) -> None:
        height, width = self.geometry.height, self.geometry.width
        down = slice(height.before, height.before + height.size)
        along = slice(width.before, width.before + width.size)
        room[: len(image), down, along] = image
