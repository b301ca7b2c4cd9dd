"""Max pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, as_items
from plugnet_pooling.gathering import Buffers
from plugnet_pooling.window_pool import WindowPool


class _ArgMax:
    """Which pixel of each window is the largest: 0, 1, 2 in row-major order.

    Attributes:
        numbers: the number of the largest pixel, ``(N, output height, output width, channels)``.
        first: the number of the first pixel in the image, ``(output height, output width,
            channels)``.
        mask: for a block, whether a pixel is the largest, so far or of all.
        number: for a block, the number of that pixel where it is, else 0.
    """

    def __init__(self, buffers: Buffers) -> None:
        dtype = np.min_scalar_type(len(buffers.overlaps) - 1)
        self.numbers = np.empty(buffers.y.shape, dtype)
        self.first = np.zeros(buffers.y.shape[1:], dtype)
        for number, overlap in reversed(list(enumerate(buffers.overlaps))):
            self.first[overlap.windows] = number
        self.mask = np.empty(buffers.block_shape, bool)
        self.number = np.empty(buffers.block_shape, dtype)

    def of(self, samples: slice) -> tuple[Array, Array, Array]:
        """Return numbers, mask and number for a block of samples."""
        numbers = self.numbers[samples]
        return numbers, self.mask[: len(numbers)], self.number[: len(numbers)]


class MaxPool(WindowPool):
    """y = the largest number of each window, per channel.

    Padding is never the largest. Of equal numbers the first in row-major order alone gets the
    gradient, as in Caffe and PyTorch. A NaN makes its window NaN and gets the gradient, the last
    one of several, as in PyTorch.

    `plugnet_pooling.reference` has the same in plain NumPy. Here all windows are compared at once,
    one pixel of each at a time.

    Args:
        kernel_size: size of a window, an integer or a pair (height, width), like stride and
            padding.
        stride: pixels from one window to the next; None: the kernel size, so none overlap.
        padding: pixels around the image, less than the kernel size.
        ceil_mode: False (PyTorch, Keras): windows lie within the padded image; True (Caffe): the
            last one may extend beyond it, if it starts in the image or the padding before it.

    Raises:
        ArgumentError: an argument has the wrong type or is out of range.
    """

    _buffers: tuple[Buffers, _ArgMax]  # of the last training forward
    _prepared: tuple[Buffers, _ArgMax] | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"kernel_size": 2},
            {"kernel_size": [2, 3], "stride": 2, "padding": 1},
            {"kernel_size": 3, "stride": 2, "ceil_mode": True},
        ]

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._prepared = self._make_buffers(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the largest pixels, ``(N, output height, output width, channels)``."""
        images = as_items(np.ascontiguousarray(x))
        if training:
            self._buffers = self._prepared or self._make_buffers(x.shape, x.dtype)
            return self._forward_argmax(images)
        buffers = Buffers(self, x.shape, x.dtype)
        for block in buffers.blocks:
            block.first.gather(images, -np.inf)
            for pixel in block.pixels[1:]:
                pixel.gather(images, -np.inf)
                np.maximum(block.y, block.gathered, out=block.y)
        return buffers.y

    def _forward_argmax(self, images: Array) -> Array:
        """Return the largest pixels, and note which ones they are."""
        buffers, argmax = self._buffers
        for block in buffers.blocks:
            y, gathered = block.y, block.gathered
            numbers, mask, number = argmax.of(block.samples)
            block.first.gather(images, -np.inf)
            np.copyto(numbers, argmax.first)
            for n, pixel in enumerate(block.pixels[1:], 1):
                pixel.gather(images, -np.inf)
                np.greater(gathered, y, out=mask)
                np.maximum(y, gathered, out=y)
                # numbers[mask] = n, but much faster; n rises
                np.multiply(mask, numbers.dtype.type(n), out=number)
                np.maximum(numbers, number, out=numbers)
            if np.isnan(y.min()):  # a NaN is not greater, but counts as the largest
                for n, pixel in enumerate(block.pixels):
                    pixel.gather(images, -np.inf)
                    numbers[np.isnan(gathered)] = n
        return buffers.y

    def backward(self, dy: Array) -> Array:
        """Return dx: dy at the largest pixel of each window, else 0."""
        buffers, argmax = self._buffers
        dx = buffers.zero_dx()
        images, bits = as_items(dx), f"i{dy.itemsize}"  # as floats, inf times False would be NaN
        for block in buffers.blocks:
            numbers, mask, _ = argmax.of(block.samples)
            block_dy, gradient = dy[block.samples].view(bits), block.gradient.view(bits)
            for n, pixel in reversed(list(enumerate(block.pixels))):
                np.equal(numbers, n, out=mask)
                np.multiply(block_dy, mask, out=gradient)
                block.scatter_gradient(pixel, images)
        return dx

    def window_flops(self) -> int:
        """Return one comparison for every pixel except the first."""
        return self.kernel_size[0] * self.kernel_size[1] - 1

    def _make_buffers(self, shape: Shape, dtype: np.dtype[Any]) -> tuple[Buffers, _ArgMax]:
        buffers = Buffers(self, shape, dtype)
        return buffers, _ArgMax(buffers)
