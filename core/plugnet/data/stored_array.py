"""An array in a file, which is looked at before it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from plugnet.arrays import Array, Shape
from plugnet.data.lazy import LazyArray
from plugnet.errors import FileFormatError
from plugnet.files.budget import Budget

#: Arrays in one file or folder. Looking at more would take long.
MOST_ARRAYS = 4096


class Stored(NamedTuple):
    """An array in a file.

    Attributes:
        shape: its shape, or None if it is damaged or not an array of numbers.
        read: returns it, or raises a FileFormatError.
        budget: of the file; what the array becomes counts to it.
        lazy: returns it to be read when it is wanted, or raises as ``read`` does; None: it cannot,
            or is too small to be worth it.
    """

    shape: Shape | None
    read: Callable[[], Array]
    budget: Budget
    lazy: Callable[[], LazyArray] | None = None


def too_many_arrays(path: str) -> FileFormatError:
    """Return the error for a file or folder with more than `MOST_ARRAYS`."""
    return FileFormatError(
        f"{path!r} must hold at most {MOST_ARRAYS} arrays, but it holds more. Save the samples and "
        "the labels alone.",
        path=path,
    )
