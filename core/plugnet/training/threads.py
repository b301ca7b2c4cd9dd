"""Threads: among how many of them the work of a network is divided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from plugnet import parallel

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def limited(threads: int | None) -> Iterator[int]:
    """Divide work among so many threads within the block; give their number.

    BLAS has one thread within it, and as many as before after it: only work that is worth it is
    divided, see `plugnet.parallel`. BLAS's number is the process's, so products that others compute
    meanwhile in other Python threads have one thread, too; and where blocks of several Python
    threads overlap, the first to end gives BLAS its threads back, or the last leaves it with one.

    Args:
        threads: the number; None: that of an enclosing block, else as many as BLAS has, which are
            by default those of the processors that the process may run on, or what OMP_NUM_THREADS
            and its like say. Never by a measurement, which would change the bits.
    """
    count = threads or parallel.current() or blas_threads() or 1
    with _libraries().limit(limits=1, user_api="blas"), parallel.threads(count):
        yield count


def blas_threads() -> int | None:
    """Return how many threads BLAS uses now, or None if its library is not known."""
    pools = _libraries().info()
    return max((p["num_threads"] for p in pools if p["user_api"] == "blas"), default=None)


@cache
def _libraries() -> ThreadpoolController:
    """Return what reaches the libraries that are loaded; to find them takes some milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
