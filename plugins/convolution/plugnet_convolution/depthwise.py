"""Convolution of each channel by itself: products elementwise, as the matrices would be thin."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array, sum_rows
from plugnet_convolution.algorithm import ConvAlgorithm
from plugnet_convolution.geometry import Geometry


class Depthwise(ConvAlgorithm):
    """The products where every channel of the image is a group, with one or more filters.

    Each position of the kernel is one elementwise product for all channels; pixels out of the
    image are left out, so nothing is padded.
    """

    @staticmethod
    def suits(geometry: Geometry) -> bool:
        """Return whether it can compute, and pays for, a geometry."""
        return geometry.groups == geometry.channels > 1

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y: at each position of the kernel, x w is added to the outputs that see x."""
        tiled = self._tile(weight)
        out[...] = 0 if bias is None else bias
        for block in self.blocks(len(image), self.geometry.channels):
            room = self._room(out[block])
            for position, seeing, pixels in self.overlaps(block):
                x = image[pixels]
                for filtered, w in zip(self._filters(out[block]), tiled[position], strict=True):
                    y = filtered[seeing]
                    np.add(y, _multiply(x, w[: x.shape[2]], room), out=y)

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw: for each position of the kernel, the sum of x dy over all places."""
        out.fill(0)
        for block in self.blocks(len(image), self.geometry.channels):
            room = self._room(outputs[block])
            for position, seeing, pixels in self.overlaps(block):
                x = image[pixels]
                # (channels, 1, filters) -> (filters, channels)
                grads = out[position][:, 0].T
                for dy, grad in zip(self._filters(outputs[block]), grads, strict=True):
                    product = _multiply(x, dy[seeing], room)
                    # (N, height, width, channels) -> (places, channels)
                    grad += sum_rows(product.reshape(product.size // len(grad), len(grad)))

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx: from each position of the kernel, dy w is added to the pixels seen there."""
        tiled = self._tile(weight)
        out.fill(0)
        for block in self.blocks(len(out), self.geometry.channels):
            room = self._room(outputs[block])
            for position, seeing, pixels in self.overlaps(block):
                dx = out[pixels]
                for dy, w in zip(self._filters(outputs[block]), tiled[position], strict=True):
                    np.add(dx, _multiply(dy[seeing], w[: dx.shape[2]], room), out=dx)

    def _filters(self, outputs: Array) -> Array:
        """Return outputs as ``(filters / groups, N, height, width, channels)``."""
        channels = self.geometry.channels
        # (N, height, width, channels * filters) -> (..., channels, filters) -> filters first
        split = outputs.reshape(*outputs.shape[:3], channels, outputs.shape[3] // channels)
        return np.moveaxis(split, 4, 0)

    def _tile(self, weight: Array) -> Array:
        """Return ``(height, width, filters / groups, output width, channels)``.

        The weight is repeated along a row of outputs, as NumPy multiplies long rows faster than it
        broadcasts short ones.
        """
        height, width, channels, _, filters = weight.shape
        shape = (height, width, filters, self.geometry.width.outputs, channels)
        tiled = self.scratch.array("tiled", shape, weight.dtype)
        # (height, width, channels, 1, filters) -> (height, width, filters, 1, channels)
        np.copyto(tiled, weight.transpose(0, 1, 4, 3, 2))
        return tiled

    def _room(self, outputs: Array) -> Array:
        """Return room for a block's products with one filter for each channel."""
        shape = (*outputs.shape[:3], self.geometry.channels)
        return self.scratch.array("product", shape, outputs.dtype)


def _multiply(a: Array, b: Array, room: Array) -> Array:
    """Return a * b, written without gaps to the beginning of ``room``."""
    return np.multiply(a, b, out=room.reshape(-1)[: a.size].reshape(a.shape))
