"""The convolution of a batch in several threads, each of which takes some of the samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from plugnet.arrays import Array
from plugnet.parallel import parallel_call, split
from plugnet_convolution.algorithm import ConvAlgorithm, in_matrix_order
from plugnet_convolution.depthwise import Depthwise
from plugnet_convolution.geometry import Geometry
from plugnet_convolution.im2row import Im2Row
from plugnet_convolution.pointwise import Pointwise
from plugnet_convolution.scratch import Scratch
from plugnet_convolution.winograd import Winograd


def select_algorithm(geometry: Geometry) -> type[ConvAlgorithm]:
    """Return the fastest algorithm for a geometry."""
    if Pointwise.suits(geometry):
        return Pointwise
    if Depthwise.suits(geometry):
        return Depthwise
    return Winograd if Winograd.suits(geometry) else Im2Row


class BatchParallel:
    """The three products of a geometry, with one object of the selected algorithm per thread.

    Shapes are as in `ConvAlgorithm`. Where ``out`` is None a new array is returned.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self._algorithm = select_algorithm(geometry)
        self._per_thread: list[ConvAlgorithm] = []
        self._scratch = Scratch()
        kernel_size = geometry.height.kernel_size * geometry.width.kernel_size
        self._weight_size = kernel_size * geometry.channels // geometry.groups * geometry.filters
        self._sample_size = math.prod(geometry.image_shape) + math.prod(geometry.output_shape)
        positions = geometry.height.output_size * geometry.width.output_size
        self._sample_multiplications = positions * self._weight_size

    def convolve(
        self, image: Array, weight: Array, bias: Array | None = None, out: Array | None = None
    ) -> Array:
        """Return the outputs: the pixels under the kernel times the weight, plus the bias.

        The bias is ``(filters,)``.
        """
        if out is None:
            out = np.empty((len(image), *self.geometry.output_shape), image.dtype)
        if weight.strides[4] != weight.itemsize:  # or each product would copy it
            weight = in_matrix_order(weight, self._scratch)
        # (filters,) -> (output width, filters): NumPy adds long rows faster than short ones
        row = None if bias is None else np.tile(bias, (self.geometry.width.output_size, 1))
        parallel_call(
            [
                partial(algorithm.convolve, image[part], weight, out[part], row)
                for algorithm, part in self._parts(len(image))
            ]
        )
        return out

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write the weight's gradient: the sum of those that the threads compute."""
        parts = list(self._parts(len(image)))
        others = self._scratch.array("gradients", (len(parts) - 1, *out.shape), out.dtype)
        parallel_call(
            [
                partial(algorithm.weight_gradient, image[part], outputs[part], gradient)
                for (algorithm, part), gradient in zip(parts, [out, *others], strict=True)
            ]
        )
        for gradient in others:
            np.add(out, gradient, out=out)

    def image_gradient(self, outputs: Array, weight: Array, out: Array | None = None) -> Array:
        """Return the image's gradient: the outputs that saw a pixel times the weight, summed."""
        if out is None:
            out = np.empty((len(outputs), *self.geometry.image_shape), outputs.dtype)
        parallel_call(
            [
                partial(algorithm.image_gradient, outputs[part], weight, out[part])
                for algorithm, part in self._parts(len(outputs))
            ]
        )
        return out

    def _parts(self, count: int) -> Iterator[tuple[ConvAlgorithm, slice]]:
        """Yield an algorithm and a slice of ``count`` samples for each thread.

        Each algorithm keeps arrays as large as the weight, so a thread gets at least that many
        elements of images and outputs.
        """
        most = count * self._sample_size // self._weight_size
        parts = split(count, count * self._sample_multiplications, max_parts=most)
        while len(self._per_thread) < len(parts):
            self._per_thread.append(self._algorithm(self.geometry))
        return zip(self._per_thread, parts, strict=False)
