"""A look at where HDF5 keeps texts, because its library never returns from some damaged ones.

Texts of varying length lie in collections, each a row of objects with an index, a length and data;
the one with the index 0 is what is free. The library goes from one to the next, and for ever round
a free one of length 0. (The HDF Group, "HDF5 File Format Specification", III.E, global heap.)
"""

from __future__ import annotations

import mmap
import struct
from contextlib import closing

from plugnet.errors import FileFormatError
from plugnet.files.opening import open_ordinary

#: How a collection begins: its signature, the version, three zeros.
_BEGIN = b"GCOL\x01\0\0\0"
_HEADER = 16  # bytes, of a collection and of an object

#: In larger files it is not looked: that would take long.
_MOST = 1 << 30


def check_heaps(path: str, size: int) -> None:
    """Check that in no collection an object is free and has the length 0.

    Args:
        path: the file.
        size: its size in bytes.

    Raises:
        FileFormatError: one is.
    """
    if not 0 < size <= _MOST:
        return
    with (
        open_ordinary(path) as file,
        closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as content,
    ):
        start = content.find(_BEGIN)
        while start >= 0:
            if not _is_whole(content, start):
                raise FileFormatError(
                    f"{path!r} must be an HDF5 file that can be read, but its texts are damaged.",
                    path=path,
                )
            start = content.find(_BEGIN, start + 1)


def _is_whole(content: mmap.mmap, start: int) -> bool:
    """Tell whether every step from object to object leads on."""
    if start + _HEADER > len(content):
        return False
    at, end = start + _HEADER, start + struct.unpack_from("<Q", content, start + 8)[0]
    while at + _HEADER <= min(end, len(content)):
        index, _, _, length = struct.unpack_from("<HHIQ", content, at)
        if not index and not length:
            return False
        at += _HEADER + length + -length % 8 if index else length
    return True
