"""Convolution of each channel on its own: elementwise products, not thin matrices."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array, sum_rows
from plugnet_convolution.algorithm import ConvAlgorithm
from plugnet_convolution.geometry import Geometry


class Depthwise(ConvAlgorithm):
    """The products where every channel of the image is a group, with one or more filters.

    Each position of the kernel is one elementwise product for all channels. Pixels outside the
    image are left out, so nothing is padded.
    """

    @staticmethod
    def suits(geometry: Geometry) -> bool:
        """Return whether it can compute a geometry."""
        return geometry.groups == geometry.channels > 1

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y: at each position of the kernel, x w is added to the outputs that see x."""
        tiled = self._tile(weight)
        out[...] = 0 if bias is None else bias
        for block in self.blocks(len(image), self.geometry.channels):
            filtered = self._filters(out[block])
            for position, seeing, pixels in self.geometry.overlaps(block):
                x = image[pixels]
                for each, w in zip(filtered, tiled[position], strict=True):
                    y = each[seeing]
                    np.add(y, self._multiply(x, w[: x.shape[2]]), out=y)

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw: for each position of the kernel, the sum of x dy over all outputs."""
        out.fill(0)
        for block in self.blocks(len(image), self.geometry.channels):
            filtered = self._filters(outputs[block])
            for position, seeing, pixels in self.geometry.overlaps(block):
                x = image[pixels]
                # (channels, 1, filters / groups) -> (filters / groups, channels)
                dw = out[position][:, 0].T
                for dy, grad in zip(filtered, dw, strict=True):
                    product = self._multiply(x, dy[seeing])
                    # (N, height, width, channels) -> (positions, channels)
                    grad += sum_rows(product.reshape(product.size // len(grad), len(grad)))

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx: at each position of the kernel, dy w is added to the pixels seen there."""
        tiled = self._tile(weight)
        out.fill(0)
        for block in self.blocks(len(out), self.geometry.channels):
            filtered = self._filters(outputs[block])
            for position, seeing, pixels in self.geometry.overlaps(block):
                dx = out[pixels]
                for dy, w in zip(filtered, tiled[position], strict=True):
                    np.add(dx, self._multiply(dy[seeing], w[: dx.shape[2]]), out=dx)

    def _filters(self, outputs: Array) -> Array:
        """Return outputs as ``(filters / groups, N, height, width, channels)``."""
        # (N, height, width, channels, filters / groups) -> the filters first
        return np.moveaxis(self.split_groups(outputs), 4, 0)

    def _tile(self, weight: Array) -> Array:
        """Return ``(height, width, filters / groups, output width, channels)``.

        The weight is repeated along a row of outputs, because NumPy multiplies long rows faster
        than it broadcasts short ones.
        """
        height, width, channels, _, f = weight.shape
        shape = (height, width, f, self.geometry.width.output_size, channels)
        tiled = self.scratch.array("tiled", shape, weight.dtype)
        # (height, width, channels, 1, f) -> (height, width, f, 1, channels)
        np.copyto(tiled, weight.transpose(0, 1, 4, 3, 2))
        return tiled

    def _multiply(self, a: Array, b: Array) -> Array:
        """Return a * b, of the shape of a, in an array for intermediate results."""
        return np.multiply(a, b, out=self.scratch.array("product", a.shape, a.dtype))
