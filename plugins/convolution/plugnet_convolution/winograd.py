"""Convolution with 3 x 3 kernels in 16 multiplications instead of 36 for four outputs.

This is F(2 x 2, 3 x 3) of Lavin and Gray 2016, "Fast algorithms for convolutional neural
networks", section 4.1, from Winograd 1980. Along one axis, two outputs of three weights g and four
pixels d are

    y = A^T ((G g) * (B^T d)),      A^T = 1  1  1  0     G = 1    0    0     B^T = 1  0 -1  0
                                          0  1 -1 -1         1/2  1/2  1/2         0  1  1  0
                                                             1/2 -1/2  1/2         0 -1  1  0
                                                             0    0    1           0  1  0 -1

and along two axes the same is done along each. The products * of all tiles of 2 x 2 outputs are, at
each of the 4 x 4 positions of a transformed tile, one matrix product over the channels. The
gradients are the same steps transposed. Rounding errors are a few times those of a plain sum of
products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet_convolution.algorithm import (
    BLOCK_ELEMENTS,
    SMALL_MATMUL_MULTIPLICATIONS,
    ConvAlgorithm,
    copy_runs,
    matmul_in_parts,
)
from plugnet_convolution.geometry import Axis, Geometry

MIN_CHANNELS: Final = 48  # and filters: with fewer it costs more than it saves
MAX_TRANSFORMED_ELEMENTS: Final = 2**22  # of one image: more would need much memory
MIN_TILES_PER_PRODUCT: Final = 128  # fewer make the sum of products costly

G: Final = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))


class Winograd(ConvAlgorithm):
    """The products for 3 x 3 kernels with stride 1 and many channels."""

    @staticmethod
    def suits(geometry: Geometry) -> bool:
        """Return whether it can compute a geometry, and faster than the other algorithms."""
        axes = (geometry.height, geometry.width)
        tiles = _tile_count(geometry.height) * _tile_count(geometry.width)
        fewest, most = sorted((geometry.channels, geometry.filters))
        return (
            all(axis.kernel_size == 3 and axis.stride == axis.dilation == 1 for axis in axes)
            and all(0 <= pad < 3 for axis in axes for pad in (axis.pad_before, _pad_after(axis)))
            and geometry.groups == 1
            and fewest >= MIN_CHANNELS
            and 16 * tiles * most <= MAX_TRANSFORMED_ELEMENTS
        )

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        height, width = geometry.height, geometry.width
        down, across = self._tiles = _tile_count(height), _tile_count(width)
        most = max(geometry.channels, geometry.filters)
        self._samples = max(1, 2 * BLOCK_ELEMENTS // (16 * down * across * most))
        before = height.pad_before, width.pad_before
        self._image_phases = _phases(geometry.image_shape, before, (down + 1, across + 1))
        self._output_phases = _phases(geometry.output_shape, (0, 0), self._tiles)

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y = A^T ((G w G^T) * (B^T x B)) A + b."""
        u = self._weight_tile(weight)
        for samples in self._blocks(len(image)):
            y, v = out[samples], self._image_tiles(image[samples])
            m = self.scratch.array("m", (16, v.shape[1], y.shape[3]), out.dtype)
            matmul_in_parts(v, u, m)
            self._write_outputs(m, y)
            if bias is not None:
                y += bias

    def weight_gradient(self, image: Array, outputs: Array, out: Array) -> None:
        """Write dw = G^T ((B^T x B)^T * (A dy A^T)) G."""
        _, _, _, c, f = out.shape
        total, part = (
            self.scratch.array(name, (16, c, f), out.dtype) for name in ("total", "part")
        )
        total.fill(0)
        step = max(MIN_TILES_PER_PRODUCT, SMALL_MATMUL_MULTIPLICATIONS // (c * f))
        for samples in self._blocks(len(image)):
            # Forward made the same tiles, but keeping them would take four times the image.
            v, dm = self._image_tiles(image[samples]), self._output_tiles(outputs[samples])
            for start in range(0, v.shape[1], step):
                tiles = slice(start, start + step)
                np.matmul(v[:, tiles].swapaxes(1, 2), dm[:, tiles], out=part)
                np.add(total, part, out=total)
        g = np.asarray(G, out.dtype)
        half = self.scratch.array("half", (3, 4, c * f), out.dtype)
        # (16, c, f) -> (4, 4 * c * f), (3, 4, c * f) -> (3, 4 * c * f)
        np.matmul(g.T, total.reshape(4, 4 * c * f), out=half.reshape(3, 4 * c * f))
        dw = self.scratch.array("w", (3, 3, c * f), out.dtype)
        np.matmul(g.T, half, out=dw)
        # (3, 3, c * f) -> (3, 3, 1, c, f)
        np.copyto(out, dw.reshape(out.shape))

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx, the convolution of dy with the flipped kernel."""
        self._flipped.convolve(outputs, weight[::-1, ::-1].swapaxes(3, 4), out)

    @cached_property
    def _flipped(self) -> Winograd:
        return Winograd(self.geometry.flipped())

    def _weight_tile(self, weight: Array) -> Array:
        """Return G w G^T, ``(16, channels, filters)``."""
        _, _, _, c, f = weight.shape
        g = np.asarray(G, weight.dtype)
        w = self.scratch.array("w", (3, 3, c * f), weight.dtype)
        # (3, 3, c * f) -> (3, 3, 1, c, f)
        np.copyto(w.reshape(weight.shape), weight)
        half = self.scratch.array("half", (4, 3, c * f), weight.dtype)
        # (3, 3, c * f) -> (3, 3 * c * f), (4, 3, c * f) -> (4, 3 * c * f)
        np.matmul(g, w.reshape(3, 3 * c * f), out=half.reshape(4, 3 * c * f))
        u = self.scratch.array("u", (4, 4, c * f), weight.dtype)
        np.matmul(g, half, out=u)
        # (4, 4, c * f) -> (16, c, f)
        return u.reshape(16, c, f)

    def _image_tiles(self, image: Array) -> Array:
        """Return B^T x B of all tiles of a block, ``(16, tiles, channels)``.

        The padded image is divided into its even and odd rows and columns. Pixel i of all tiles is
        then a contiguous slice: of phase i % 2, from i // 2 on.
        """
        count, _, _, c = image.shape
        down, across = self._tiles
        phases = self._split_phases("x", image, self._image_phases)
        rows = self.scratch.array("rows", (4, 2, count, down, across + 1, c), image.dtype)
        _times_b([phases[i % 2, :, :, i // 2 : i // 2 + down] for i in range(4)], rows)
        v = self.scratch.array("v", (4, 4, count, down, across, c), image.dtype)
        columns = [rows[:, i % 2, :, :, i // 2 : i // 2 + across] for i in range(4)]
        _times_b(columns, v.swapaxes(0, 1))
        # (4, 4, count, down, across, c) -> (16, tiles, c)
        return v.reshape(16, count * down * across, c)

    def _write_outputs(self, m: Array, y: Array) -> None:
        """Write A^T m A of all tiles to a block of outputs."""
        block = (len(y), *self._tiles, y.shape[3])
        rows = self.scratch.array("rows", (2, 4, *block), y.dtype)
        # (16, tiles, filters) -> (4, 4, count, down, across, filters)
        _times_a(m.reshape(4, 4, *block), rows)
        phases = self.scratch.array("y", (2, 2, *block), y.dtype)
        _times_a(rows.swapaxes(0, 1), phases.swapaxes(0, 1))
        for phase, tiles, pixels in self._output_phases.overlaps():
            copy_runs(y[pixels], phases[phase][tiles])

    def _output_tiles(self, dy: Array) -> Array:
        """Return A dy A^T of all tiles of a block, ``(16, tiles, filters)``."""
        block = (len(dy), *self._tiles, dy.shape[3])
        phases = self._split_phases("dy", dy, self._output_phases)
        rows = self.scratch.array("rows", (4, 2, *block), dy.dtype)
        _a_times(phases, rows)
        m = self.scratch.array("m", (4, 4, *block), dy.dtype)
        _a_times(rows.swapaxes(0, 1), m.swapaxes(0, 1))
        # (4, 4, count, down, across, filters) -> (16, tiles, filters)
        return m.reshape(16, -1, dy.shape[3])

    def _split_phases(self, name: str, block: Array, geometry: Geometry) -> Array:
        """Return the pixels of a block by phase, zero where it has none.

        Their shape is ``(2, 2, count, rows, columns, channels)``.
        """
        shape = (2, 2, self._samples, *geometry.output_shape[:2], block.shape[3])
        phases = self.scratch.zeros(name, shape, block.dtype)[:, :, : len(block)]
        block = np.ascontiguousarray(block)
        for phase, tiles, pixels in geometry.overlaps():
            copy_runs(phases[phase][tiles], block[pixels])
        return phases

    def _blocks(self, count: int) -> Iterator[slice]:
        return (slice(start, start + self._samples) for start in range(0, count, self._samples))


def _tile_count(axis: Axis) -> int:
    """Return the number of tiles of two outputs along an axis; the last may be half empty."""
    return -(-axis.output_size // 2)


def _pad_after(axis: Axis) -> int:
    """Return the zeros after the last pixel."""
    return axis.output_size + axis.kernel_extent - 1 - axis.pad_before - axis.image_size


def _phases(shape: Shape, pad_before: tuple[int, int], counts: tuple[int, int]) -> Geometry:
    """Return a geometry in which position (i, j) of the kernel sees the pixels of phase (i, j).

    Args:
        shape: ``(height, width, channels)`` of the pixels.
        pad_before: zeros before them, in height and width.
        counts: rows and columns of a phase.
    """
    rows, columns = (
        Axis(size, 2, 2, 1, zeros, count)
        for size, zeros, count in zip(shape[:2], pad_before, counts, strict=True)
    )
    return Geometry(rows, columns, shape[2], shape[2], groups=1)


def _times_b(d: Sequence[Array], out: Array) -> None:
    """Write B^T d along the first axis, 4 -> 4."""
    np.subtract(d[0], d[2], out=out[0])
    np.add(d[1], d[2], out=out[1])
    np.subtract(d[2], d[1], out=out[2])
    np.subtract(d[1], d[3], out=out[3])


def _times_a(m: Array, out: Array) -> None:
    """Write A^T m along the first axis, 4 -> 2."""
    np.add(m[0], m[1], out=out[0])
    np.add(out[0], m[2], out=out[0])
    np.subtract(m[1], m[2], out=out[1])
    np.subtract(out[1], m[3], out=out[1])


def _a_times(y: Array, out: Array) -> None:
    """Write A y along the first axis, 2 -> 4."""
    np.copyto(out[0], y[0])
    np.add(y[0], y[1], out=out[1])
    np.subtract(y[0], y[1], out=out[2])
    np.negative(y[1], out=out[3])
