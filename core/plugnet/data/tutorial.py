"""The tutorial's `Data`: its three methods, on the batches that `Trainer` uses."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arguments import flag, integer
from plugnet.arrays import Array
from plugnet.data.batches import ArrayBatches
from plugnet.data.samples import as_array, check_rows
from plugnet.errors import CallOrderError
from plugnet.interfaces import Batch


class Data:
    """Samples and their labels, handed out round and round.

    Attributes:
        batch_size: rows per batch.
        seed: what the random orders are drawn from.
        allow_repeat: whether a batch may be larger than the set, and so repeat rows.

    >>> data = Data(batch_size=2)
    >>> data.get_data([[1.0], [2.0], [3.0]], [0, 1, 2])
    >>> data.pull_data()[1].tolist(), data.pull_data()[1].tolist()
    ([0, 1], [2, 0])
    """

    def __init__(self, batch_size: int = 100, seed: int = 0, allow_repeat: bool = False) -> None:
        self.batch_size = integer("batch_size", batch_size, at_least=1)
        self.seed = integer("seed", seed, at_least=0)
        self.allow_repeat = flag("allow_repeat", allow_repeat)
        self._rng = np.random.default_rng(seed)
        self._batches: ArrayBatches | None = None

    def get_data(self, sample: Any, label: Any) -> None:
        """Take over samples and labels, row by row, and begin with the first.

        Args:
            sample: ``(N, *shape)``.
            label: ``(N,)`` or ``(N, K)``.

        Raises:
            DataError: the rows differ in number, there are none, or a batch is larger than the
                set and ``allow_repeat`` is False.
        """
        samples, labels = as_array(sample, "sample"), as_array(label, "label")
        check_rows(samples, labels)
        self._batches = ArrayBatches(
            Batch(samples, labels), self.batch_size, shuffle=False, allow_repeat=self.allow_repeat
        )

    def shuffle(self) -> None:
        """Put samples and labels into a new random order, the same for both."""
        batches = self._loaded()
        order = self._rng.permutation(batches.rows)
        batches.samples = Batch(batches.samples.x[order], batches.samples.y[order])

    def pull_data(self) -> tuple[Array, Array]:
        """Return copies of the next samples and labels; after the last come the first again.

        Raises:
            CallOrderError: there are no data yet.
        """
        x, y, _ = next(self._loaded())
        return x.copy(), y.copy()

    @property
    def point(self) -> int:
        """Where in the set the next batch begins."""
        return 0 if self._batches is None else self._batches.position % self._batches.rows

    def _loaded(self) -> ArrayBatches:
        if self._batches is None:
            raise CallOrderError("Data: call get_data(sample, label) first; there are no data yet.")
        return self._batches
