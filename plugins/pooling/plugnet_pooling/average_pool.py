"""Average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arguments import flag
from plugnet.arrays import Array, Shape, as_items
from plugnet_pooling.gathering import Buffers
from plugnet_pooling.window_pool import WindowPool


class AveragePool(WindowPool):
    """y = the mean of each window, per channel.

    `plugnet_pooling.reference` has the same in plain NumPy.

    Args:
        kernel_size: size of a window, an integer or a pair (height, width), like stride and
            padding.
        stride: pixels from one window to the next; None: the kernel size, so none overlap.
        padding: zeros around the image, less than the kernel size.
        ceil_mode: False (PyTorch, Keras): windows lie within the padded image; True (Caffe): the
            last one may extend beyond it, if it starts in the image or the padding before it.
        count_include_pad: whether the zeros of the padding count in the mean, as in Caffe and by
            default in PyTorch, or only the pixels of the image, as in Keras. What extends beyond
            the padding never counts.

    Raises:
        ArgumentError: an argument has the wrong type or is out of range.
    """

    _buffers: tuple[Buffers, Array]  # and weights, of the last training forward
    _prepared: tuple[Buffers, Array] | None = None

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = flag("count_include_pad", count_include_pad)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"kernel_size": 2},
            {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
            {"kernel_size": 3, "stride": 2, "ceil_mode": True},
        ]

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._prepared = self._make_buffers(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the means, ``(N, output height, output width, channels)``."""
        images = as_items(np.ascontiguousarray(x))
        prepared = self._prepared if training else None
        buffers, weights = made = prepared or self._make_buffers(x.shape, x.dtype)
        for block in buffers.blocks:
            y = block.y
            block.first.gather(images, 0)
            for pixel in block.pixels[1:]:
                pixel.gather(images, 0)
                y += block.gathered
            y *= weights
        if training:
            self._buffers = made
        return buffers.y

    def backward(self, dy: Array) -> Array:
        """Return dx: for each pixel, the sum of dy over its windows, each divided by its size."""
        buffers, weights = self._buffers
        dx = buffers.zero_dx()
        images = as_items(dx)
        for block in buffers.blocks:
            np.multiply(dy[block.samples], weights, out=block.gradient)
            for pixel in block.pixels:
                block.scatter_gradient(pixel, images)
        return dx

    def window_flops(self) -> int:
        """Return an addition for every pixel except the first, and one multiplication."""
        return self.kernel_size[0] * self.kernel_size[1]

    def _make_buffers(self, shape: Shape, dtype: np.dtype[Any]) -> tuple[Buffers, Array]:
        """Return buffers, and one over each window's size as ``(height, width, channels)``."""
        sizes = self.window_sizes(shape[1:], self.count_include_pad)
        weights = np.reciprocal(sizes, dtype=dtype)[:, :, np.newaxis]
        # repeated for each channel: twice as fast as broadcasting
        return Buffers(self, shape, dtype), weights.repeat(shape[3], axis=2)
