"""The random order of a large set's rows, which keeps neighbours together as disks want them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from plugnet.arrays import Array

#: Bytes of neighbouring rows that stay together in a window.
BLOCK_BYTES = 1 << 16
#: 16 MiB in all, some 5000 samples of MNIST.
BLOCKS_PER_WINDOW = 256


@dataclass(frozen=True, eq=False)
class Window:
    """A part of an epoch: some blocks of neighbouring rows, mixed with each other.

    Attributes:
        start: its place in the epoch.
        stop: the place where the next window begins.
        begins: ``(blocks,)``, the first row of each block.
        ends: ``(blocks,)``, the row after each block.
        order: ``(stop - start,)``, the order in which the rows of all blocks, one block after
            another, come; None: as they lie.
    """

    start: int
    stop: int
    begins: Array
    ends: Array
    order: Array | None

    @cached_property
    def rows(self) -> Array:
        """``(stop - start,)``, where the rows of all blocks lie in the set."""
        longest = int((self.ends - self.begins).max())
        rows = self.begins[:, None] + np.arange(longest)  # (blocks, longest)
        return rows[rows < self.ends[:, None]]


class Order:
    """The order of the rows of a large set in one epoch.

    Blocks of 64 KiB of neighbouring rows come in a random order, and a window mixes the rows of
    256 of them. So the rows of a batch come from all over the set, but a disk is asked for pieces
    that it reads fast, and memory holds two windows rather than one number per row. A row that is
    larger than a block is a block.
    """

    def __init__(self, rows: int, row_bytes: int, seed: Sequence[int] | None) -> None:
        """Draw the order of the blocks.

        Args:
            rows: N.
            row_bytes: the size of a row.
            seed: what the order is a pure function of; None: the rows come as they lie.
        """
        self._seed = seed
        block = max(BLOCK_BYTES // row_bytes, 1)
        begins = np.arange(0, rows, block)
        if seed is not None:
            begins = np.random.default_rng([*seed, 0]).permutation(begins)
        self._begins = begins
        self._ends = np.minimum(begins + block, rows)
        places = np.concatenate([[0], np.cumsum(self._ends - begins)])
        self._starts = [*places[:-1:BLOCKS_PER_WINDOW].tolist(), rows]  # of the windows; the end

    def window(self, place: int) -> Window:
        """Return the window in which a place of the epoch lies."""
        return self._window(bisect_right(self._starts, place) - 1)

    def rows(self) -> Array:
        """Return all rows of the epoch, ``(N,)``, in this order."""
        windows = [self._window(number) for number in range(len(self._starts) - 1)]
        return np.concatenate([w.rows if w.order is None else w.rows[w.order] for w in windows])

    def _window(self, number: int) -> Window:
        start, stop = self._starts[number : number + 2]
        order = None
        if self._seed is not None:
            seed = self._seed if len(self._begins) == 1 else [*self._seed, number + 1]
            order = np.random.default_rng(seed).permutation(stop - start)
        blocks = slice(number * BLOCKS_PER_WINDOW, (number + 1) * BLOCKS_PER_WINDOW)
        return Window(start, stop, self._begins[blocks], self._ends[blocks], order)
