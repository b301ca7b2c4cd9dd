"""What a convolution computes, in the plainest way. Read it first: the rest computes the same.

All three products go over the same windows: the pixels under the kernel at each position. The other
algorithms only save time, and are tested against this one.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from plugnet.arrays import Array
from plugnet_convolution.algorithm import ConvAlgorithm
from plugnet_convolution.geometry import Geometry

# Axes: n samples, p and q the position of an output, g groups, c channels and f filters of a group,
# i and j the position within the kernel.


class Reference(ConvAlgorithm):
    """The products for any geometry, slowly."""

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y: at each position, the pixels of its window times the weight, plus the bias."""
        x = windows(self._padded(image), self.geometry)
        y = np.einsum("npqgcij,ijgcf->npqgf", x, weight)
        # (N, height, width, groups, f) -> (N, height, width, filters)
        out[...] = y.reshape(out.shape)
        if bias is not None:
            out += bias

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw: the pixels of all windows times dy."""
        x = windows(self._padded(image), self.geometry)
        np.einsum("npqgcij,npqgf->ijgcf", x, self.split_groups(outputs), out=out)

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx: to the pixels of each window, dy times the weight is added."""
        padded = self._padded(np.zeros_like(out))
        dx = windows(padded, self.geometry)  # a view: what is added here is added to the pixels
        for i, j in np.ndindex(weight.shape[:2]):
            dx[..., i, j] += np.einsum("npqgf,gcf->npqgc", self.split_groups(outputs), weight[i, j])
        # (N, height, width, groups, c) -> (N, height, width, channels)
        out[...] = padded[:, *self.geometry.interior].reshape(out.shape)

    def _padded(self, image: Array) -> Array:
        """Return padded images, ``(N, padded height, padded width, groups, c)``."""
        split = self.split_groups(image)
        padded = np.zeros((len(image), *self.geometry.padded_size, *split.shape[3:]), image.dtype)
        padded[:, *self.geometry.interior] = split
        return padded


def windows(padded: Array, geometry: Geometry) -> Array:
    """Return a view of the pixels under the kernel at each position.

    Args:
        padded: padded images, ``(N, height, width, groups, c)``.
        geometry: how the kernel moves over them.

    Returns:
        ``(N, output height, output width, groups, c, kernel height, kernel width)``.
    """
    height, width = geometry.height, geometry.width
    extent = height.kernel_extent, width.kernel_extent
    view = sliding_window_view(padded, extent, axis=(1, 2), writeable=True)
    view = view[:, :: height.stride, :: width.stride, ..., :: height.dilation, :: width.dilation]
    return view[:, : height.output_size, : width.output_size]
