"""Batches: what a training takes one after another, and the plain source of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array
from plugnet.data.lazy import LazyArray
from plugnet.data.mapped import is_large
from plugnet.data.samples import check_rows
from plugnet.errors import ArgumentError, DataError
from plugnet.interfaces import Batch


class Batches(Protocol):
    """A source of batches: any iterator of ``(x, y)`` or ``(x, y, weights)`` trains.

    Each of the further methods and attributes is asked for only by what needs it, with an error
    that names it where it is missing: `Resumable` to go on from a file. `ArrayBatches` has more:
    ``rows``, the number of samples; ``blocks()``, all samples once, in their order, a block at a
    time; and ``fetch(iteration, shard, shards)``, any part of any batch.
    """

    def __next__(self) -> Any: ...


@runtime_checkable
class Resumable(Protocol):
    """A source of batches that can say, as JSON has it, where it is, and go on from there."""

    def state(self) -> Mapping[str, Any]:
        """Return the position after the last batch."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to a place that `state` returned."""
        ...


class ArrayBatches:
    """Batches from arrays in memory, epoch after epoch, each in a random order of its own.

    A batch that reaches the end of an epoch goes on in the next one, so it is never short. It may
    be a view of the arrays, or a buffer that the next call overwrites. The batches
    depend only on the arguments and the position. Copy a batch to keep it.

    Attributes:
        samples: all of them, as `Batch`.
        batch_size: rows per batch.
        shuffle: whether the order is random.
        seed: what the orders are drawn from.
        rows: how many samples there are.
        position: how many rows have been handed out.

    >>> import numpy as np
    >>> from plugnet.interfaces import Batch
    >>> samples = Batch(np.arange(10.0).reshape(5, 2), np.arange(5))
    >>> batches = ArrayBatches(samples, batch_size=3, shuffle=False)
    >>> next(batches).y.tolist(), next(batches).y.tolist()
    ([0, 1, 2], [3, 4, 0])
    """

    def __init__(
        self,
        samples: Batch,
        batch_size: int = 100,
        shuffle: bool = True,
        seed: int = 0,
        allow_repeat: bool = False,
    ) -> None:
        """Take over arrays that were checked before; they are neither copied nor changed.

        Args:
            samples: ``x``, ``(N, *shape)``; ``y``, ``(N,)`` or ``(N, K)``; ``weights`` or None.
            batch_size: rows per batch.
            shuffle: whether each epoch has a random order of its own.
            seed: what the orders are drawn from.
            allow_repeat: whether a batch may be larger than the set, and so repeat rows.

        Raises:
            ArgumentError: ``batch_size`` is not an integer from 1.
            DataError: the arrays differ in length, or a batch is larger than the set, and
                ``allow_repeat`` is False.
        """
        self.samples, self.batch_size, self.shuffle, self.seed = samples, batch_size, shuffle, seed
        self.rows, self._is_lazy = len(samples.x), isinstance(samples.x, LazyArray)
        for other in samples[1:]:
            if other is not None:
                check_rows(samples.x, other)
        integer("batch_size", batch_size, at_least=1)
        if not allow_repeat:
            check_batch_size(batch_size, self.rows)
        self.position = 0
        self._epoch, self._order = -1, np.empty(0, np.intp)
        self._out: Batch | None = None

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._out is None:
            self._out = empty_like(self.samples, self.batch_size)
        batch = self.take(self.position, self.batch_size, self._out)
        self.position += self.batch_size
        return batch

    def fetch(self, iteration: int, shard: int = 0, shards: int = 1) -> Batch:
        """Return one part of the batch of an iteration, counted from 0; the position stays.

        Args:
            iteration: which batch.
            shard: which part of it.
            shards: into how many equal parts it is divided.

        Raises:
            ArgumentError: ``batch_size`` is not a multiple of ``shards``.
        """
        if self.batch_size % shards:
            raise ArgumentError(
                f"A batch of {self.batch_size} cannot be divided into {shards} equal parts. Choose "
                "a batch_size that is a multiple of the number of shards.",
                argument="shards",
                value=shards,
            )
        size = self.batch_size // shards
        return self.take(iteration * self.batch_size + shard * size, size)

    def blocks(self, rows: int = 1024) -> Iterator[Array]:
        """Yield all samples once, in their order, as views of at most ``rows`` rows."""
        for start in range(0, self.rows, rows):
            yield self.samples.x[start : start + rows]

    def state(self) -> dict[str, int]:
        """Return the position."""
        return {"position": self.position}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go to the position of a `state`."""
        self.position = state["position"]

    def order(self, epoch: int) -> Array:
        """Return the rows of an epoch in their random order, ``(rows,)``."""
        if epoch != self._epoch:
            seed, x = [self.seed, epoch], self.samples.x
            pieces = x.begins if isinstance(x, LazyArray) else None
            if is_large(x) or pieces is not None:
                from plugnet.data.order import Order  # late: only large sets need its windows

                self._order = Order(self.rows, x.nbytes // self.rows, seed, pieces).rows()
            else:
                self._order = np.random.default_rng(seed).permutation(self.rows)
            self._epoch = epoch
        return self._order

    def take(self, position: int, count: int, out: Batch | None = None) -> Batch:
        """Return ``count`` rows from a position on, as views or in ``out``; the position stays."""
        samples = self.samples
        epoch, start = divmod(position, self.rows)
        if start + count > self.rows:
            rows = np.concatenate(list(self._pieces(epoch, start, count)))
        elif self.shuffle:
            order = self._order if epoch == self._epoch else self.order(epoch)
            rows = order[start : start + count]
        elif self._is_lazy:  # what is read may lie in a buffer that is used again and again
            rows = np.arange(start, start + count)
        else:
            some = slice(start, start + count)
            weights = None if samples.weights is None else samples.weights[some]
            return Batch(samples.x[some], samples.y[some], weights)
        out = empty_like(samples, count) if out is None else out
        samples.x.take(rows, 0, out.x, "clip")  # other modes copy through a buffer of their own
        samples.y.take(rows, 0, out.y, "clip")
        if samples.weights is not None:
            samples.weights.take(rows, 0, out.weights, "clip")
        return out

    def _pieces(self, epoch: int, start: int, count: int) -> Iterator[Array]:
        """Yield the rows of each epoch that a batch takes from."""
        while count > 0:
            order = self.order(epoch) if self.shuffle else np.arange(self.rows)
            yield (piece := order[start : start + count])
            epoch, start, count = epoch + 1, 0, count - len(piece)


def empty_like(samples: Batch, rows: int) -> Batch:
    """Return uninitialised arrays for ``rows`` rows of such samples."""
    x, y, weights = samples
    return Batch(
        np.empty((rows, *x.shape[1:]), x.dtype),
        np.empty((rows, *y.shape[1:]), y.dtype),
        None if weights is None else np.empty(rows, weights.dtype),
    )


def check_batch_size(batch_size: int, rows: int) -> None:
    """Raise DataError if a batch is larger than the set."""
    if batch_size > rows:
        raise DataError(
            f"A batch must not be larger than the set, but batch_size is {batch_size} and there "
            f"are {rows} samples. Lower batch_size, or train on "
            "plugnet.data.ArrayBatches(..., allow_repeat=True).",
            row=None,
        )
