"""A 1 x 1 kernel that sees each pixel once: plain matrix products, nothing copied."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array
from plugnet_convolution.algorithm import ConvAlgorithm, matmul_in_parts
from plugnet_convolution.geometry import Geometry


class Pointwise(ConvAlgorithm):
    """The products of a 1 x 1 kernel with stride 1 and no padding."""

    @staticmethod
    def suits(geometry: Geometry) -> bool:
        """Return whether it can compute a geometry."""
        return not geometry.has_padding and all(
            axis.kernel_size == axis.stride == 1 and axis.image_size == axis.output_size
            for axis in (geometry.height, geometry.width)
        )

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y = x w + b."""
        matmul_in_parts(self.as_matrices(image), weight[0, 0], self.as_matrices(out))
        if bias is not None:
            out += bias

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw = x^T dy."""
        np.matmul(self.as_matrices(image).swapaxes(1, 2), self.as_matrices(outputs), out=out[0, 0])

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx = dy w^T."""
        transposed = weight[0, 0].swapaxes(1, 2)
        matmul_in_parts(self.as_matrices(outputs), transposed, self.as_matrices(out))
