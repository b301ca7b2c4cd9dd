"""Data: labelled samples, handed out batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plugnet.arguments import flag, integer
from plugnet.arrays import Array, reuse
from plugnet.errors import CallOrderError, DataError
from plugnet.mapped import streamed
from plugnet.samples import as_array, check_rows
from plugnet.training.order import Order, Window

if TYPE_CHECKING:
    from plugnet.training.reader import Reader


class _Part(NamedTuple):
    """Where the samples of the places ``start`` to ``stop`` of an epoch are at hand.

    They are the rows ``order`` of the two arrays; if that is None, their first rows.
    """

    start: int
    stop: int
    samples: Array
    labels: Array
    order: Array | None


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
        self.point = 0
        self.epoch = 0
        self._shuffles = 0
        self._order: Order | None = None
        self._part: _Part | None = None
        self._reader: Reader | None = None
        self._following: Window | None = None
        self._batch: Array | None = None
        self._batch_labels: Array | None = None

    def __len__(self) -> int:
        return 0 if self.samples is None else len(self.samples)

    def get_data(self, sample: Any, label: Any) -> None:
        """Take over samples and labels, row by row, and start from the first.

        Args:
            sample: ``(N, *shape)``.
            label: ``(N,)`` or ``(N, K)``.

        Raises:
            DataError: the rows differ in number, there are none, or a batch is larger than the
                set and ``allow_repeat`` is off.
        """
        samples, labels = as_array(sample, "sample"), as_array(label, "label")
        check_rows(samples, labels)
        if self.batch_size > len(samples) and not self.allow_repeat:
            raise DataError(
                f"A batch must not be larger than the set, but batch_size is {self.batch_size} "
                f"and there are {len(samples)} samples. Lower it; a Data of your own may repeat "
                "rows instead, by allow_repeat=True.",
                row=None,
            )
        self.samples, self.labels = samples, labels
        self._shuffles = 0
        self._order = _order(samples, None)
        self._reader = None
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
        samples, labels, _ = self._loaded()
        size = self.batch_size
        part = self._at_hand()
        if part.order is None and self.point + size <= part.stop:
            rows = slice(self.point - part.start, self.point - part.start + size)
            self._advance(size)
            return part.samples[rows], part.labels[rows]

        self._batch = reuse(self._batch, samples, (size, *samples.shape[1:]))
        self._batch_labels = reuse(self._batch_labels, labels, (size, *labels.shape[1:]))
        done = 0
        while done < size:
            part = self._at_hand()
            count = min(size - done, part.stop - self.point)
            rows = slice(self.point - part.start, self.point - part.start + count)
            _gather(part.samples, part.order, rows, self._batch[done : done + count])
            _gather(part.labels, part.order, rows, self._batch_labels[done : done + count])
            self._advance(count)
            done += count
        return self._batch, self._batch_labels

    def _advance(self, count: int) -> None:
        """Move the cursor within the epoch, and begin a new one at its end."""
        self.point += count
        if self.point == len(self):
            self.point = 0
            self.epoch += 1
            if self.shuffled:
                self.shuffle()

    def _at_hand(self) -> _Part:
        """Return the part in which the cursor is; it is read now if it is not at hand."""
        part = self._part
        if part is None or not part.start <= self.point < part.stop:
            part = self._part = self._next_part()
        return part

    def _next_part(self) -> _Part:
        samples, labels, order = self._loaded()
        window = self._following or order.window(self.point)
        if self._reader is None:
            if window.order is None:
                return _Part(0, len(samples), samples, labels, None)
            return _Part(window.start, window.stop, samples, labels, window.rows[window.order])
        self._following = None if window.stop == len(samples) else order.window(window.stop)
        held = self._reader.read(window, self._following)
        return _Part(window.start, window.stop, held, labels[window.rows], window.order)

    def _loaded(self) -> tuple[Array, Array, Order]:
        if self.samples is None or self.labels is None or self._order is None:
            raise CallOrderError("Data: call get_data(sample, label) first; there are no data yet.")
        return self.samples, self.labels, self._order


def _order(samples: Array, seed: list[int] | None) -> Order:
    return Order(len(samples), samples.nbytes // len(samples), seed)


def _gather(source: Array, order: Array | None, rows: slice, out: Array) -> None:
    """Copy the ``rows`` of ``source``, counted in its ``order``, to ``out``."""
    if order is None:
        out[...] = source[rows]
    else:  # "clip" as the other modes copy through a buffer; no index is out of range
        source.take(order[rows], axis=0, out=out, mode="clip")
