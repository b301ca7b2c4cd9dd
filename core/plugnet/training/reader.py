"""Reading a large memory map ahead, in a thread of its own."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataError
from plugnet.mapped import MappedFile
from plugnet.samples import value_range
from plugnet.training.order import Window


class Reader:
    """Hands out the windows of a set, and reads the next one while the last is in use.

    They are read from the file, not through the map: a page fault for every 4 KiB would take longer
    than a training step of a small network, and the process would seem to hold all that it has
    touched. Memory is two windows. What is read is the same whatever the threads' speed.
    """

    def __init__(self, samples: Array, file: MappedFile) -> None:
        """Take the samples ``(N, *shape)`` that lie in ``file``."""
        self._samples = samples
        self._file = file
        self._row_bytes = samples.nbytes // len(samples)
        self._buffers: list[Array | None] = [None, None]
        self._turn = 0
        self._window: Window | None = None
        self._reading: Future[Array] | None = None
        self._thread = ThreadPoolExecutor(1, "plugnet-reader")

    def read(self, window: Window, following: Window | None) -> Array:
        """Return the rows of the window's blocks, one after another; begin with ``following``.

        The array is overwritten by the next call but one, or earlier if that is for another window
        than ``following``.

        Raises:
            DataError: a value is NaN or infinite, or the file has become shorter; ``row`` says
                where.
            OSError: the file cannot be read.
        """
        if self._reading is None or self._window is not window:
            self._reading = self._begin(window)
        rows = self._reading.result()
        self._window = following
        self._reading = None if following is None else self._begin(following)
        return rows

    def _begin(self, window: Window) -> Future[Array]:
        self._turn = 1 - self._turn
        return self._thread.submit(self._fill, self._turn, window)

    def _fill(self, turn: int, window: Window) -> Array:
        """Read a window to one of the two buffers."""
        count = window.stop - window.start
        buffer = self._buffers[turn]
        if buffer is None or len(buffer) < count:
            shape = (count, *self._samples.shape[1:])
            buffer = self._buffers[turn] = np.empty(shape, self._samples.dtype)
        rows = buffer[:count]
        content = rows.data.cast("B")
        blocks = list(zip(window.begins.tolist(), window.ends.tolist(), strict=True))
        at = 0
        with Path(self._file.path).open("rb", buffering=0) as file:
            self._announce(file.fileno(), blocks)
            for begin, end in blocks:
                size = (end - begin) * self._row_bytes
                file.seek(self._file.offset + begin * self._row_bytes)
                if file.readinto(content[at : at + size]) != size:
                    raise DataError(
                        f"The rows {begin} to {end - 1} of the samples must be in "
                        f"{self._file.path!r}, but the file has become shorter. Leave it alone "
                        "while a memory map of it is in use.",
                        row=begin,
                    )
                at += size
        flat = rows.reshape(-1)
        if rows.dtype.kind == "f" and not np.isfinite(np.vdot(flat, flat)):  # the quickest look
            value_range(rows, "samples", window.rows)  # says where; a square may only be too large
        return rows

    def _announce(self, file: int, blocks: list[tuple[int, int]]) -> None:
        """Tell the system what will be read, where it listens: a disk does it twice as fast."""
        if sys.platform == "linux":
            for begin, end in blocks:
                start, size = begin * self._row_bytes, (end - begin) * self._row_bytes
                os.posix_fadvise(file, self._file.offset + start, size, os.POSIX_FADV_WILLNEED)
