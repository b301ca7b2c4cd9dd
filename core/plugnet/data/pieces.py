"""Samples that lie in a file in pieces, each of which is read as a whole."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing
from threading import Lock

import numpy as np

from plugnet.arrays import Array
from plugnet.data.lazy import LazyArray

#: Bytes of pieces that are kept until others take their place. The last one is kept in any case.
HELD = 1 << 26


class PiecedArray(LazyArray):
    """A `LazyArray` whose rows lie in pieces: chunks or groups of rows, possibly compressed.

    A subclass sets ``begins``, ``shape`` and ``dtype``, and defines `read_pieces`. Pieces are kept
    for a while, so that the next rows of one are there at once.

    Attributes:
        begins: ``(P + 1,)``, the first row of each piece, and N.
    """

    begins: Array

    def __init__(self) -> None:
        """Hold no pieces yet."""
        self._held: OrderedDict[int, Array] = OrderedDict()
        self._lock = Lock()

    @abstractmethod
    def read_pieces(self, numbers: Sequence[int]) -> Iterator[Array]:
        """Yield pieces by their numbers, each ``(rows, *shape[1:])`` of ``dtype``.

        Raises:
            DataError: one cannot be read.
        """

    def read(self, rows: Array) -> Array:
        """Return some rows, whatever pieces they lie in."""
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        numbers = np.searchsorted(self.begins, rows, "right") - 1
        order = np.argsort(numbers, kind="stable")  # the places of each piece's rows, in turn
        wanted, starts = np.unique(numbers[order], return_index=True)
        places = dict(zip(wanted.tolist(), np.split(order, starts[1:]), strict=True))
        with self._lock:
            for number, piece in self._pieces(list(places)):
                some = places[number]
                out[some] = piece[rows[some] - self.begins[number]]
        return out

    def _pieces(self, numbers: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Yield pieces with their numbers, those first that are held."""
        held = [number for number in numbers if number in self._held]
        absent = [number for number in numbers if number not in self._held]
        for number in held:
            self._held.move_to_end(number)
            yield number, self._held[number]
        with closing(self.read_pieces(absent)) as pieces:  # type: ignore[type-var]
            for number, piece in zip(absent, pieces, strict=True):
                self._hold(number, piece)
                yield number, piece

    def _hold(self, number: int, piece: Array) -> None:
        """Keep a piece, and give up those that were not used for the longest time."""
        self._held[number] = piece
        size = sum(each.nbytes for each in self._held.values())
        while size > HELD and len(self._held) > 1:
            size -= self._held.popitem(last=False)[1].nbytes

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name not in _NOT_COPIED}

    def __setstate__(self, state: dict[str, object]) -> None:
        PiecedArray.__init__(self)
        vars(self).update(state)


_NOT_COPIED = ("_held", "_lock")


def begins_of(rows: int, most: int) -> Array:
    """Return the ``begins`` of pieces of that many rows; the last one may be shorter."""
    return np.append(np.arange(0, rows, max(most, 1)), rows)
