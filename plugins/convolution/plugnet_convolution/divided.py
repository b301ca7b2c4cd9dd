"""The products of a batch in several threads, each for some of the samples."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from plugnet.arrays import Array, reuse
from plugnet.parallel import divide, run
from plugnet_convolution.products import Products
from plugnet_convolution.windows import Geometry


class Divided(Products):
    """Another way's products, computed by as many objects of it as there are threads."""

    def __init__(self, way: type[Products], geometry: Geometry) -> None:
        super().__init__(geometry)
        self._way = way
        self._ways: list[Products] = []
        self._gradients: Array | None = None
        height, width = geometry.height, geometry.width
        places = height.outputs * width.outputs
        inputs = geometry.channels // geometry.groups
        self._kernel = height.kernel * width.kernel * inputs * geometry.filters
        # of one sample: numbers of image and outputs, and multiplications
        self._numbers = height.size * width.size * geometry.channels + places * geometry.filters
        self._work = places * self._kernel

    def outputs(self, image: Array, kernel: Array, out: Array, bias: Array | None = None) -> None:
        """Write the outputs, each thread those of its samples."""
        run(
            [
                partial(way.outputs, image[part], kernel, out[part], bias)
                for way, part in self._parts(len(image))
            ]
        )

    def image_gradient(self, outputs: Array, kernel: Array, out: Array) -> None:
        """Write the image's gradient, each thread that of its samples."""
        run(
            [
                partial(way.image_gradient, outputs[part], kernel, out[part])
                for way, part in self._parts(len(out))
            ]
        )

    def kernel_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write the sum of the kernel's gradients that the threads have computed."""
        parts = list(self._parts(len(image)))
        others = self._gradients = reuse(self._gradients, out, (len(parts) - 1, *out.shape))
        run(
            [
                partial(way.kernel_gradient, image[part], outputs[part], gradient)
                for (way, part), gradient in zip(parts, [out, *others], strict=True)
            ]
        )
        for gradient in others:
            np.add(out, gradient, out=out)

    def _parts(self, count: int) -> Iterator[tuple[Products, slice]]:
        """Yield samples of ``count`` for each thread, and what computes their products.

        No thread has less of the images than there is of the kernel: it keeps arrays for both.
        """
        most = count * self._numbers // self._kernel
        for number, part in enumerate(divide(count, count * self._work, most=most)):
            if number == len(self._ways):
                self._ways.append(self._way(self.geometry))
            yield self._ways[number], part
