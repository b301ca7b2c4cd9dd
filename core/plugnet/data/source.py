"""The source of batches for what a user hands over: arrays, in memory or not, or an iterator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from plugnet.data.batches import ArrayBatches, Batches, Resumable
from plugnet.data.lazy import LazyArray
from plugnet.data.mapped import mapped_file
from plugnet.errors import CallOrderError, DataError, SpecError
from plugnet.interfaces import Batch


def from_samples(
    samples: Batch,
    batch_size: int,
    shuffle: bool,
    seed: int,
    position: int = 0,
    allow_missing: bool = False,
) -> Iterator[Batch]:
    """Return batches of samples that were checked, from a position on; see `ArrayBatches`.

    Of a large memory map the values are checked when they are read; with ``allow_missing`` they may
    be NaN.
    """
    if isinstance(samples.x, LazyArray):
        from plugnet.data.read_ahead import LazyBatches  # late: only these need its thread

        lazy = LazyBatches(samples, batch_size, shuffle, seed)
        lazy.position = position
        return lazy
    file = mapped_file(samples.x)
    if file is None:
        batches = ArrayBatches(samples, batch_size, shuffle, seed)
        batches.position = position
        return batches
    from plugnet.data.streaming import StreamedBatches  # late: only large maps need its threads

    streamed = StreamedBatches(samples, file, batch_size, shuffle, seed, allow_missing)
    streamed.position = position
    return streamed


class CheckedBatches:
    """A user's own source of batches, each of which is checked before it is trained on.

    Attributes:
        source: it.
    """

    def __init__(self, source: Batches, check: Callable[..., Batch]) -> None:
        """Take the source.

        Args:
            source: any iterator of ``(x, y)`` or ``(x, y, weights)``.
            check: returns the batch that such a tuple's parts make.
        """
        self.source, self._check = source, check
        self._drawn: Batch | None = None

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Return the next batch, or again the last one until it is `done`."""
        if self._drawn is None:
            self._drawn = self._draw()
        return self._drawn

    def done(self) -> None:
        """Go on to the next batch, because a step was done on the last one."""
        self._drawn = None

    def _draw(self) -> Batch:
        given = next(self.source)
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise DataError(
                "A batch must be a tuple (x, y) or (x, y, weights), but it is a "
                f"{type(given).__name__}. Yield such tuples.",
                row=None,
            )
        return self._check(*given)

    def state(self) -> Mapping[str, Any]:
        """Return where the source is, as JSON has it; {} if it cannot say.

        Raises:
            SpecError: what it says cannot be written as JSON.
        """
        if not isinstance(self.source, Resumable):
            return {}
        import json  # late: few trainings have a source of their own

        try:
            state: Mapping[str, Any] = json.loads(json.dumps(dict(self.source.state())))
        except (TypeError, ValueError) as error:
            raise SpecError(
                f"state() of {type(self.source).__name__} must return what JSON can hold, but "
                f"{error}. Return a dict of numbers, strings and lists of them.",
                path="source_state",
            ) from error
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Let the source go on from its `state`.

        Raises:
            CallOrderError: it cannot, or could not say where it was.
        """
        if not state or not isinstance(self.source, Resumable):
            raise CallOrderError(
                "To resume, a source of batches needs state() and restore(state), but "
                f"{type(self.source).__name__} lacks them, or the previous source did. Add them, "
                "or set trainer.source_state = None to train on whatever comes next."
            )
        self.source.restore(state)
