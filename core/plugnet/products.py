"""Matrix products, of which large ones are divided among threads that sleep while they wait.

BLAS libraries have threads of their own. Those of OpenBLAS, which NumPy's wheels carry, wait for
each other by spinning: a second processor is busy without being of use, and two trainings side by
side, with two threads each, take three to five times as long as with one. So a trainer holds BLAS
to one thread, and divides products itself; two of them side by side then only share the processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np

from plugnet.arrays import Array

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

#: Products of so many multiplications are divided. One takes a quarter of a millisecond; to wake a
#: thread and wait for it, a fifth of that.
LARGE = 10_000_000


class _Threads:
    """So many threads, of which one is the caller's own; the others start when they have work."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._others: ThreadPoolExecutor | None = None

    def begin(self, a: Array, b: Array, out: Array) -> Future[None]:
        """Begin to write a product in another thread."""
        if self._others is None:
            from concurrent.futures import ThreadPoolExecutor  # late: small networks need none

            self._others = ThreadPoolExecutor(self.count - 1, "plugnet-products")
        return self._others.submit(_product, a, b, out)

    def end(self) -> None:
        """Let the other threads go."""
        if self._others is not None:
            self._others.shutdown()


_threads: ContextVar[_Threads | None] = ContextVar("_threads", default=None)


def multiply(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return the product of two matrices, as ``a.dot(b, out=out)`` does.

    Within `divided` a large one is computed in parts, by rows or columns of the result. The same
    number of threads gives the same bits.

    Args:
        a: ``(rows, inner)``.
        b: ``(inner, columns)``.
        out: ``(rows, columns)``, C-contiguous, or None for a new array.
    """
    threads = None if a.size * b.shape[1] < LARGE else _threads.get()
    if threads is None or threads.count == 1:
        return a.dot(b, out=out)  # as np.matmul, and sooner at work: small layers gain by it
    if out is None:
        out = np.empty_like(a, shape=(len(a), b.shape[1]), order="C")
    first, *parts = _parts(a, b, out, threads.count)
    running = [threads.begin(*part) for part in parts]
    _product(*first)
    for part in running:
        part.result()
    return out


def current() -> int | None:
    """Return how many threads large products are divided among here; None: BLAS decides."""
    threads = _threads.get()
    return None if threads is None else threads.count


@contextmanager
def divided(count: int) -> Iterator[None]:
    """Divide large products among so many threads within the block, in this Python thread."""
    threads = _Threads(count)
    token = _threads.set(threads)
    try:
        yield
    finally:
        _threads.reset(token)
        threads.end()


def _product(a: Array, b: Array, out: Array) -> None:
    with np.errstate(all="ignore"):  # a thread has settings of its own
        np.matmul(a, b, out=out)


def _parts(a: Array, b: Array, out: Array, count: int) -> list[tuple[Array, Array, Array]]:
    """Return a product as at most ``count`` ones, along the longer side of the result."""
    rows, columns = out.shape
    if columns < rows:
        return [(a[part], b, out[part]) for part in _slices(rows, count)]
    return [(a, b[:, part], out[:, part]) for part in _slices(columns, count)]


def _slices(size: int, count: int) -> list[slice]:
    """Return at most ``count`` slices of about the same size, a multiple of 16."""
    step = -(-size // (16 * count)) * 16
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]
