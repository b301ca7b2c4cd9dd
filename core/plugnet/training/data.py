"""Data: labelled samples, handed out batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plugnet.arguments import flag, integer
from plugnet.arrays import Array
from plugnet.errors import CallOrderError, DataError
from plugnet.interfaces import Batch
from plugnet.mapped import streamed
from plugnet.samples import as_array, check_rows
from plugnet.training.order import Order, Window

if TYPE_CHECKING:
    from plugnet.training.reader import Reader


class _Part(NamedTuple):
    """Where the samples of the places ``start`` to ``stop`` of an epoch are at hand.

    They are the rows ``order`` of the arrays; if that is None, their first rows.
    """

    start: int
    stop: int
    samples: Array
    labels: Array
    weights: Array | None
    order: Array | None

    def rows(self, rows: slice) -> Batch:
        """Return views of some rows of the arrays, which come as they lie."""
        weights = None if self.weights is None else self.weights[rows]
        return Batch(self.samples[rows], self.labels[rows], weights)

    def gather(self, rows: slice, out: Batch) -> Batch:
        """Copy some rows, counted in their order, to ``out``."""
        if self.order is None:
            for array, source in zip(out, self.rows(rows), strict=True):
                if array is not None:
                    array[...] = source
            return out
        places = self.order[rows]  # and "clip" as other modes copy through a buffer
        self.samples.take(places, 0, out.x, "clip")
        self.labels.take(places, 0, out.y, "clip")
        if self.weights is not None:
            self.weights.take(places, 0, out.weights, "clip")
        return out


class Data:
    """Samples and their labels, and a cursor that goes round and round over them.

    The arrays are neither copied nor changed. A batch may be a view of them, or a buffer that the
    next `pull_data` overwrites: copy what you want to keep or change.

    Samples from 1 GiB on, as they are stored, are shuffled in blocks, see
    `plugnet.training.order.Order`: the order is the same whether they are in memory or a memory
    map, which is then read ahead by a thread.

    Attributes:
        batch_size: rows per batch.
        shuffled: whether every epoch comes in an order of its own.
        seed: of the random orders.
        allow_repeat: whether a batch may be larger than the set, and so repeat rows.
        samples: ``(N, *shape)``, or None before `get_data`.
        labels: ``(N,)`` or ``(N, K)``, or None before `get_data`.
        weights: ``(N,)``, how much each sample counts, or None: all the same.
        point: the cursor, the place in the current order where the next batch begins.
        epoch: how often the cursor has come round.
    """

    def __init__(
        self,
        batch_size: int = 100,
        shuffle: bool = False,
        seed: int = 0,
        allow_repeat: bool = False,
    ) -> None:
        self.batch_size = integer("batch_size", batch_size, at_least=1)
        self.shuffled = flag("shuffle", shuffle)
        self.seed = integer("seed", seed, at_least=0)
        self.allow_repeat = flag("allow_repeat", allow_repeat)
        self.samples: Array | None = None
        self.labels: Array | None = None
        self.weights: Array | None = None
        self.point = 0
        self.epoch = 0
        self._rows = 0
        self._shuffles = 0
        self._order: Order | None = None
        self._part: _Part | None = None
        self._reader: Reader | None = None
        self._following: Window | None = None
        self._buffers: Batch | None = None

    def __len__(self) -> int:
        return self._rows

    def get_data(self, sample: Any, label: Any, weights: Any = None) -> None:
        """Take over samples, labels and perhaps weights, row by row, and start from the first.

        Args:
            sample: ``(N, *shape)``.
            label: ``(N,)`` or ``(N, K)``.
            weights: ``(N,)``, or None.

        Raises:
            DataError: the rows differ in number, there are none, or a batch is larger than the
                set and ``allow_repeat`` is off.
        """
        samples, labels = as_array(sample, "sample"), as_array(label, "label")
        check_rows(samples, labels)
        if weights is not None:
            weights = as_array(weights, "weights")
            check_rows(samples, weights)
        if self.batch_size > len(samples) and not self.allow_repeat:
            raise DataError(
                f"A batch must not be larger than the set, but batch_size is {self.batch_size} "
                f"and there are {len(samples)} samples. Lower it; a Data of your own may repeat "
                "rows instead, by allow_repeat=True.",
                row=None,
            )
        self.samples, self.labels, self.weights = samples, labels, weights
        self._rows = len(samples)
        self._shuffles = 0
        self._order = _order(samples, None)
        self._reader = self._buffers = None
        if (file := streamed(samples)) is not None:
            from plugnet.training.reader import Reader  # late: only large memory maps need threads

            self._reader = Reader(samples, file)
        self.seek(0)

    def shuffle(self) -> None:
        """Draw a new random order, the same for samples and labels; the cursor stays.

        The n-th call since `get_data`, from 0, gives a pure function of ``(seed, n)``.
        """
        samples, _, _ = self._loaded()
        self._order = _order(samples, [self.seed, self._shuffles])
        self._part = self._following = None
        self._shuffles += 1

    @property
    def position(self) -> int:
        """How many samples have been handed out since `get_data`."""
        return self.epoch * len(self) + self.point

    def seek(self, position: int) -> None:
        """Go to where ``position`` samples have been handed out, to resume from there.

        If every epoch has an order of its own, that of the epoch there is drawn again.
        """
        samples, _, _ = self._loaded()
        self._part = self._following = None
        self.epoch, self.point = divmod(integer("position", position, at_least=0), len(samples))
        if self.shuffled:
            self._shuffles = self.epoch
            self.shuffle()

    def pull_data(self) -> tuple[Array, Array]:
        """Return the next ``batch_size`` samples and labels.

        At the end of the set the batch goes on from its beginning, so it is never short.

        Raises:
            CallOrderError: there are no data yet.
        """
        return self.pull_batch()[:2]

    def pull_batch(self) -> Batch:
        """Return what `pull_data` does, and the samples' weights."""
        size, point, part = self.batch_size, self.point, self._part
        if part is None or not part.start <= point < part.stop:
            part = self._part = self._next_part()
        if point + size > part.stop:
            return self._pull_from_parts(part)
        rows = slice(point - part.start, point - part.start + size)
        self._advance(size)
        return part.rows(rows) if part.order is None else part.gather(rows, self._room())

    def _pull_from_parts(self, part: _Part) -> Batch:
        """Return a batch that begins in one part and goes on in others."""
        size, room, done = self.batch_size, self._room(), 0
        while done < size:
            count = min(size - done, part.stop - self.point)
            start = self.point - part.start
            some = slice(done, done + count)
            weights = None if room.weights is None else room.weights[some]
            part.gather(slice(start, start + count), Batch(room.x[some], room.y[some], weights))
            self._advance(count)
            done += count
            if done < size:
                part = self._part = self._next_part()
        return room

    def _room(self) -> Batch:
        """Return the buffers of a batch."""
        if self._buffers is None:
            samples, labels, _ = self._loaded()
            x, y = (
                np.empty((self.batch_size, *array.shape[1:]), array.dtype)
                for array in (samples, labels)
            )
            held = self.weights
            weights = None if held is None else np.empty(self.batch_size, held.dtype)
            self._buffers = Batch(x, y, weights)
        return self._buffers

    def _advance(self, count: int) -> None:
        """Move the cursor within the epoch, and begin a new one at its end."""
        self.point += count
        if self.point == self._rows:
            self.point = 0
            self.epoch += 1
            if self.shuffled:
                self.shuffle()

    def _next_part(self) -> _Part:
        """Return the part in which the cursor is; it is read now if it is not at hand."""
        samples, labels, order = self._loaded()
        weights, window = self.weights, self._following or order.window(self.point)
        start, stop = window.start, window.stop
        if self._reader is None:
            if window.order is None:
                return _Part(0, len(samples), samples, labels, weights, None)
            rows = window.rows[window.order]
            return _Part(start, stop, samples, labels, weights, rows)
        self._following = None if stop == len(samples) else order.window(stop)
        held = self._reader.read(window, self._following)
        some = None if weights is None else weights[window.rows]
        return _Part(start, stop, held, labels[window.rows], some, window.order)

    def _loaded(self) -> tuple[Array, Array, Order]:
        if self.samples is None or self.labels is None or self._order is None:
            raise CallOrderError("Data: call get_data(sample, label) first; there are no data yet.")
        return self.samples, self.labels, self._order


def _order(samples: Array, seed: list[int] | None) -> Order:
    return Order(len(samples), samples.nbytes // len(samples), seed)
