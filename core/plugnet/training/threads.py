"""Threads: among how many of them the work of a network is divided, and that BLAS has one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from plugnet import parallel

if TYPE_CHECKING:
    from threadpoolctl import LibController


@contextmanager
def limited(threads: int | None) -> Iterator[int]:
    """Divide work among the given number of threads within the block; yield the number.

    BLAS has one thread within it: only work that is worth it is divided, see `plugnet.parallel`.
    Where blocks overlap, in several Python threads, the last to end gives BLAS back what it had
    before the first, in whatever order they end. BLAS's number is the process's, so products that
    others compute meanwhile have one thread, too.

    What somebody else sets meanwhile, as by ``threadpool_limits``, holds from then on, but for
    further blocks, and stays after the last. A ``threadpool_limits`` that begins within a block and
    ends after it gives back what it found, one thread: end it earlier.

    Args:
        threads: the number; None: that of an enclosing block, else `blas_threads`, which are by
            default those of the processors that the process may run on, or what OMP_NUM_THREADS
            and its like say. Never by a measurement, which would change the bits.
    """
    count = threads or parallel.num_threads() or blas_threads() or 1
    with _one_blas_thread(), parallel.threads(count, each=_limit_own):
        yield count


def blas_threads() -> int | None:
    """Return how many threads BLAS uses where nothing is `limited`, or None if nobody knows."""
    with _lock:
        noted = {path: number for note in _notes.values() for path, number in note.items()}
        found = {library.path: library.number() or 0 for library in _libraries()}
    numbers = (noted.get(path, 1) if number == 1 else number for path, number in found.items())
    return max(numbers, default=0) or None


# BLAS's number, once per process -----------------------------------------------------------------

_lock = threading.RLock()  # reentrant, as a signal's handler may train, too
#: What those who hold the libraries to one thread found, if it was another number, by the library's
#: path; the first to hold them comes first.
_notes: dict[object, dict[str, int]] = {}


class _Library(NamedTuple):
    """A library of BLAS.

    Attributes:
        path: of its file.
        per_thread: whether each thread of the system has a number of its own.
        number: gives how many threads it uses.
        set_number: sets it.
    """

    path: str
    per_thread: bool
    number: Callable[[], int | None]
    set_number: Callable[[int], object]


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread."""
    holder = object()
    own: dict[str, int] = {}
    try:
        _hold(holder)
        _limit_own(own)
        yield
    finally:
        interrupts: list[BaseException] = []  # what signals' handlers raise at the end waits for it
        while len(interrupts) < 3:
            try:
                _give_back(own)
                _let_go(holder)
                break
            except BaseException as error:
                interrupts.append(error)
        if interrupts:
            raise interrupts[0]


def _hold(holder: object) -> None:
    """Give the process's libraries one thread, and note what they had."""
    with _lock:
        note = _notes.setdefault(holder, {})
        for library in _libraries():
            number = library.number()
            if not library.per_thread and number not in (1, None):
                note[library.path] = number
                library.set_number(1)


def _let_go(holder: object) -> None:
    """Give back what was noted, or leave that to the next who holds the libraries.

    A note of one's own says more than an older one, and what somebody has set since is left.
    """
    with _lock:
        holders = list(_notes)
        if holder not in holders:  # a forked process has forgotten it
            return
        note, later = _notes[holder], holders[holders.index(holder) + 1 :]
        if later:
            _notes[later[0]] = note | _notes[later[0]]
        elif note:
            for library in _libraries():
                if library.path in note and library.number() == 1:
                    library.set_number(note[library.path])
        del _notes[holder]


def _limit_own(before: dict[str, int] | None = None) -> None:
    """Give libraries that have a number for each thread one thread in this one."""
    for library in _libraries():
        number = library.number()
        if library.per_thread and number not in (1, None):
            if before is not None:
                before[library.path] = number
            library.set_number(1)


def _give_back(before: dict[str, int]) -> None:
    for library in _libraries():
        if library.path in before:
            library.set_number(before[library.path])


def _libraries() -> tuple[_Library, ...]:
    """Return what is loaded of BLAS: a module that is imported later may bring a further one."""
    return _find_libraries(len(sys.modules))


@lru_cache(1)
def _find_libraries(modules: int) -> tuple[_Library, ...]:  # noqa: ARG001
    from threadpoolctl import ThreadpoolController  # late: it takes some milliseconds

    found = ThreadpoolController().lib_controllers
    return tuple(map(_library, (each for each in found if each.user_api == "blas")))


def _library(controller: LibController) -> _Library:
    openmp = getattr(controller, "threading_layer", None) == "openmp"
    per_thread = controller.internal_api == "mkl" or (
        controller.internal_api == "openblas" and openmp
    )
    set_number = controller.set_num_threads
    if controller.internal_api == "openblas" and not per_thread:
        # threadpoolctl would let only one Python thread do so, and ignore all others
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
            name = f"{prefix}openblas_set_num_threads{suffix}"
            set_number = getattr(controller.dynlib, name, set_number)
    return _Library(controller.filepath, per_thread, controller.get_num_threads, set_number)


def _start_again() -> None:
    """In a forked process nobody trains yet."""
    global _lock
    _lock = threading.RLock()
    for holder in list(_notes):
        _let_go(holder)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_start_again)
