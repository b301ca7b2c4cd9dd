"""What a convolution computes, as plainly as can be. Read it first: the rest computes the same.

All three products go over the same windows: the pixels that the kernel covers at each place. The
other algorithms only save time, and are tested against this one.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from plugnet.arrays import Array
from plugnet_convolution.algorithm import ConvAlgorithm
from plugnet_convolution.geometry import Geometry

# Axes: n samples, p and q the place of an output, g groups, c channels and f filters of a group, i
# and j the position within the kernel.


class Reference(ConvAlgorithm):
    """The products for any geometry, slowly."""

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y: at each place, the pixels of its window times the weight, plus the bias."""
        x = windows(self._padded(image), self.geometry)
        y = np.einsum("npqgcij,ijgcf->npqgf", x, weight)
        out[...] = y.reshape(out.shape)  # (N, height, width, groups, f) -> (..., filters)
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
        out[...] = padded[:, *self.geometry.inside].reshape(out.shape)

    def _padded(self, image: Array) -> Array:
        split = self.split_groups(image)
        padded = np.zeros((len(image), *self.geometry.padded, *split.shape[3:]), image.dtype)
        padded[:, *self.geometry.inside] = split
        return padded


def windows(padded: Array, geometry: Geometry) -> Array:
    """Return the pixels that the kernel covers at each place, as a view.

    Args:
        padded: padded images ``(N, height, width, groups, c)``.
        geometry: how the kernel moves over them.

    Returns:
        ``(N, output height, output width, groups, c, kernel height, kernel width)``.
    """
    height, width = geometry.height, geometry.width
    view = sliding_window_view(padded, (height.span, width.span), axis=(1, 2), writeable=True)
    view = view[:, :: height.stride, :: width.stride, ..., :: height.dilation, :: width.dilation]
    return view[:, : height.outputs, : width.outputs]
