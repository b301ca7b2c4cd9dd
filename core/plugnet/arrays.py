"""Arrays: their type names, buffers, and sums that are computed as products."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Shape: TypeAlias = tuple[int, ...]


def reuse(held: Array | None, like: Array) -> Array:
    """Return ``held`` if it has the shape and dtype of ``like``, else a new uninitialised array.

    For who is given no `prepare` in which to make buffers, as activations are not.
    """
    if held is not None and held.shape == like.shape and held.dtype == like.dtype:
        return held
    return np.empty_like(like, order="C", subok=False)


@lru_cache(maxsize=256)
def scalar(number: float, dtype: np.dtype[Any]) -> Array:
    """Return a constant as a read-only array without axes, which NumPy takes up faster.

    For the constants of formulas that small arrays go through at every step; not for numbers that
    change, as each one is remembered.
    """
    array = np.asarray(number, dtype)
    array.setflags(write=False)
    return array


def ones(count: int, dtype: np.dtype[Any]) -> Array:
    """Return ``(count,)`` ones, a read-only view of an array that is kept: for sums as products."""
    held = _ones.get(dtype)
    if held is None or len(held) < count:
        held = np.ones(max(count, 1024), dtype)
        held.setflags(write=False)
        _ones[dtype] = held
    return held[:count]


_ones: dict[np.dtype[Any], Array] = {}


def sum_rows(rows: Array, out: Array | None = None) -> Array:
    """Return the sum over the rows of ``(N, K)``, as ``(K,)``; twice as fast as ``rows.sum(0)``."""
    total: Array = ones(len(rows), rows.dtype).dot(rows, out=out)
    return total


def sum_columns(rows: Array, out: Array | None = None) -> Array:
    """Return the sum of each row of ``(N, K)``, as ``(N,)``; much faster than ``rows.sum(1)``."""
    total: Array = rows.dot(ones(rows.shape[1], rows.dtype), out=out)
    return total
