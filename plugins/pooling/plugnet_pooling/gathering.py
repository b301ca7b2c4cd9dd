"""One pixel of all windows at a time, gathered into a contiguous array.

In the images these pixels are strided. NumPy works so much faster on contiguous arrays that this
more than makes up for the copies. With a block of samples at a time, everything stays in the cache.
"""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape, as_items
from plugnet_pooling.window_pool import Overlap, WindowPool

BLOCK_ELEMENTS: Final = 2**18  # of the images, processed at once: 1 MiB of float32


class WindowPixel:
    """One pixel of all windows of some samples: gathered from images, scattered to images."""

    def __init__(self, array: Array, samples: slice, overlap: Overlap) -> None:
        """Gather the pixel in ``array``, ``(n, output height, output width, channels)``."""
        self._array = array
        self._inside = as_items(array)[:, *overlap.windows]
        self._is_complete = self._inside.shape == array.shape[:3]
        self._index = (samples, *overlap.image)

    def gather(self, images: Array, padding: float) -> None:
        """Copy it from images, given `as_items`; outside the image it is ``padding``."""
        if not self._is_complete:
            self._array.fill(padding)
        np.copyto(self._inside, images[self._index])

    def scatter(self, images: Array) -> None:
        """Copy it to images, given `as_items`."""
        np.copyto(images[self._index], self._inside)


class Block(NamedTuple):
    """The arrays with which some of the samples are pooled.

    All are ``(n, output height, output width, channels)``.

    Attributes:
        samples: which samples of the batch.
        y: the outputs.
        gathered: one pixel of each window.
        gradient: the gradient with respect to that pixel; the same array as ``gathered`` if no
            windows overlap.
        first: the first pixel, which is gathered in ``y``.
        pixels: all pixels in row-major order, each of which is gathered in ``gathered``.
    """

    samples: slice
    y: Array
    gathered: Array
    gradient: Array
    first: WindowPixel
    pixels: list[WindowPixel]

    def scatter_gradient(self, pixel: WindowPixel, dx: Array) -> None:
        """Add ``gradient`` to dx, given `as_items`; write it if no windows overlap."""
        if self.gradient is not self.gathered:
            pixel.gather(dx, 0)
            np.add(self.gathered, self.gradient, out=self.gathered)
        pixel.scatter(dx)


class Buffers:
    """The arrays with which a batch of images is pooled.

    Attributes:
        overlaps: where each pixel of a window lies, in row-major order.
        y: the outputs, ``(N, output height, output width, channels)``.
        block_shape: the same for the samples of the largest block.
        blocks: the arrays of each block of samples.
    """

    def __init__(self, pool: WindowPool, shape: Shape, dtype: np.dtype[Any]) -> None:
        """Make the arrays for images of ``shape``, ``(N, height, width, channels)``."""
        self._shape = shape
        self._windows_overlap = pool.windows_overlap
        self.y = np.empty((shape[0], *pool.output_shape(shape[1:])), dtype)
        self.overlaps = pool.overlaps(shape[1:])
        size = max(1, min(shape[0], BLOCK_ELEMENTS // prod(shape[1:])))
        self.block_shape = (size, *self.y.shape[1:])
        scratch = [
            np.empty(self.block_shape, dtype) for _ in range(2 if pool.windows_overlap else 1)
        ]
        self.blocks = [
            self._block(slice(start, start + size), scratch) for start in range(0, shape[0], size)
        ]

    def zero_dx(self) -> Array:
        """Return a buffer for dx: zero where gradients are added, and in pixels of no window."""
        if self._windows_overlap:
            self._dx.fill(0)
        return self._dx

    @cached_property
    def _dx(self) -> Array:
        return np.zeros(self._shape, self.y.dtype)

    def _block(self, samples: slice, scratch: list[Array]) -> Block:
        y = self.y[samples]
        views = [array[: len(y)] for array in scratch]
        gathered, gradient = views[0], views[-1]
        first = WindowPixel(y, samples, self.overlaps[0])
        pixels = [WindowPixel(gathered, samples, overlap) for overlap in self.overlaps]
        return Block(samples, y, gathered, gradient, first, pixels)
