"""Samples that lie in a file in pieces, each of which is read as a whole."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from threading import Lock

import numpy as np

from plugnet.arrays import Array
from plugnet.data.lazy import LazyArray

#: Bytes of pieces that are held, or those of the largest piece if that is larger.
HELD = 1 << 26


class PiecedArray(LazyArray):
    """A `LazyArray` whose rows lie in pieces: chunks or groups of rows, possibly compressed.

    A subclass sets ``begins``, ``shape`` and ``dtype``, and defines `read_pieces`. Pieces that were
    read are held for a while, so that the next rows of one are there at once. It can be copied and
    pickled; a copy holds none.

    Attributes:
        begins: ``(P + 1,)``, the first row of each piece, and N.
    """

    begins: Array
    _held: _Held | None = None

    @abstractmethod
    def read_pieces(self, numbers: Sequence[int]) -> Iterator[Array]:
        """Yield pieces by their numbers, at least one, each ``(rows, *shape[1:])``.

        Raises:
            DataError: one cannot be read; ``row`` is its first row.
        """

    def read(self, rows: Array) -> Array:
        """Return some rows, whatever pieces they lie in.

        Raises:
            DataError: a piece cannot be read.
        """
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        numbers = np.searchsorted(self.begins, rows, "right") - 1
        held = self._held
        if held is None:
            held = self._held = _Held(self.begins, self.shape[1:], self.dtype)
        with held.lock:
            portions = list(held.portions(np.unique(numbers)))
            for portion in portions:
                held.fetch(portion, self.read_pieces)
                some = np.isin(numbers, portion) if len(portions) > 1 else slice(None)
                out[some] = held.taken(numbers[some], rows[some])
        return out

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_held"}


class _Held:
    """Pieces that are held, one after another in one array.

    Attributes:
        lock: whoever fetches and takes must hold it.
    """

    def __init__(self, begins: Array, shape: Sequence[int], dtype: np.dtype[np.generic]) -> None:
        """Hold no pieces yet."""
        self.lock = Lock()
        self._begins, self._sizes = begins, np.diff(begins)
        row_bytes = max(math.prod(shape) * dtype.itemsize, 1)
        count = min(max(HELD // row_bytes, int(self._sizes.max())), int(begins[-1]))
        self._rows = np.empty((count, *shape), dtype)
        self._places = np.full(len(self._sizes), -1)  # of each piece in _rows; -1: it is not there
        self._used = 0

    def portions(self, numbers: Array) -> Iterator[Array]:
        """Yield some pieces in portions that can be held together, first what is held."""
        order = np.argsort(self._places[numbers] < 0, kind="stable")
        numbers = numbers[order]
        start = 0
        while start < len(numbers):
            ends = np.cumsum(self._sizes[numbers[start:]])
            stop = start + int(np.searchsorted(ends, len(self._rows), "right"))
            yield numbers[start:stop]
            start = stop

    def fetch(self, numbers: Array, read: Callable[[Sequence[int]], Iterator[Array]]) -> None:
        """Read those of some pieces that are not held; if there is no room, the others go."""
        absent = numbers[self._places[numbers] < 0]
        if self._used + self._sizes[absent].sum() > len(self._rows):
            self._places[:] = -1
            self._used, absent = 0, numbers
        if not len(absent):
            return
        for number, piece in zip(absent.tolist(), read(absent.tolist()), strict=True):
            end = self._used + len(piece)
            self._rows[self._used : end] = piece
            self._places[number], self._used = self._used, end

    def taken(self, numbers: Array, rows: Array) -> Array:
        """Return rows, ``(n,)``, of pieces that are held, whose numbers are ``(n,)``."""
        return self._rows.take(self._places[numbers] + rows - self._begins[numbers], 0)


def begins_of(rows: int, most: int) -> Array:
    """Return the ``begins`` of pieces of that many rows; the last one may be shorter."""
    return np.append(np.arange(0, rows, max(most, 1)), rows)
