"""Images with their pixels sorted by phase, so that a pixel of all windows is one unbroken run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet_pooling.windows import Windows

BLOCK: Final = 2**18  # numbers of the images worked on at once: 1 MiB of float32


class Planes:
    """Room for a block of images, divided into as many planes as a stride has pixels.

    Plane ``(a, b)`` holds the pixels of every stride-th row from row a on, and in it of every
    stride-th column from column b on, with the padding. There the next window is the next pixel. So
    one pixel of all windows, in the images a slice with gaps, is in its plane a run without any,
    and NumPy works through that several times as fast.

    A run goes on from the end of a row to the start of the next. Where windows overlap, those that
    do are none, and of a grid as large as a plane only ``[:, :output height, :output width]`` are
    outputs.

    Attributes:
        array: ``(planes down, planes across, samples, rows, columns, channels)``.
        samples: how many make a block.
        grid: the shape of one sample's plane, ``(rows, columns, channels)``.
    """

    @classmethod
    def reuse(cls, held: Planes | None, windows: Windows, images: Array, border: float) -> Planes:
        """Return the planes ``held`` if they serve for ``images``, else new ones."""
        if held is not None and held.fits(images):
            return held
        return cls(windows, images, border)

    def __init__(self, windows: Windows, images: Array, border: float) -> None:
        """Make planes for blocks of ``images``, ``(N, height, width, channels)``.

        What is padding, or in a plane but not in the images, has the value ``border``.
        """
        self.down, self.across = windows.axes(images.shape[1:])
        self.images, channels = images.shape[1:], images.shape[3]
        self.samples = max(1, BLOCK // max(1, images[:1].size))
        self.grid = (self.down.length, self.across.length, channels)
        block = (min(self.samples, len(images)), *self.grid)
        shape = (self.down.planes, self.across.planes, *block)
        self.array = np.full_like(images, border, shape=shape, order="C", subok=False)
        overlap = self.down.reach or self.across.reach
        self._outputs = np.zeros_like(self.array, shape=block) if overlap else None

    def fits(self, images: Array) -> bool:
        """Return whether these planes serve for such images."""
        enough = self.array.shape[2] >= min(self.samples, len(images))
        return enough and self.images == images.shape[1:] and self.array.dtype == images.dtype

    def blocks(self, count: int) -> Iterator[slice]:
        """Divide ``count`` samples into blocks."""
        for start in range(0, count, self.samples):
            yield slice(start, min(start + self.samples, count))

    def run(self, grid: Array) -> Array:
        """Return all windows of a block as a flat view of ``grid``, ``(count, *self.grid)``."""
        _, columns, channels = self.grid
        behind = self.down.reach * columns + self.across.reach  # pixels of the last window
        return grid.reshape(-1)[: max(0, grid.size - behind * channels)]

    def room(self, y: Array) -> Array:
        """Return a grid for the outputs of a block, ``y`` itself if it is as large."""
        return y if self._outputs is None else self._outputs[: len(y)]

    def cut(self, grid: Array, y: Array) -> None:
        """Copy the outputs among what a grid from `room` holds to ``y``."""
        if grid is not y:
            np.copyto(y, self._inside(grid))

    def spread(self, dy: Array) -> Array:
        """Return a grid that has ``dy`` at the outputs and zeros elsewhere."""
        if self._outputs is None:
            return np.ascontiguousarray(dy)
        np.copyto(self._inside(self._outputs[: len(dy)]), dy)
        return self._outputs[: len(dy)]

    def _inside(self, grid: Array) -> Array:
        return grid[:, : self.down.outputs, : self.across.outputs]

    def pixels(self, count: int) -> list[Array]:
        """Return, for each pixel of a window in row-major order, its `run` in ``count`` samples."""
        down, across = self.down, self.across
        _, columns, channels = self.grid
        pixels = []
        for i in range(down.kernel):
            for j in range(across.kernel):
                plane = self.array[i % down.stride, j % across.stride, :count]
                start = (i // down.stride * columns + j // across.stride) * channels
                pixels.append(plane.reshape(-1)[start : start + self.run(plane).size])
        return pixels

    def take(self, images: Array) -> None:
        """Copy the pixels of a block of images to the planes."""
        for plane, pixels in self._pairs(np.ascontiguousarray(images)):
            np.copyto(plane, pixels)

    def give(self, images: Array) -> None:
        """Copy the pixels in the planes back to a block of images; 0 where a pixel is in none."""
        if not (self.down.complete and self.across.complete):
            images.fill(0)
        for plane, pixels in self._pairs(images):
            np.copyto(pixels, plane)

    def _pairs(self, images: Array) -> Iterator[tuple[Array, Array]]:
        """Yield, for each plane, what it shares with a contiguous block of images, as views.

        All channels of a pixel are one item, of a type that NumPy knows nothing about but its size:
        so they are copied fastest.
        """
        pixel = np.dtype((np.void, images.shape[3] * images.itemsize))
        planes, pixels = self.array.view(pixel)[..., 0], images.view(pixel)[..., 0]
        for a in range(self.down.planes):
            rows, image_rows = self.down.plane(a)
            for b in range(self.across.planes):
                columns, image_columns = self.across.plane(b)
                plane = planes[a, b, : len(images), rows, columns]
                yield plane, pixels[:, image_rows, image_columns]
