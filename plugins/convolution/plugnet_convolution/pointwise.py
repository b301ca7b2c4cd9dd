"""A kernel of one position that meets each pixel once: plain matrix products, nothing copied."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array
from plugnet_convolution.products import Products, multiply


class Pointwise(Products):
    """The products of a 1 x 1 kernel with stride 1 and no padding."""

    def outputs(self, image: Array, kernel: Array, out: Array, bias: Array | None = None) -> None:
        """Write y = x w + b."""
        multiply(self.grouped(image), kernel[0, 0], self.grouped(out))
        if bias is not None:
            out += bias

    def image_gradient(self, outputs: Array, kernel: Array, out: Array) -> None:
        """Write dx = dy w^T."""
        multiply(self.grouped(outputs), kernel[0, 0].swapaxes(1, 2), self.grouped(out))

    def kernel_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw = x^T dy."""
        np.matmul(self.grouped(image).swapaxes(1, 2), self.grouped(outputs), out=out[0, 0])
