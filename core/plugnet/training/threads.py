"""The threads of a training: work is divided among them, and BLAS has only one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from plugnet import parallel

if TYPE_CHECKING:
    from threadpoolctl import LibController


@contextmanager
def limited(threads: int | None) -> Iterator[int]:
    """Divide work among the given number of threads within the block; yield the number.

    BLAS has one thread in the block: `plugnet.parallel` divides only work that is large enough.
    Where blocks in several Python threads overlap, the last one to end gives BLAS back the number
    from before the first, whatever the order in which they end. It is the number of the whole
    process, so products that other code computes meanwhile have one thread, too.

    A number that other code sets in the meantime, for example by ``threadpool_limits``, holds until
    another block begins, and stays after the last one. A ``threadpool_limits`` that begins in a
    block and ends after it restores what it found, one thread: end it earlier.

    Args:
        threads: the number; None: that of an enclosing block, else `blas_threads`. That is by
            default the number of processors that the process may use, or the value of
            OMP_NUM_THREADS and its like. It is never measured, which would change the bits.
    """
    count = count_of(threads)
    with _one_blas_thread(), parallel.threads(count, each=partial(_limit, {}, per_thread=True)):
        yield count


def count_of(threads: int | None) -> int:
    """Return among how many threads `limited` divides work."""
    return threads or parallel.num_threads() or blas_threads() or 1


def blas_threads() -> int | None:
    """Return the number of threads that BLAS has outside `limited`, or None if it is unknown."""
    with _lock:
        noted = {path: number for note in _notes.values() for path, number in note.items()}
        found = {library.path: library.number() or 0 for library in _libraries()}
    numbers = (noted.get(path, 1) if number == 1 else number for path, number in found.items())
    return max(numbers, default=0) or None


@cache
def blas_name() -> str:
    """Return NumPy's library, its version and the kernel that it chose for this processor."""
    from threadpoolctl import threadpool_info  # late: it takes some milliseconds

    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    # SciPy and PyTorch may have their own.
    library: Mapping[str, Any] = min(found, key=_is_of_another, default={})
    parts = (library.get(key) for key in ("internal_api", "version", "architecture"))
    return " ".join(filter(None, parts)) or "unknown"


def _is_of_another(library: Mapping[str, Any]) -> bool:
    """Tell whether a library did not come with NumPy."""
    return not any(part.startswith("numpy") for part in Path(library["filepath"]).parts)


# BLAS's number, once per process -----------------------------------------------------------------

_lock = threading.RLock()  # reentrant, because a signal handler may train, too
#: For each block, the earliest first: the libraries to which it gave one thread, by their paths,
#: and the number that each had before.
_notes: dict[object, dict[str, int]] = {}


class _Library(NamedTuple):
    """A BLAS library.

    Attributes:
        path: of its file.
        per_thread: whether each of the process's threads has its own number.
        number: returns the number of threads that it uses, or None if it is unknown.
        set_number: sets it.
    """

    path: str
    per_thread: bool
    number: Callable[[], int | None]
    set_number: Callable[[int], object]


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Give BLAS one thread within the block."""
    block = object()
    own: dict[str, int] = {}
    try:
        with _lock:
            _limit(_notes.setdefault(block, {}), per_thread=False)
        _limit(own, per_thread=True)
        yield
    finally:
        try:
            _end(block, own)
        except BaseException:  # an interrupt: it waits until nothing is limited any more
            _end(block, own)
            raise


def _limit(note: dict[str, int], per_thread: bool) -> None:
    """Give one thread to the libraries of this kind, and note the numbers that they had."""
    for library in _libraries():
        number = library.number()
        if library.per_thread == per_thread and number not in (1, None):
            note[library.path] = number
            library.set_number(1)


def _restore(note: dict[str, int]) -> None:
    """Give the libraries back what they had, unless other code has changed it since."""
    for library in _libraries():
        if library.path in note and library.number() == 1:
            library.set_number(note[library.path])


def _end(block: object, own: dict[str, int]) -> None:
    """Restore this thread's numbers, and the process's if no later block still needs them."""
    _restore(own)
    with _lock:
        blocks = list(_notes)
        if block not in blocks:  # a forked process has ended it already
            return
        later = blocks[blocks.index(block) + 1 :]
        if later:  # its own note is newer
            _notes[later[0]] = _notes[block] | _notes[later[0]]
        else:
            _restore(_notes[block])
        del _notes[block]


def _libraries() -> tuple[_Library, ...]:
    """Return the BLAS libraries that are loaded; a module imported later may load another one."""
    return _find_libraries(len(sys.modules))


@lru_cache(1)
def _find_libraries(modules: int) -> tuple[_Library, ...]:  # noqa: ARG001
    from threadpoolctl import ThreadpoolController  # late: it takes some milliseconds

    found = ThreadpoolController().lib_controllers
    return tuple(_library(each) for each in found if each.user_api == "blas")


def _library(controller: LibController) -> _Library:
    api, layer = controller.internal_api, getattr(controller, "threading_layer", None)
    per_thread = api == "mkl" or (api, layer) == ("openblas", "openmp")
    set_number = controller.set_num_threads
    if api == "openblas" and not per_thread:
        # threadpoolctl would obey one Python thread only, and ignore all others
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
            name = f"{prefix}openblas_set_num_threads{suffix}"
            set_number = getattr(controller.dynlib, name, set_number)
    return _Library(controller.filepath, per_thread, controller.get_num_threads, set_number)


def _end_all() -> None:
    """End all blocks: in a forked process nothing trains yet."""
    global _lock
    _lock = threading.RLock()
    for block in list(_notes):
        _end(block, {})


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_end_all)
