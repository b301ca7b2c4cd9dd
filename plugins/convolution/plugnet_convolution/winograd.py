"""Convolution with 3 x 3 kernels in 16 multiplications instead of 36 for four outputs.

This is F(2 x 2, 3 x 3) of Lavin and Gray 2016, "Fast algorithms for convolutional neural
networks", section 4.1, from Winograd 1980. Along one axis, two outputs of three weights g and four
pixels d are

    y = A^T ((G g) * (B^T d)),      A^T = 1  1  1  0     G = 1    0    0     B^T = 1  0 -1  0
                                          0  1 -1 -1         1/2  1/2  1/2         0  1  1  0
                                                             1/2 -1/2  1/2         0 -1  1  0
                                                             0    0    1           0  1  0 -1

and along two axes the same is done along each. The products * of all tiles of 2 x 2 outputs are, at
each of the 4 x 4 places of a transformed tile, one matrix product over the channels. The gradients
are the same steps transposed. Rounding errors are those of a sum of products, a few times over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet_convolution.algorithm import (
    BLOCK,
    SMALL,
    ConvAlgorithm,
    copy_runs,
    multiply_in_parts,
)
from plugnet_convolution.geometry import Axis, Geometry

CHANNELS: Final = 48  # and filters, at least: with fewer it costs more than it saves
LARGEST: Final = 2**22  # numbers of a transformed image: more would need much memory

G: Final = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))


class Winograd(ConvAlgorithm):
    """The products for 3 x 3 kernels with stride 1 and many channels."""

    @staticmethod
    def suits(geometry: Geometry) -> bool:
        """Return whether it can compute, and pays for, a geometry."""
        axes = (geometry.height, geometry.width)
        tiles = _tiles(geometry.height) * _tiles(geometry.width)
        fewest, most = sorted((geometry.channels, geometry.filters))
        return (
            all(axis.kernel == 3 and axis.stride == axis.dilation == 1 for axis in axes)
            and all(0 <= padding < 3 for axis in axes for padding in (axis.before, _after(axis)))
            and geometry.groups == 1
            and fewest >= CHANNELS
            and 16 * tiles * most <= LARGEST
        )

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self._down, self._across = _tiles(geometry.height), _tiles(geometry.width)
        most = max(geometry.channels, geometry.filters)
        self._samples = max(1, 2 * BLOCK // (16 * self._down * self._across * most))

    def convolve(self, image: Array, weight: Array, out: Array, bias: Array | None = None) -> None:
        """Write y = A^T ((G w G^T) * (B^T x B)) A + b."""
        u = self._weight_tile(weight)
        for samples in self._blocks(len(image)):
            y, v = out[samples], self._image_tiles(image[samples])
            m = self.scratch.array("m", (16, v.shape[1], y.shape[3]), out.dtype)
            multiply_in_parts(v, u, m)
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
        step = max(128, SMALL // (c * f))
        for samples in self._blocks(len(image)):
            # Forward made the image's tiles, too, but to keep them takes four times the image.
            v, dm = self._image_tiles(image[samples]), self._output_tiles(outputs[samples])
            for start in range(0, v.shape[1], step):
                tiles = slice(start, start + step)
                np.matmul(v[:, tiles].swapaxes(1, 2), dm[:, tiles], out=part)
                np.add(total, part, out=total)
        g = np.asarray(G, out.dtype)
        half = self.scratch.array("half", (3, 4, c * f), out.dtype)
        np.matmul(g.T, total.reshape(4, 4 * c * f), out=half.reshape(3, 4 * c * f))
        dw = self.scratch.array("w", (3, 3, c * f), out.dtype)
        np.matmul(g.T, half, out=dw)
        np.copyto(out, dw.reshape(out.shape))

    def image_gradient(self, outputs: Array, weight: Array, out: Array) -> None:
        """Write dx, the convolution of dy with the kernel turned by half a circle."""
        self._mirrored.convolve(outputs, weight[::-1, ::-1].swapaxes(3, 4), out)

    @cached_property
    def _mirrored(self) -> Winograd:
        return Winograd(self.geometry.mirrored())

    def _weight_tile(self, weight: Array) -> Array:
        """Return G w G^T, ``(16, channels, filters)``."""
        _, _, _, c, f = weight.shape
        g = np.asarray(G, weight.dtype)
        w = self.scratch.array("w", (3, 3, c * f), weight.dtype)
        np.copyto(w.reshape(weight.shape), weight)
        half = self.scratch.array("half", (4, 3, c * f), weight.dtype)
        np.matmul(g, w.reshape(3, 3 * c * f), out=half.reshape(4, 3 * c * f))
        u = self.scratch.array("u", (4, 4, c * f), weight.dtype)
        np.matmul(g, half, out=u)
        return u.reshape(16, c, f)

    def _image_tiles(self, image: Array) -> Array:
        """Return B^T x B of all tiles of a block, ``(16, tiles, channels)``.

        The padded image is taken apart into its even and odd rows and columns. Pixel i of all tiles
        is then a slice without gaps: of phase i % 2, from i // 2 on.
        """
        count, _, _, c = image.shape
        down, across = self._down, self._across
        before = self.geometry.height.before, self.geometry.width.before
        phases = self._phases("x", image, (down + 1, across + 1), before)
        rows = self.scratch.array("rows", (4, 2, count, down, across + 1, c), image.dtype)
        _times_b([phases[i % 2, :, :, i // 2 : i // 2 + down] for i in range(4)], rows)
        v = self.scratch.array("v", (4, 4, count, down, across, c), image.dtype)
        columns = [rows[:, i % 2, :, :, i // 2 : i // 2 + across] for i in range(4)]
        _times_b(columns, v.swapaxes(0, 1))
        return v.reshape(16, count * down * across, c)

    def _write_outputs(self, m: Array, y: Array) -> None:
        """Write A^T m A of all tiles to a block of outputs."""
        block = (len(y), self._down, self._across, y.shape[3])
        rows = self.scratch.array("rows", (2, 4, *block), y.dtype)
        _times_a(m.reshape(4, 4, *block), rows)
        phases = self.scratch.array("y", (2, 2, *block), y.dtype)
        _times_a(rows.swapaxes(0, 1), phases.swapaxes(0, 1))
        for phase, pixels in _pairs(phases, y, (0, 0)):
            copy_runs(pixels, phase)

    def _output_tiles(self, dy: Array) -> Array:
        """Return A dy A^T of all tiles of a block, ``(16, tiles, filters)``."""
        block = (len(dy), self._down, self._across, dy.shape[3])
        phases = self._phases("dy", dy, block[1:3], (0, 0))
        rows = self.scratch.array("rows", (4, 2, *block), dy.dtype)
        _a_times(phases, rows)
        m = self.scratch.array("m", (4, 4, *block), dy.dtype)
        _a_times(rows.swapaxes(0, 1), m.swapaxes(0, 1))
        return m.reshape(16, -1, dy.shape[3])

    def _phases(
        self, name: str, block: Array, sizes: tuple[int, int], before: tuple[int, int]
    ) -> Array:
        """Return the four phases of a block, zero where it has no pixels."""
        shape = (2, 2, self._samples, *sizes, block.shape[3])
        phases = self.scratch.margined(name, shape, block.dtype)[:, :, : len(block)]
        for phase, pixels in _pairs(phases, np.ascontiguousarray(block), before):
            copy_runs(phase, pixels)
        return phases

    def _blocks(self, count: int) -> Iterator[slice]:
        for start in range(0, count, self._samples):
            yield slice(start, min(start + self._samples, count))


def _tiles(axis: Axis) -> int:
    """Return how many tiles of two outputs, the last perhaps half empty, lie along an axis."""
    return -(-axis.outputs // 2)


def _after(axis: Axis) -> int:
    """Return the zeros behind the last pixel."""
    return axis.outputs + axis.span - 1 - axis.before - axis.size


def _pairs(phases: Array, pixels: Array, before: tuple[int, int]) -> Iterator[tuple[Array, Array]]:
    """Yield each phase, as far as it has pixels, and these, both ``(count, rows, columns, c)``.

    Args:
        phases: ``(2, 2, count, rows, columns, channels)``.
        pixels: ``(count, height, width, channels)``.
        before: the zeros before the pixels, in height and width.
    """
    for place in np.ndindex(2, 2):
        # the first pixel of this phase, and its place there
        row, column = ((phase - zeros) % 2 for phase, zeros in zip(place, before, strict=True))
        top, left = (
            (first + zeros) // 2 for first, zeros in zip((row, column), before, strict=True)
        )
        own = pixels[:, row::2, column::2]
        phase = phases[place][:, top : top + own.shape[1], left : left + own.shape[2]]
        yield phase, own


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
