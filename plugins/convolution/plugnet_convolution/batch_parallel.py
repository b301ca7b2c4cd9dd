"""A batch's convolution in several threads, each of which computes that of some samples."""

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
    """Return the algorithm that suits a geometry best."""
    if Pointwise.suits(geometry):
        return Pointwise
    if Depthwise.suits(geometry):
        return Depthwise
    return Winograd if Winograd.suits(geometry) else Im2Row


class BatchParallel:
    """The three products of a geometry, by the algorithm that suits it, an object for each thread.

    Shapes are as in `ConvAlgorithm`. Where ``out`` is None a new array is returned.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self._kind = select_algorithm(geometry)
        self._algorithms: list[ConvAlgorithm] = []
        self._scratch = Scratch()
        places = geometry.height.outputs * geometry.width.outputs
        window = geometry.height.kernel * geometry.width.kernel * geometry.channels
        self._weight_size = window // geometry.groups * geometry.filters
        # of one sample: numbers of image and outputs, and multiplications
        self._numbers = math.prod(geometry.image_shape) + math.prod(geometry.output_shape)
        self._work = places * self._weight_size

    def convolve(
        self, image: Array, weight: Array, bias: Array | None = None, out: Array | None = None
    ) -> Array:
        """Return the outputs: the pixels that the kernel covers, times the weight, plus the bias.

        The bias is ``(filters,)``.
        """
        if out is None:
            out = np.empty((len(image), *self.geometry.output_shape), image.dtype)
        if weight.strides[4] != weight.itemsize:  # or each product would copy it
            weight = in_matrix_order(weight, self._scratch)
        # (filters,) -> (output width, filters): NumPy adds long rows faster than short ones
        row = None if bias is None else np.tile(bias, (self.geometry.width.outputs, 1))
        parallel_call(
            [
                partial(algorithm.convolve, image[part], weight, out[part], row)
                for algorithm, part in self._parts(len(image))
            ]
        )
        return out

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write the sum of the weight's gradients that the threads have computed."""
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
        """Return the image's gradient: the outputs that saw a pixel, times the weight, summed."""
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
        """Yield samples of ``count`` for each thread, and what computes their products.

        No thread has less of the images than there is of the weight: it keeps arrays for both.
        """
        most = count * self._numbers // self._weight_size
        for number, part in enumerate(split(count, count * self._work, max_parts=most)):
            if number == len(self._algorithms):
                self._algorithms.append(self._kind(self.geometry))
            yield self._algorithms[number], part
