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
    larger than a block is a block. Of a set in pieces that are read as a whole, each piece is a
    block, and a window has pieces of 16 MiB in all, or a single larger one.
    """

    def __init__(
        self,
        rows: int,
        row_bytes: int,
        seed: Sequence[int] | None,
        pieces: Array | None = None,
    ) -> None:
        """Draw the order of the blocks.

        Args:
            rows: N.
            row_bytes: the size of a row.
            seed: what the order is a pure function of; None: the rows come as they lie.
            pieces: ``(P + 1,)``, where pieces begin, and N; None: the rows are in none.
        """
        self._seed = seed
        block = max(BLOCK_BYTES // row_bytes, 1)
        begins = np.arange(0, rows, block) if pieces is None else pieces[:-1]
        ends = np.minimum(begins + block, rows) if pieces is None else pieces[1:]
        if seed is not None:
            order = np.random.default_rng([*seed, 0]).permutation(len(begins))
            begins, ends = begins[order], ends[order]
        self._begins, self._ends = begins, ends
        places = np.concatenate([[0], np.cumsum(ends - begins)])
        firsts = np.arange(0, len(begins), BLOCKS_PER_WINDOW)
        if pieces is not None:
            most = max(BLOCK_BYTES * BLOCKS_PER_WINDOW // row_bytes, 1)
            firsts = np.unique(places[:-1] // most, return_index=True)[1]
        self._firsts = [*firsts.tolist(), len(begins)]  # blocks of the windows; the end
        self._starts = [*places[firsts].tolist(), rows]

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
        blocks = slice(*self._firsts[number : number + 2])
        return Window(start, stop, self._begins[blocks], self._ends[blocks], order)
