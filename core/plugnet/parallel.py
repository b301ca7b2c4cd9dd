"""Work divided among threads that sleep while they wait.

BLAS libraries have threads of their own. Those of OpenBLAS, which NumPy's wheels carry, wait for
each other by spinning: a second processor is busy without being of use, and two trainings side by
side, with two threads each, take three to five times as long as with one. So a trainer holds BLAS
to one thread, and layers divide their work here; two of them side by side then only share the
processors. NumPy lets other threads run while it computes.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array

Call: TypeAlias = Callable[[], object]

#: Multiplications that are worth a thread: an eighth of a millisecond. To wake one and wait for it
#: takes 0.06 to 0.09 on a virtual machine of two processors.
PART = 5_000_000


class _Ends:
    """How calls in other threads end."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._errors: list[BaseException | None] = []
        self._news: SimpleQueue[None] = SimpleQueue()

    def note(self, error: BaseException | None) -> None:
        """Note that one has ended, and whether with an error."""
        self._errors.append(error)
        self._news.put(None)

    def wait(self) -> list[BaseException]:
        """Wait for all, whatever interrupts, and return all errors."""
        interrupts: list[BaseException] = []
        while len(self._errors) < self._count:  # an interrupt may swallow the news, but not this
            try:
                self._news.get()
            except KeyboardInterrupt as interrupt:
                interrupts.append(interrupt)
        return interrupts + [error for error in self._errors if error is not None]


class _Team:
    """So many threads, of which one is the caller's own; the others start when they have work."""

    def __init__(self, count: int, each: Call) -> None:
        self.count = count
        self._each = each
        self._others: list[threading.Thread] = []
        self._calls: SimpleQueue[tuple[Call, _Ends] | None] = SimpleQueue()

    def begin(self, calls: Sequence[Call]) -> _Ends:
        """Begin calls in other threads."""
        while len(self._others) < min(len(calls), self.count - 1):
            thread = threading.Thread(target=self._work, name="plugnet", daemon=True)
            thread.start()  # which may fail
            self._others.append(thread)
        ends = _Ends(len(calls))
        for call in calls:
            self._calls.put((call, ends))
        return ends

    def end(self) -> None:
        """Let the other threads go. Who divides work here later, in a copied context, has one."""
        self.count = 1
        self._calls.put(None)  # each passes it on
        for thread in self._others:
            thread.join()

    def _work(self) -> None:
        _team.set(None)
        with np.errstate(all="ignore"):  # a thread has settings of its own
            self._each()
            while (work := self._calls.get()) is not None:
                call, ends = work
                del work
                try:
                    call()
                except BaseException as error:
                    del call
                    ends.note(error)
                else:
                    del call  # which may hold the last reference to large arrays
                    ends.note(None)
                del ends
        self._calls.put(None)


_team: ContextVar[_Team | None] = ContextVar("_team", default=None)


if sys.platform != "win32":  # a forked process has none of these threads
    os.register_at_fork(after_in_child=partial(_team.set, None))


def current() -> int | None:
    """Return how many threads work is divided among here; None: none is, and BLAS decides."""
    team = _team.get()
    return None if team is None else team.count


@contextmanager
def threads(count: int, each: Call = lambda: None) -> Iterator[None]:
    """Divide work among ``count`` threads within the block, in this context of this Python thread.

    Args:
        count: the number, the caller's own thread included.
        each: what each of the other threads calls first, for settings of its own. It must not fail.

    Raises:
        ArgumentError: ``count`` is not an integer from 1.
    """
    team, before = _Team(integer("count", count, at_least=1), each), _team.get()
    token = None
    try:
        token = _team.set(team)  # in here, as an interrupt may follow at once, without the token
        yield
    finally:
        try:
            if token is None:
                _team.set(before)
            else:
                _team.reset(token)
        finally:
            team.end()


def divide(size: int, work: int, unit: int = 1, most: int | None = None) -> list[slice]:
    """Return slices that make up ``size`` items, one for each thread that pays.

    The same numbers, within the same number of `threads`, give the same slices.

    Args:
        size: the items.
        work: the multiplications for all of them; each slice has `PART` of them or more.
        unit: all slices but the last are a multiple of this many items.
        most: how many slices at most, or None.
    """
    units = -(-size // unit)
    count = max(1, min(current() or 1, work // PART, units if most is None else min(units, most)))
    bounds = [units * number // count * unit for number in range(count)]
    return [slice(*pair) for pair in zip(bounds, [*bounds[1:], size], strict=True)]


def run(calls: Sequence[Call]) -> None:
    """Make all calls, the first in this thread and the others at the same time, and wait for them.

    They must not depend on each other. Of several calls in several threads, what they divide
    themselves stays whole, and an error in one, the first of which is raised, or an interrupt does
    not keep the others from ending. In other threads NumPy gives no warnings of floating-point
    errors.
    """
    team = _team.get()
    if team is None or team.count == 1 or len(calls) < 2:
        for call in calls:
            call()
        return
    ends = team.begin(calls[1:])
    token = _team.set(None)
    try:
        calls[0]()
    finally:
        _team.reset(token)
        errors = ends.wait()
    if errors:
        raise errors.pop(0)


def multiply(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return the product of two matrices, as ``a.dot(b, out=out)`` does.

    Within `threads` a large one is computed in parts, by rows or columns of the result. The same
    number of threads gives the same bits.

    Args:
        a: ``(rows, inner)``.
        b: ``(inner, columns)``.
        out: ``(rows, columns)``, C-contiguous, or None for a new array.
    """
    team = _team.get()
    if team is None or team.count == 1 or (work := a.size * b.shape[1]) < 2 * PART:
        return a.dot(b, out)  # as np.matmul, but starts faster: small layers gain by it
    if out is None:
        out = np.empty_like(a, shape=(len(a), b.shape[1]), order="C")
    rows, columns = out.shape
    if columns < rows:
        parts = [(a[part], b, out[part]) for part in divide(rows, work, 16)]
    else:
        parts = [(a, b[:, part], out[:, part]) for part in divide(columns, work, 16)]
    run([partial(_product, *part) for part in parts])
    return out


def product(work: int) -> Callable[[Array, Array, Array | None], Array]:
    """Return what multiplies matrices in ``work`` multiplications, plain or as `multiply` does."""
    return multiply if work >= 2 * PART else np.ndarray.dot


def _product(a: Array, b: Array, out: Array) -> None:
    np.matmul(a, b, out=out)
