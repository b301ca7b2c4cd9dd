"""Average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arguments import flag
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet_pooling.gathering import Gathering, as_items
from plugnet_pooling.windows import Windows


class _Means:
    """What a batch is averaged with.

    Attributes:
        gathering: what any batch is pooled with.
        weights: one over the size of each window, for the windows of one sample.
    """

    def __init__(
        self, windows: Windows, shape: Shape, dtype: np.dtype[Any], count_include_pad: bool
    ) -> None:
        self.gathering = Gathering(windows, shape, dtype)
        sizes = windows.sizes(shape[1:], count_include_pad)
        weights = np.reciprocal(sizes, dtype=dtype)[:, :, np.newaxis]
        self.weights = weights.repeat(shape[3], axis=2)  # twice as fast as broadcasting


class AveragePool(Layer):
    """y = the mean of each window, per channel.

    `plugnet_pooling.reference` has the same in plain NumPy.
    """

    _means: _Means  # of the last training forward
    _prepared: _Means | None = None
    _dx: Array | None = None

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        """Describe the windows.

        Args:
            kernel: their size, one number or height and width.
            stride: from one to the next, down and across; None: the kernel's size, side by side.
            padding: pixels of zeros around the image, less than the kernel.
            ceil_mode: False (PyTorch, Keras): windows lie within the padded image; True (Caffe):
                the last may stick out, if it starts in the image or the padding before.
            count_include_pad: whether the zeros of the padding count in the mean, as in Caffe and
                by default in PyTorch, or only the pixels of the image, as in Keras. What sticks out
                of the padding never counts.

        Raises:
            ArgumentError: one is of a wrong type or out of range.
        """
        self._windows = Windows(kernel, stride, padding, ceil_mode)
        self.kernel = self._windows.kernel
        self.stride = self._windows.stride
        self.padding = self._windows.padding
        self.ceil_mode = self._windows.ceil_mode
        self.count_include_pad = flag("count_include_pad", count_include_pad)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"kernel": 2},
            {"kernel": 3, "stride": 2, "padding": 1, "count_include_pad": False},
            {"kernel": 3, "stride": 2, "ceil_mode": True},
        ]

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, channels)``.

        Raises:
            ShapeError: these are no images, or too small for one window.
        """
        return self._windows.output_shape(shape)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._prepared = self._make(batch_shape, dtype)
        self._dx = np.zeros(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the means, ``(N, output height, output width, channels)``."""
        images = as_items(np.ascontiguousarray(x))
        means = (self._prepared if training else None) or self._make(x.shape, x.dtype)
        for block in means.gathering.blocks:
            y = block.y
            block.first.read(images, 0)
            for pixel in block.pixels[1:]:
                pixel.read(images, 0)
                y += block.gathered
            y *= means.weights
        if training:
            self._means = means
        return means.gathering.y

    def backward(self, dy: Array) -> Array:
        """Return dx: for each pixel, the sum of dy over its windows, each divided by its size."""
        means = self._means
        dx = np.zeros(means.gathering.shape, dy.dtype) if self._dx is None else self._dx
        if self._windows.overlap:
            dx.fill(0)
        images = as_items(dx)
        for block in means.gathering.blocks:
            np.multiply(dy[block.samples], means.weights, out=block.share)
            for pixel in block.pixels:
                block.give(pixel, images)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return an addition per pixel of every window but the first, and one multiplication."""
        height, width, channels = self.output_shape(shape)
        return height * width * channels * self.kernel[0] * self.kernel[1]

    def _make(self, shape: Shape, dtype: np.dtype[Any]) -> _Means:
        return _Means(self._windows, shape, dtype, self.count_include_pad)
