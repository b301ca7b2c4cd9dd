"""The update: what a gradient does to the parameters, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array
from plugnet.errors import ShapeError
from plugnet.interfaces import Optimizer, Regularizer
from plugnet.parallel import num_threads, parallel_call
from plugnet.parameter import Parameter, Parameters, Run

#: Numbers that are decayed and updated at a time: all passes but the first find them in the cache.
BLOCK_NUMBERS = 1 << 16
#: Numbers that are worth a thread: with fewer, threads wait for each other's interpreter lock.
THREAD_NUMBERS = 1 << 17
#: Updates that a file may claim: at a thousand a second, some 300,000 years of them.
MOST_STEPS = 1 << 53


class _Decay(NamedTuple):
    """Numbers to which the regularizer adds its gradient."""

    value: Array
    grad: Array
    scale: float
    scratch: Array


class _Step(NamedTuple):
    """Numbers that the optimizer updates, with multipliers, slots and scratch arrays."""

    value: Array
    grad: Array
    lr_mult: float
    decay_mult: float
    arrays: Sequence[Array]


_Block: TypeAlias = tuple[list[_Decay], list[_Step]]


class Update:
    """Regularizer and optimizer over all parameters of a network, with what they remember.

    Attributes:
        steps: how many updates there have been.
        slots: the optimizer's arrays by their names, each ``(n,)`` like `Parameters.value`.
    """

    def __init__(
        self,
        parameters: Parameters,
        optimizer: Optimizer,
        regularizer: Regularizer | None,
        before: Update | None = None,
    ) -> None:
        """Begin to remember, or go on with what ``before`` remembers of the same parameters."""
        self.parameters, self.optimizer, self.regularizer = parameters, optimizer, regularizer
        self.steps = 0
        self.slots = {name: np.zeros_like(parameters.value) for name in optimizer.slots}
        if before is not None and before.fits(parameters, optimizer, before.regularizer):
            self.steps, self.slots = before.steps, before.slots
        self._version = self._threads = -1  # from which the parts were derived
        self._moved: list[Array] = []  # what the statistics are to become
        self._parts: list[list[_Block]] = []

    def fits(
        self, parameters: Parameters, optimizer: Optimizer, regularizer: Regularizer | None
    ) -> bool:
        """Tell whether this is the update of exactly these."""
        return (
            self.parameters is parameters
            and self.optimizer is optimizer
            and self.regularizer is regularizer
        )

    def prepare(self) -> None:
        """Make all that the next `apply` needs, so that it allocates nothing."""
        threads = num_threads() or 1
        if self._version != Parameter.version or self._threads != threads:
            self._derive(threads)
        if self.parameters.statistics:
            self._moved = [statistic.moved() for statistic in self.parameters.statistics]

    def apply(self, rate: float) -> None:
        """Add the regularizer's gradient, take a step with the learning rate ``rate``, and move the
        statistics; after `prepare`.
        """
        self.steps += 1
        parts = self._parts
        if len(parts) == 1:
            self._work(parts[0], rate)
        else:
            parallel_call([partial(self._work, part, rate) for part in parts])
        for statistic, moved in zip(self.parameters.statistics, self._moved, strict=True):
            statistic.value = moved  # in one step: another thread may be predicting

    def _work(self, blocks: Sequence[_Block], rate: float) -> None:
        step, t = self.optimizer.step, self.steps
        for decays, steps in blocks:
            for value, grad, scale, scratch in decays:
                self.regularizer.add_gradient(value, grad, scale, scratch)  # type: ignore[union-attr]
            for value, grad, lr_mult, decay_mult, arrays in steps:
                step(value, grad, rate * lr_mult, decay_mult, t, *arrays)

    def state(self) -> dict[str, Array]:
        """Return what the optimizer remembers, as "velocity/fc1.weight", and the count of steps.

        The arrays are the update's own, not copies.
        """
        places = self.parameters.places
        own = {
            f"{slot}/{path}": array[place].reshape(self.parameters[path].value.shape)
            for slot, array in self.slots.items()
            for path, place in places.items()
        }
        return {"steps": np.array(self.steps), **own}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over, by copy, what `state` returned. All of it, or nothing.

        Raises:
            ShapeError: it is the state of another optimizer, or of other parameters.
        """
        own = self.state()
        given = {name: np.shape(array) for name, array in state.items()}
        wanted = {name: array.shape for name, array in own.items()}
        if given != wanted:
            raise ShapeError(
                f"The optimizer's state must have the arrays {wanted}, but has {given}. Restore "
                "it into an optimizer of the kind that saved it, for a network of the same layers.",
                expected=wanted,
                got=given,
            )
        self.steps = integer("steps", int(state["steps"]), at_least=0, at_most=MOST_STEPS)
        for name, array in own.items():
            if name != "steps":
                array[...] = state[name]

    # What is worked on at a time -----------------------------------------------------------------

    def _derive(self, threads: int) -> None:
        """Divide the numbers into blocks, and the blocks among the threads."""
        version = Parameter.version  # before anything is read: what changes meanwhile is seen next
        n = self.parameters.value.size
        count = max(1, min(threads, n // THREAD_NUMBERS))
        size = THREAD_NUMBERS if count > 1 else BLOCK_NUMBERS
        places = [slice(start, min(start + size, n)) for start in range(0, n, size)]
        scratches = [self._scratches(min(size, n)) for _ in range(count)]
        runs = self._runs()
        parts = [
            [self._block(place, runs, scratch) for place in places[i::count]]
            for i, scratch in enumerate(scratches)
        ]
        decays, steps = list(self._whole_decays()), list(self._whole_steps())
        if decays or steps:  # what takes whole parameters waits for all others, or they for it
            parts = [[*decays, *(block for part in parts for block in part), *steps]]
        self._parts = parts
        self._version, self._threads = version, threads

    def _scratches(self, size: int) -> list[Array]:
        count = max(self.optimizer.scratches, 1)
        return [np.empty_like(self.parameters.value, shape=(size,)) for _ in range(count)]

    def _runs(self) -> tuple[list[Run], list[Run]]:
        """Return the runs that are decayed, and those that are updated, number by number."""
        decayed: list[Run] = []
        updated: list[Run] = []
        if self.regularizer is not None and self.regularizer.elementwise:
            decayed = [run for run in self.parameters.runs("decay_mult") if run.decay_mult]
        if self.optimizer.elementwise:
            decays = ("decay_mult",) if self.optimizer.decoupled_decay else ()
            updated = self.parameters.runs("lr_mult", *decays)
        return decayed, updated

    def _block(
        self, place: slice, runs: tuple[list[Run], list[Run]], scratches: Sequence[Array]
    ) -> _Block:
        """Return what is done to the numbers at a place, as far as each is treated on its own."""
        value, grad, slots = self.parameters.value, self.parameters.grad, self.slots.values()
        decayed, updated = runs
        decays = [
            _Decay(value[part], grad[part], run.decay_mult, _cut(scratches[:1], part)[0])
            for run, part in _within(decayed, place)
        ]
        scratches = scratches[: self.optimizer.scratches]
        steps = [
            _Step(
                value[part], grad[part], run.lr_mult, run.decay_mult,
                [*(slot[part] for slot in slots), *_cut(scratches, part)],
            )
            for run, part in _within(updated, place)
        ]  # fmt: skip
        return decays, steps

    def _whole_decays(self) -> Iterator[_Block]:
        if self.regularizer is not None and not self.regularizer.elementwise:
            for p in self.parameters.values():
                if p.trainable and p.decay_mult:
                    yield [_Decay(p.value, p.grad, p.decay_mult, np.empty_like(p.value))], []

    def _whole_steps(self) -> Iterator[_Block]:
        if self.optimizer.elementwise:
            return
        for path, p in self.parameters.items():
            if p.trainable:
                place = self.parameters.places[path]
                arrays = [slot[place].reshape(p.value.shape) for slot in self.slots.values()]
                arrays += [np.empty_like(p.value) for _ in range(self.optimizer.scratches)]
                yield [], [_Step(p.value, p.grad, p.lr_mult, p.decay_mult, arrays)]


def _within(runs: Sequence[Run], place: slice) -> Iterator[tuple[Run, slice]]:
    """Yield the runs that have numbers at a place, and where these are."""
    for run in runs:
        start, stop = max(run.place.start, place.start), min(run.place.stop, place.stop)
        if start < stop:
            yield run, slice(start, stop)


def _cut(arrays: Sequence[Array], part: slice) -> list[Array]:
    return [array[: part.stop - part.start] for array in arrays]
