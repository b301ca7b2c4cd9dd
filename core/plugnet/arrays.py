"""Arrays: their type names, and the one way in which a component keeps a buffer."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Shape: TypeAlias = tuple[int, ...]


def reuse(held: Array | None, like: Array, shape: Shape | None = None) -> Array:
    """Return ``held`` if it still fits, else a new uninitialised array.

    A component calls this once per buffer, so a warm training step allocates nothing, and the
    buffer is of whatever array type came in (NumPy's protocols decide).

    Args:
        held: the buffer of the call before, or None.
        like: the array whose dtype and array type the buffer takes.
        shape: the buffer's shape; that of ``like`` if None.
    """
    wanted = like.shape if shape is None else shape
    if held is not None and held.shape == wanted and held.dtype == like.dtype:
        return held
    return np.empty_like(like, shape=wanted, order="C", subok=False)
