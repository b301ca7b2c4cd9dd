"""Large memory maps: arrays that are read part by part as they are needed, and never as a whole."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plugnet.arrays import Array

#: From this size on a set is taken part by part: shuffled in blocks, and a map read so.
LARGE_BYTES = 1 << 30


class MappedFile(NamedTuple):
    """Where an array's bytes lie, one after another.

    Attributes:
        path: the file.
        offset: the place of the first byte in it.
    """

    path: str
    offset: int


def is_large(array: Array) -> bool:
    """Tell whether a set is taken part by part."""
    return array.nbytes >= LARGE_BYTES


def mapped_file(array: Any) -> MappedFile | None:
    """Return the file behind ``array`` if that is a large memory map, or a large part of one.

    None for anything else, also for a map in mode "c", whose changes are not in the file.
    """
    root = array
    while isinstance(getattr(root, "base", None), np.ndarray):
        root = root.base
    if not isinstance(root, np.memmap) or not is_large(array) or not array.flags.c_contiguous:
        return None
    if root.filename is None or root.mode == "c":
        return None
    begin, first = (held.__array_interface__["data"][0] for held in (root, array))
    return MappedFile(str(root.filename), root.offset + first - begin)
