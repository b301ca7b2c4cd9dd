"""Threads: how many of them the matrix products may run in.

NumPy hands its products to a BLAS library, whose threads are the process's. In a small product
they cost more than they bring: they wait for each other, by spinning, so that the second processor
is busy without being of use, and two trainings side by side slow each other down several times
over. A trainer therefore decides by the size of its work, see `limited`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from plugnet.network import Network

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

#: A forward pass of fewer floating-point operations runs in one thread. On two idle processors a
#: second thread makes fully connected networks of this size 1.4 times as fast, and LeNet, of 300
#: million at a batch of 64, not at all. But two trainings side by side take 3 to 5 times as long
#: with two threads each as with one, whatever their size: give large ones ``threads=1`` then.
SMALL = 500_000_000


@contextmanager
def limited(threads: int | None, network: Network, rows: int) -> Iterator[None]:
    """Let BLAS run in so many threads within the block, and in as many as before after it.

    The number is the process's, so trainers that overlap in several Python threads share it: give
    them the same one.

    Args:
        threads: the number; None: 1 if the forward pass of ``rows`` samples takes fewer than
            `SMALL` floating-point operations, as the layers count them, else as many as BLAS has,
            which are by default those of the processors that the process may run on, or what
            OMP_NUM_THREADS and its like say. Never by a measurement, which would change the bits.
        network: what the work is done for; its shapes are known.
        rows: the samples per forward pass.
    """
    if threads is None:
        if rows * flops(network) >= SMALL:
            yield
            return
        threads = 1
    with _libraries().limit(limits=threads, user_api="blas"):
        yield


def blas_threads() -> int | None:
    """Return how many threads BLAS uses now, or None if its library is not known."""
    pools = _libraries().info()
    return max((p["num_threads"] for p in pools if p["user_api"] == "blas"), default=None)


@cache
def _libraries() -> ThreadpoolController:
    """Return what reaches the libraries that are loaded; to find them takes some milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def flops(network: Network) -> int:
    """Return the floating-point operations of a forward pass for one sample."""
    shapes = (network.input_shape or (), *network.shapes)
    return sum(layer.flops(shape) for layer, shape in zip(network.layers, shapes[:-1], strict=True))
