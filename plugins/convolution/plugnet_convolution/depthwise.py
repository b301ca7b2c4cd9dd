"""Convolution of each channel by itself: products elementwise, as the matrices would be thin."""

from __future__ import annotations

import math

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet_convolution.products import Products
from plugnet_convolution.windows import Geometry


class Depthwise(Products):
    """The products where every channel of the image is a group, with one or more filters.

    Each position of the kernel is one elementwise product for all channels; pixels out of the
    image are left out, so nothing is padded.
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self._addend: Array | None = None
        self._tiled: Array | None = None
        self._ones: Array | None = None

    def outputs(self, image: Array, kernel: Array, out: Array, bias: Array | None = None) -> None:
        """Write y: at each position of the kernel, x w is added to the outputs that meet x."""
        tiled = self._tile(kernel)
        out[...] = 0 if bias is None else bias
        for block in self.blocks(len(image), self.geometry.channels):
            for position, met, pixels in self.meetings(block):
                x = image[pixels]
                for filtered, w in zip(self._filters(out[block]), tiled[position], strict=True):
                    y = filtered[met]
                    np.add(y, self._multiply(x, w[: x.shape[2]]), out=y)

    def image_gradient(self, outputs: Array, kernel: Array, out: Array) -> None:
        """Write dx: from each position of the kernel, dy w is added to the pixels it met."""
        tiled = self._tile(kernel)
        out.fill(0)
        for block in self.blocks(len(out), self.geometry.channels):
            for position, met, pixels in self.meetings(block):
                dx = out[pixels]
                for dy, w in zip(self._filters(outputs[block]), tiled[position], strict=True):
                    np.add(dx, self._multiply(dy[met], w[: dx.shape[2]]), out=dx)

    def kernel_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw: for each position of the kernel, the sum of x dy over all places."""
        out.fill(0)
        for block in self.blocks(len(image), self.geometry.channels):
            for position, met, pixels in self.meetings(block):
                x = image[pixels]
                # (channels, 1, filters) -> (filters, channels)
                grads = out[position][:, 0].T
                for dy, grad in zip(self._filters(outputs[block]), grads, strict=True):
                    grad += self._sum(self._multiply(x, dy[met]))

    def _filters(self, outputs: Array) -> Array:
        """Return outputs as ``(filters / groups, N, height, width, channels)``."""
        channels = self.geometry.channels
        # (N, height, width, channels * filters) -> (..., channels, filters) -> filters first
        split = outputs.reshape(*outputs.shape[:3], channels, outputs.shape[3] // channels)
        return np.moveaxis(split, 4, 0)

    def _tile(self, kernel: Array) -> Array:
        """Return ``(height, width, filters / groups, output width, channels)``.

        The kernel is repeated along a row of outputs, as NumPy multiplies long rows faster than
        it broadcasts short ones.
        """
        height, width, channels, _, filters = kernel.shape
        shape = (height, width, filters, self.geometry.width.outputs, channels)
        self._tiled = reuse(self._tiled, kernel, shape)
        # (height, width, channels, 1, filters) -> (height, width, filters, 1, channels)
        np.copyto(self._tiled, kernel.transpose(0, 1, 4, 3, 2))
        return self._tiled

    def _multiply(self, a: Array, b: Array) -> Array:
        """Return a * b in an array that the next call overwrites."""
        self._addend = reuse(self._addend, a, (self.block_size(self.geometry.channels),))
        addend = self._addend[: a.size].reshape(a.shape)
        return np.multiply(a, b, out=addend)

    def _sum(self, product: Array) -> Array:
        """Return the sum over all places, ``(channels,)``; a product is faster than np.sum."""
        places = math.prod(product.shape[:3])
        if self._ones is None or self._ones.dtype != product.dtype:
            self._ones = np.ones_like(product, shape=self.block_size(1))
        # (N, height, width, channels) -> (places, channels)
        sums: Array = np.matmul(self._ones[:places], product.reshape(places, product.shape[3]))
        return sums
