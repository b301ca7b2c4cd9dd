"""One pixel of all windows at a time, gathered in an array without gaps.

In the images such pixels lie with gaps. NumPy works through an array without any so much faster
that it more than makes up for the copies. A block of samples at a time, all stays in the cache.
"""

from __future__ import annotations

from math import prod
from typing import Any, Final, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet_pooling.windows import Place, Windows

BLOCK: Final = 2**18  # numbers of the images worked on at once: 1 MiB of float32


def as_items(images: Array) -> Array:
    """Return a view ``(N, height, width)`` of contiguous images: all channels of a pixel, one item.

    NumPy knows nothing of such an item but its size: so it is copied fastest.
    """
    return images.view(np.dtype((np.void, images.shape[3] * images.itemsize)))[..., 0]


class Pixel:
    """One pixel of all windows of some samples: it goes from images to an array, and back."""

    def __init__(self, array: Array, samples: slice, place: Place) -> None:
        """Gather the pixel at ``place`` in ``array``, ``(n, output height, output width, C)``."""
        self._array = array
        self._inside = as_items(array)[:, *place.windows]
        self._everywhere = place.everywhere
        self._index = (samples, *place.image)

    def read(self, images: Array, outside: float) -> None:
        """Copy it from images, given `as_items`; it is ``outside`` where it is not in the image."""
        if not self._everywhere:
            self._array.fill(outside)
        np.copyto(self._inside, images[self._index])

    def write(self, images: Array) -> None:
        """Copy it to images, given `as_items`."""
        np.copyto(images[self._index], self._inside)


class Block(NamedTuple):
    """What some of the samples are pooled with.

    All arrays are ``(n, output height, output width, channels)``.

    Attributes:
        samples: which of the batch.
        y: what comes of each window.
        gathered: one pixel of each window.
        share: what it gets of dy; ``gathered`` itself if no windows overlap: then that is all.
        first: the first pixel, which is gathered in ``y``.
        pixels: all pixels in row-major order; they are gathered in ``gathered``.
    """

    samples: slice
    y: Array
    gathered: Array
    share: Array
    first: Pixel
    pixels: list[Pixel]

    def give(self, pixel: Pixel, images: Array) -> None:
        """Add ``share`` to a pixel of images, given `as_items`; write it if that is all."""
        if self.share is not self.gathered:
            pixel.read(images, 0)
            np.add(self.gathered, self.share, out=self.gathered)
        pixel.write(images)


class Gathering:
    """What a batch of images is pooled with.

    Attributes:
        shape: that of the images, ``(N, height, width, channels)``.
        places: where each pixel of a window lies, in row-major order.
        y: what comes of each window, ``(N, output height, output width, channels)``.
        block_shape: the same for the samples of the largest block.
        blocks: what each block of samples is pooled with.
    """

    def __init__(self, windows: Windows, shape: Shape, dtype: np.dtype[Any]) -> None:
        """Make the arrays for images of ``shape``."""
        self.shape = shape
        self.places = windows.places(shape[1:])
        self.y = np.empty((shape[0], *windows.output_shape(shape[1:])), dtype)
        size = max(1, min(shape[0], BLOCK // prod(shape[1:])))
        self.block_shape = (size, *self.y.shape[1:])
        scratch = [np.empty(self.block_shape, dtype) for _ in range(2 if windows.overlap else 1)]
        self.blocks = [
            self._block(slice(start, start + size), scratch) for start in range(0, shape[0], size)
        ]

    def _block(self, samples: slice, scratch: list[Array]) -> Block:
        y = self.y[samples]
        views = [array[: len(y)] for array in scratch]
        gathered, share = views[0], views[-1]
        first = Pixel(y, samples, self.places[0])
        pixels = [Pixel(gathered, samples, place) for place in self.places]
        return Block(samples, y, gathered, share, first, pixels)
