"""Divides work among threads that sleep while they wait.

BLAS libraries have threads of their own. Those of OpenBLAS, which NumPy's wheels contain, spin
while they wait for each other: they keep a processor busy without using it, and two trainings side
by side, with two threads each, take three to five times as long as with one. So a trainer limits
BLAS to one thread, and layers divide their work here; two trainings side by side then only share
the processors. NumPy lets other threads run while it computes.

A `concurrent.futures.ThreadPoolExecutor` takes 8 microseconds longer for each divided call, and an
interrupt within its locks can become a RuntimeError; so the few lines it would save are here.
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
#: takes 0.06 to 0.09 ms on a virtual machine with two processors.
MULTIPLICATIONS_PER_THREAD = 5_000_000

#: Rows or columns that BLAS computes as one block: parts of a product end between blocks.
_BLOCK_ROWS = 16


class _Task:
    """A call that another thread makes.

    Attributes:
        error: what it raised.
        unfinished: locked until it has ended.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self.error: BaseException | None = None
        self.unfinished = threading.Lock()
        self.unfinished.acquire()

    def make(self) -> None:
        """Make the call."""
        try:
            self._call()
        except BaseException as error:
            self.error = error
        del self._call  # it may hold the last reference to large arrays
        self.unfinished.release()


def _wait(tasks: Sequence[_Task]) -> list[BaseException]:
    """Wait until all have ended. Return what interrupted this, and then the errors in the calls."""
    interrupts: list[BaseException] = []
    for task in tasks:
        while task.unfinished.locked():
            try:
                with task.unfinished:
                    pass
            except BaseException as interrupt:
                interrupts.append(interrupt)
    return interrupts + [task.error for task in tasks if task.error is not None]


class _Team:
    """The threads of a block. One is the caller's own; the others start when they have work."""

    def __init__(self, count: int, each: Call) -> None:
        self.count = count
        self._each = each
        self._others: list[threading.Thread] = []
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()

    def begin(self, calls: Sequence[Call]) -> list[_Task]:
        """Begin to make calls in the other threads."""
        while len(self._others) < min(len(calls), self.count - 1):
            thread = threading.Thread(target=self._work, name="plugnet", daemon=True)
            thread.start()  # if this fails, no call has begun
            self._others.append(thread)
        tasks = [_Task(call) for call in calls]
        for task in tasks:
            self._tasks.put(task)
        return tasks

    def end(self) -> None:
        """End the other threads. In a context copied before, one thread is left: the caller's."""
        self.count = 1
        self._tasks.put(None)
        for thread in self._others:
            thread.join()

    def _work(self) -> None:
        _team.set(None)  # a thread may begin with a copy of the caller's context
        np.seterr(all="ignore")  # which holds for this thread only
        self._each()
        while (task := self._tasks.get()) is not None:
            task.make()
            del task  # an error in it refers to the call's arrays
        self._tasks.put(None)  # for the next thread


_team: ContextVar[_Team | None] = ContextVar("_team", default=None)


if sys.platform != "win32":  # a forked process has none of these threads
    os.register_at_fork(after_in_child=partial(_team.set, None))


def num_threads() -> int | None:
    """Return the number of threads that share the work here, or None outside `threads`."""
    team = _team.get()
    return None if team is None else team.count


@contextmanager
def threads(count: int, each: Call = lambda: None) -> Iterator[None]:
    """Divide work among ``count`` threads within the block, in this context of this Python thread.

    Args:
        count: the number of threads, including the caller's own.
        each: what each of the other threads calls first, for its own settings. It must not fail.

    Raises:
        ArgumentError: ``count`` is not an integer from 1.
    """
    team, before = _Team(integer("count", count, at_least=1), each), _team.get()
    try:
        _team.set(team)
        yield
    finally:
        try:
            _team.set(before)  # no token, which an interrupt could keep from being stored
        finally:
            team.end()


def split(
    size: int, multiplications: int, multiple: int = 1, max_parts: int | None = None
) -> list[slice]:
    """Return slices that cover ``size`` items, one for each thread that is worth starting.

    The same arguments and the same number of `threads` give the same slices.

    Args:
        size: the number of items.
        multiplications: for all items; a part has `MULTIPLICATIONS_PER_THREAD` or more.
        multiple: each slice but the last has a multiple of this many items.
        max_parts: the largest number of slices; None: one for each thread.
    """
    units = -(-size // multiple)
    parts = min(num_threads() or 1, multiplications // MULTIPLICATIONS_PER_THREAD, units)
    parts = max(1, parts if max_parts is None else min(parts, max_parts))
    bounds = [min(units * part // parts * multiple, size) for part in range(parts + 1)]
    return list(map(slice, bounds, bounds[1:]))


def parallel_call(calls: Sequence[Call]) -> None:
    """Make all calls, the first in this thread and the others at the same time, and wait for them.

    They must not depend on each other. A call does not divide its own work any further. An error
    in one call, or an interrupt, is raised when all have ended. The other threads give no NumPy
    warnings of floating-point errors.
    """
    team = _team.get()
    if team is None or team.count == 1 or len(calls) < 2:
        for call in calls:
            call()
        return
    tasks = team.begin(calls[1:])
    token = _team.set(None)
    try:
        calls[0]()
    finally:
        _team.reset(token)
        errors = _wait(tasks)
    if errors:
        raise errors.pop(0)


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return the product of two matrices, like ``a.dot(b, out=out)``.

    Within `threads` a large product is computed in parts, by rows or columns of the result. The
    same number of threads gives the same bits.

    Args:
        a: ``(rows, inner)``.
        b: ``(inner, columns)``.
        out: ``(rows, columns)``, C-contiguous, or None for a new array.
    """
    count = num_threads() or 1
    if count == 1 or (work := a.size * b.shape[1]) < 2 * MULTIPLICATIONS_PER_THREAD:
        return a.dot(b, out)  # it starts faster than np.matmul, which small layers notice
    if out is None:
        out = np.empty_like(a, shape=(len(a), b.shape[1]), order="C")
    rows, columns = out.shape
    if columns < rows:
        parts = [(a[part], b, out[part]) for part in split(rows, work, _BLOCK_ROWS)]
    else:
        parts = [(a, b[:, part], out[:, part]) for part in split(columns, work, _BLOCK_ROWS)]
    parallel_call([partial(np.matmul, *part) for part in parts])
    return out


def matmul_for(multiplications: int) -> Callable[[Array, Array, Array | None], Array]:
    """Return the plain product for matrices too small to divide, else `matmul`."""
    if multiplications < 2 * MULTIPLICATIONS_PER_THREAD:
        return np.ndarray.dot
    return matmul
