"""Batches from a large memory map, read ahead in a thread of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from plugnet.arrays import Array
from plugnet.data.batches import check_batch_size, empty_like
from plugnet.data.mapped import MappedFile
from plugnet.data.order import Order, Window
from plugnet.data.samples import check_finite
from plugnet.errors import DataError
from plugnet.interfaces import Batch


class StreamedBatches:
    """The batches of `plugnet.data.ArrayBatches`, from a memory map larger than the memory.

    Its attributes are those of `ArrayBatches`, and so is every batch.
    """

    def __init__(
        self,
        samples: Batch,
        file: MappedFile,
        batch_size: int,
        shuffle: bool,
        seed: int,
        allow_missing: bool = False,
    ) -> None:
        """Take over samples whose ``x`` lies in ``file``; nothing is read yet."""
        self.samples, self.batch_size, self.shuffle, self.seed = samples, batch_size, shuffle, seed
        self.rows = len(samples.x)
        check_batch_size(batch_size, self.rows)
        self.position = 0
        self._reader = Reader(samples.x, file, allow_missing)
        self._out = empty_like(samples, batch_size)
        self._epoch, self._order = -1, Order(1, 1, None)
        self._window: Window | None = None  # whose rows are in _held
        self._following: Window | None = None
        self._held = samples.x[:0]

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        done = 0
        while done < self.batch_size:
            done += self._fill(done)
        return self._out

    def state(self) -> dict[str, int]:
        """Return the position."""
        return {"position": self.position}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go to the position of a `state`."""
        self.position = state["position"]
        self._epoch, self._window, self._following = -1, None, None

    def blocks(self, rows: int = 1024) -> Iterator[Array]:
        """Yield all samples once, in their order, a block at a time."""
        for start in range(0, self.rows, rows):
            yield self.samples.x[start : start + rows]

    def _fill(self, done: int) -> int:
        """Copy rows of one window into the batch after its first ``done`` rows; return how many."""
        epoch, place = divmod(self.position, self.rows)
        if epoch != self._epoch:
            seed = [self.seed, epoch] if self.shuffle else None
            self._epoch = epoch
            self._order = Order(self.rows, self.samples.x.nbytes // self.rows, seed)
            self._window = self._following = None
        window = self._window
        if window is None or place >= window.stop:
            window = self._window = self._following or self._order.window(place)
            is_last = window.stop == self.rows
            self._following = None if is_last else self._order.window(window.stop)
            self._held = self._reader.read(window, self._following)
        count = min(self.batch_size - done, window.stop - place)
        start = place - window.start
        places = np.arange(start, start + count)
        if window.order is not None:
            places = window.order[places]
        some, rows = slice(done, done + count), window.rows[places]
        self._held.take(places, 0, self._out.x[some], "clip")
        self.samples.y.take(rows, 0, self._out.y[some], "clip")
        if self.samples.weights is not None and self._out.weights is not None:
            self.samples.weights.take(rows, 0, self._out.weights[some], "clip")
        self.position += count
        return count


class Reader:
    """Hands out the windows of a set, and reads the next one while the last is in use.

    They are read from the file, not through the map: a page fault for every 4 KiB would take longer
    than a training step of a small network, and the process would seem to hold all that it has
    touched. Memory is two windows. What is read is the same whatever the threads' speed.
    """

    def __init__(self, samples: Array, file: MappedFile, allow_missing: bool = False) -> None:
        """Take the samples ``(N, *shape)`` that lie in ``file``; some may be NaN if allowed."""
        self._allow_missing = allow_missing
        self._samples = samples
        self._file = file
        self._row_bytes = samples.nbytes // len(samples)
        self._check_same()
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

    def _check_same(self) -> None:
        """Check that the file at the path is the one that was mapped, as far as its ends show."""
        ends = [np.empty_like(self._samples[:1]) for _ in range(2)]
        with Path(self._file.path).open("rb", buffering=0) as file:
            for row, end in zip((0, len(self._samples) - 1), ends, strict=True):
                file.seek(self._file.offset + row * self._row_bytes)
                file.readinto(end.data.cast("B"))
                if end.tobytes() != self._samples[row].tobytes():
                    raise DataError(
                        f"{self._file.path!r} has been replaced since it was mapped: its row {row} "
                        "is another one. Map it again.",
                        row=row,
                    )

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
        check_finite(rows, "samples", window.rows, self._allow_missing)
        return rows

    def _announce(self, file: int, blocks: list[tuple[int, int]]) -> None:
        """Tell the system what will be read, where supported: a disk does it twice as fast."""
        if sys.platform == "linux":
            for begin, end in blocks:
                start, size = begin * self._row_bytes, (end - begin) * self._row_bytes
                os.posix_fadvise(file, self._file.offset + start, size, os.POSIX_FADV_WILLNEED)
