"""Max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet_pooling.gathering import Gathering, as_items
from plugnet_pooling.windows import Windows


class _Contest:
    """What a batch is pooled with in training, and who wins.

    Attributes:
        gathering: what any batch is pooled with.
        winner: the number of each window's largest pixel: 0, 1, 2 in row-major order.
        start: the number of its first pixel in the image, for the windows of one sample.
        wins: for a block, whether a pixel is the largest so far.
        number: for a block, that pixel's number where it is, else 0.
    """

    def __init__(self, windows: Windows, shape: Shape, dtype: np.dtype[Any]) -> None:
        gathering = self.gathering = Gathering(windows, shape, dtype)
        numbers = np.min_scalar_type(len(gathering.places) - 1)
        self.winner = np.empty(gathering.y.shape, numbers)
        self.start = np.zeros(gathering.y.shape[1:], numbers)
        for number, place in reversed(list(enumerate(gathering.places))):
            self.start[place.windows] = number
        self.wins = np.empty(gathering.block_shape, bool)
        self.number = np.empty(gathering.block_shape, numbers)

    def of(self, samples: slice) -> tuple[Array, Array, Array]:
        """Return winner, wins and number for a block of samples."""
        winner = self.winner[samples]
        return winner, self.wins[: len(winner)], self.number[: len(winner)]


class MaxPool(Layer):
    """y = the largest number of each window, per channel.

    Padding never wins. Of equal numbers the first in row-major order wins, as in Caffe and PyTorch,
    and it alone gets the gradient. A NaN makes its window NaN and wins, the last one of several, as
    in PyTorch.

    `plugnet_pooling.reference` has the same in plain NumPy. Here all windows are compared at once,
    as many times as a window has pixels.
    """

    _contest: _Contest  # of the last training forward
    _prepared: _Contest | None = None
    _dx: Array | None = None

    def __init__(
        self,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
    ) -> None:
        """Describe the windows.

        Args:
            kernel: their size, one number or height and width.
            stride: from one to the next, down and across; None: the kernel's size, side by side.
            padding: pixels around the image, less than the kernel.
            ceil_mode: False (PyTorch, Keras): windows lie within the padded image; True (Caffe):
                the last may stick out, if it starts in the image or the padding before.

        Raises:
            ArgumentError: one is of a wrong type or out of range.
        """
        self._windows = Windows(kernel, stride, padding, ceil_mode)
        self.kernel = self._windows.kernel
        self.stride = self._windows.stride
        self.padding = self._windows.padding
        self.ceil_mode = self._windows.ceil_mode

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"kernel": 2},
            {"kernel": [2, 3], "stride": 2, "padding": 1},
            {"kernel": 3, "stride": 2, "ceil_mode": True},
        ]

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, channels)``.

        Raises:
            ShapeError: these are no images, or too small for one window.
        """
        return self._windows.output_shape(shape)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._prepared = _Contest(self._windows, batch_shape, dtype)
        self._dx = np.zeros(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the largest pixels, ``(N, output height, output width, channels)``."""
        images = as_items(np.ascontiguousarray(x))
        if training:
            self._contest = self._prepared or _Contest(self._windows, x.shape, x.dtype)
            return self._compete(images, self._contest)
        gathering = Gathering(self._windows, x.shape, x.dtype)
        for block in gathering.blocks:
            block.first.read(images, -np.inf)
            for pixel in block.pixels[1:]:
                pixel.read(images, -np.inf)
                np.maximum(block.y, block.gathered, out=block.y)
        return gathering.y

    def _compete(self, images: Array, contest: _Contest) -> Array:
        """Return the largest pixels, too, and note who wins."""
        for block in contest.gathering.blocks:
            y, gathered = block.y, block.gathered
            winner, wins, number = contest.of(block.samples)
            block.first.read(images, -np.inf)
            np.copyto(winner, contest.start)
            for n, pixel in enumerate(block.pixels[1:], 1):
                pixel.read(images, -np.inf)
                np.greater(gathered, y, out=wins)
                np.maximum(y, gathered, out=y)
                # winner[wins] = n, but much faster; n rises
                np.multiply(wins, winner.dtype.type(n), out=number)
                np.maximum(winner, number, out=winner)
            if np.isnan(y.min()):  # a NaN is not greater, but wins
                for n, pixel in enumerate(block.pixels):
                    pixel.read(images, -np.inf)
                    winner[np.isnan(gathered)] = n
        return contest.gathering.y

    def backward(self, dy: Array) -> Array:
        """Return dx: dy at the winner of each window, else 0."""
        contest = self._contest
        dx = np.zeros(contest.gathering.shape, dy.dtype) if self._dx is None else self._dx
        if self._windows.overlap:
            dx.fill(0)
        images, bits = as_items(dx), f"i{dy.itemsize}"  # as floats, inf times False would be NaN
        for block in contest.gathering.blocks:
            winner, wins, _ = contest.of(block.samples)
            block_dy, share = dy[block.samples].view(bits), block.share.view(bits)
            for n, pixel in reversed(list(enumerate(block.pixels))):
                np.equal(winner, n, out=wins)
                np.multiply(block_dy, wins, out=share)
                block.give(pixel, images)
        return dx

    def flops(self, shape: Shape) -> int:
        """Return one comparison for every pixel of every window but the first."""
        height, width, channels = self.output_shape(shape)
        return height * width * channels * (self.kernel[0] * self.kernel[1] - 1)
