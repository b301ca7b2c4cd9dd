"""An array in a file, which is looked at before it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from plugnet.arrays import Array, Shape


class Stored(NamedTuple):
    """An array in a file.

    Attributes:
        shape: its shape, or None if it is damaged or no array of numbers.
        read: returns it, or raises a FileFormatError.
    """

    shape: Shape | None
    read: Callable[[], Array]
