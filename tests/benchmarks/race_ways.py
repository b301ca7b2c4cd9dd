"""Races ways to compute a convolution, over the six geometries of image_layers.py.

    python tests/benchmarks/race_ways.py [--rounds 15] [--json FILE]

First comes the algorithm that plugnet-convolution selects for the geometry, then its other general
ones, and then those of the textbooks, as plain as they are written there. Before a race all must
give the same results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from image_layers import BATCH, CONVOLUTIONS, Work
from plugnet.arrays import Array, Shape
from plugnet_convolution.algorithm import ConvAlgorithm
from plugnet_convolution.batch_parallel import select_algorithm
from plugnet_convolution.convolution import Convolution
from plugnet_convolution.im2row import Im2Row
from plugnet_convolution.scratch import Scratch
from plugnet_convolution.winograd import Winograd
from racing import DifferentError, Racer, Result, options, race, table, write


class Way(Protocol):
    """A way to compute the three products, w being ``(kernel size, kernel size, in, out)``."""

    def y(self, x: Array, w: Array) -> Array: ...
    def dw(self, x: Array, dy: Array) -> Array: ...
    def dx(self, dy: Array, w: Array) -> Array: ...


class Own:
    """An algorithm of plugnet-convolution."""

    def __init__(self, algorithm: ConvAlgorithm) -> None:
        self.algorithm, self.geometry = algorithm, algorithm.geometry
        self.scratch = Scratch()

    def buffer(self, name: str, shape: Shape) -> Array:
        return self.scratch.array(name, shape, np.dtype("float32"))

    def y(self, x: Array, w: Array) -> Array:
        out = self.buffer("y", (len(x), *self.geometry.output_shape))
        self.algorithm.convolve(x, w[:, :, np.newaxis], out)
        return out

    def dw(self, x: Array, dy: Array) -> Array:
        kernel_size = self.geometry.height.kernel_size, self.geometry.width.kernel_size
        out = self.buffer("dw", (*kernel_size, 1, x.shape[3], dy.shape[3]))
        self.algorithm.weight_gradient(x, dy, out)
        return out[:, :, 0]

    def dx(self, dy: Array, w: Array) -> Array:
        out = self.buffer("dx", (len(dy), *self.geometry.image_shape))
        self.algorithm.image_gradient(dy, w[:, :, np.newaxis], out)
        return out


class Textbook:
    """What the textbooks' algorithms share."""

    def __init__(self, work: Work) -> None:
        self.work, self.kernel_size, self.stride = work, work.kernel_size, work.stride
        self.outputs = (work.size + 2 * work.padding - work.kernel_size) // work.stride + 1

    def padded(self, x: Array) -> Array:
        p = self.work.padding
        return np.pad(x, [(0, 0), (p, p), (p, p), (0, 0)]) if p else x

    def unpadded(self, x: Array) -> Array:
        inner = slice(self.work.padding, self.work.padding + self.work.size)
        return x[:, inner, inner]

    def positions(self, x: Array) -> Iterator[tuple[int, int, Array]]:
        """Yield each position of the kernel, and the pixels of padded images under it."""
        reach = self.stride * self.outputs
        for i in range(self.kernel_size):
            for j in range(self.kernel_size):
                rows, columns = (slice(k, k + reach, self.stride) for k in (i, j))
                yield i, j, x[:, rows, columns]

    def empty_image(self, count: int) -> Array:
        side = self.work.size + 2 * self.work.padding
        return np.zeros((count, side, side, self.work.channels), np.float32)

    def windows(self, x: Array) -> Array:
        """Return a view ``(N, outputs, outputs, in, kernel size, kernel size)``."""
        view = sliding_window_view(self.padded(x), (self.kernel_size, self.kernel_size), (1, 2))
        return view[:, :: self.stride, :: self.stride]


class OneProduct(Textbook):
    """im2col, as Caffe has it: every window a row of one matrix; col2im adds the rows back."""

    def rows(self, x: Array) -> Array:
        windows = self.windows(x).transpose(0, 1, 2, 4, 5, 3)
        return windows.reshape(-1, self.kernel_size**2 * self.work.channels)

    def y(self, x: Array, w: Array) -> Array:
        y: Array = self.rows(x) @ w.reshape(-1, w.shape[3])
        return y.reshape(len(x), self.outputs, self.outputs, -1)

    def dw(self, x: Array, dy: Array) -> Array:
        dw = self.rows(x).T @ dy.reshape(-1, dy.shape[3])
        return dw.reshape(self.kernel_size, self.kernel_size, -1, dy.shape[3])

    def dx(self, dy: Array, w: Array) -> Array:
        rows = dy.reshape(-1, dy.shape[3]) @ w.reshape(-1, w.shape[3]).T
        rows = rows.reshape(*dy.shape[:3], self.kernel_size, self.kernel_size, -1)
        dx = self.empty_image(len(dy))
        for i, j, pixels in self.positions(dx):
            pixels += rows[:, :, :, i, j]
        return self.unpadded(dx)


class Positions(Textbook):
    """A product for each position of the kernel, added up (kn2row)."""

    def y(self, x: Array, w: Array) -> Array:
        y = np.zeros((len(x), self.outputs, self.outputs, w.shape[3]), np.float32)
        for i, j, pixels in self.positions(self.padded(x)):
            y += pixels @ w[i, j]
        return y

    def dw(self, x: Array, dy: Array) -> Array:
        flat = dy.reshape(-1, dy.shape[3])
        positions = self.positions(self.padded(x))
        dw = [pixels.reshape(-1, self.work.channels).T @ flat for _, _, pixels in positions]
        return np.reshape(dw, (self.kernel_size, self.kernel_size, -1, dy.shape[3]))

    def dx(self, dy: Array, w: Array) -> Array:
        dx = self.empty_image(len(dy))
        for i, j, pixels in self.positions(dx):
            pixels += dy @ w[i, j].T
        return self.unpadded(dx)


class Bands(Textbook):
    """A product for each row of the kernel, of the windows' pixels in that row."""

    def bands(self, x: Array) -> Iterator[Array]:
        view = sliding_window_view(self.padded(x), self.kernel_size, 2)[:, :, :: self.stride]
        for i in range(self.kernel_size):
            band = view[:, i : i + self.stride * self.outputs : self.stride]
            yield band.transpose(0, 1, 2, 4, 3).reshape(-1, self.kernel_size * self.work.channels)

    def y(self, x: Array, w: Array) -> Array:
        kernels = w.reshape(self.kernel_size, -1, w.shape[3])
        y = np.zeros((len(x) * self.outputs**2, w.shape[3]), np.float32)
        for band, kernel in zip(self.bands(x), kernels, strict=True):
            y += band @ kernel
        return y.reshape(len(x), self.outputs, self.outputs, -1)

    def dw(self, x: Array, dy: Array) -> Array:
        dw = [band.T @ dy.reshape(-1, dy.shape[3]) for band in self.bands(x)]
        return np.reshape(dw, (self.kernel_size, self.kernel_size, -1, dy.shape[3]))

    def dx(self, dy: Array, w: Array) -> Array:
        dx = self.empty_image(len(dy))
        for i in range(self.kernel_size):
            band = dy @ w[i].reshape(-1, w.shape[3]).T
            band = band.reshape(*dy.shape[:3], self.kernel_size, -1)
            for j, pixels in ((j, pixels) for k, j, pixels in self.positions(dx) if k == i):
                pixels += band[:, :, :, j]
        return self.unpadded(dx)


class Tensordot(Textbook):
    """np.tensordot of the windows; dx by that of dilated dy and the flipped kernel."""

    def y(self, x: Array, w: Array) -> Array:
        return np.tensordot(self.windows(x), w, ((3, 4, 5), (2, 0, 1)))

    def dw(self, x: Array, dy: Array) -> Array:
        dw = np.tensordot(self.windows(x), dy, ((0, 1, 2), (0, 1, 2)))
        return dw.transpose(1, 2, 0, 3)

    def dx(self, dy: Array, w: Array) -> Array:
        side = self.work.size + 2 * self.work.padding + self.kernel_size - 1
        dilated = np.zeros((len(dy), side, side, dy.shape[3]), np.float32)
        inner = slice(
            self.kernel_size - 1, self.kernel_size - 1 + self.stride * self.outputs, self.stride
        )
        dilated[:, inner, inner] = dy
        windows = sliding_window_view(dilated, (self.kernel_size, self.kernel_size), (1, 2))
        dx: Array = np.tensordot(windows, w[::-1, ::-1], ((3, 4, 5), (3, 0, 1)))
        return self.unpadded(dx)


def main() -> None:
    """Run the races and print their tables."""
    chosen = options(argparse.ArgumentParser(description=__doc__.splitlines()[0]), rounds=15)
    results: list[Result] = []
    for work in CONVOLUTIONS[1:2] if chosen.quick else CONVOLUTIONS:
        results += races(work, chosen.rounds, chosen.threads)
    write(chosen.json, chosen.threads, results)


def races(work: Work, rounds: int, threads: int) -> list[Result]:
    """Race the three products of one geometry, and print the tables."""
    layer = work.layer()
    assert isinstance(layer, Convolution)
    x, dy = work.data(layer)
    w = layer.parameters()["weight"].value
    entered = ways(work, layer)
    conditions = {"work": f"batch {BATCH}, float32, {threads} thread(s)"}
    results = []
    for what in ("y", "dw", "dx"):
        arguments = {"y": (x, w), "dw": (x, dy), "dx": (dy, w)}[what]
        calls = {name: getattr(way, what) for name, way in entered.items()}
        check(calls, arguments)
        racers = [Racer(name, bound(call, arguments)) for name, call in calls.items()]
        results.append(race(f"{work}: {what}", racers, rounds, work=conditions))
        print(table(results[-1]), flush=True)
    return results


def ways(work: Work, layer: Convolution) -> dict[str, Way]:
    """Return all ways by name, the selected algorithm first."""
    geometry = layer.geometry(work.shape)
    selected = select_algorithm(geometry)
    found: dict[str, Way] = {f"chosen: {selected.__name__}": Own(selected(geometry))}
    if selected is not Im2Row:
        found["Im2Row"] = Own(Im2Row(geometry))
    if selected is not Winograd and (work.kernel_size, work.stride) == (3, 1):
        found["Winograd"] = Own(Winograd(geometry))
    return found | {
        "im2col, one product": OneProduct(work),
        "a product per position": Positions(work),
        "a product per row of the kernel": Bands(work),
        "tensordot": Tensordot(work),
    }


def bound(call: Callable[..., Array], arguments: Sequence[Array]) -> Callable[[], object]:
    """Return a call without arguments."""
    return lambda: call(*arguments)


def check(calls: dict[str, Callable[..., Array]], arguments: Sequence[Array]) -> None:
    """Compare the results.

    Raises:
        DifferentError: they differ by more than rounding.
    """
    (name, first), *others = ((name, call(*arguments).copy()) for name, call in calls.items())
    for other, found in others:
        if found.shape != first.shape or np.abs(found - first).max() > 1e-4 * np.abs(found).max():
            raise DifferentError(f"{other} and {name} compute different results.")


if __name__ == "__main__":
    main()
