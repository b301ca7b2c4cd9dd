"""Batches of samples that are read when they are wanted, one ahead in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from plugnet.arrays import Array
from plugnet.data.batches import ArrayBatches
from plugnet.interfaces import Batch


class LazyBatches:
    """The batches of `plugnet.data.ArrayBatches`; while one is in use, the next one is read.

    Its attributes are those of `ArrayBatches`, and so is every batch, but that each is a new one.
    """

    def __init__(self, samples: Batch, batch_size: int, shuffle: bool, seed: int) -> None:
        """Take over samples whose ``x`` is a `LazyArray`; nothing is read yet."""
        self.samples, self.batch_size, self.shuffle, self.seed = samples, batch_size, shuffle, seed
        self._plain = ArrayBatches(samples, batch_size, shuffle, seed)
        self.rows = self._plain.rows
        self.position = 0
        self._ahead: tuple[int, Future[Batch]] | None = None  # and at which position it is
        self._thread = ThreadPoolExecutor(1, "plugnet-reader")

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Return the next batch.

        Raises:
            DataError: a row cannot be read, or is not finite; the next call tries once more.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead[0] != self.position:
            ahead = self._begin(self.position)
        batch = ahead[1].result()
        self.position += self.batch_size
        self._ahead = self._begin(self.position)
        return batch

    def blocks(self, rows: int = 1024) -> Iterator[Array]:
        """Yield all samples once, in their order, a block at a time."""
        return self._plain.blocks(rows)

    def state(self) -> dict[str, int]:
        """Return the position."""
        return {"position": self.position}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go to the position of a `state`."""
        self.position = state["position"]

    def _begin(self, position: int) -> tuple[int, Future[Batch]]:
        """Begin to read the batch of a position."""
        return position, self._thread.submit(self._plain.take, position, self.batch_size)
