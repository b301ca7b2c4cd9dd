"""What all readers of files share: opening, naming what a file seems to be, and a size limit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from plugnet.errors import FileFormatError

#: Compressed data may always unpack to this many bytes ...
_UNPACKED = 256 * 2**20
#: ... or to this many times their own size, whichever is more. Sparse one-hot labels in a file
#: with images stay far below; a file made to fill the memory does not.
_RATIO = 100

_BEGINNINGS = (
    (b"\x1f\x8b", "gzipped data"),
    (b"PK\x03\x04", "a zip or .npz archive"),
    (b"\x93NUMPY", "a NumPy .npy file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB 7.3", "a MATLAB 7.3 (HDF5) file"),
    (b"MATLAB 5.0", "a MATLAB level-5 file"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
)


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading bytes; ``~`` is the home folder.

    Raises:
        FileFormatError: it does not exist, is a folder, or may not be read.
    """
    try:
        return Path(path).expanduser().open("rb")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileFormatError(
            f"{os.fspath(path)!r} must be a readable file, but: {reason}.", path=os.fspath(path)
        ) from error


def looks_like(head: bytes) -> str:
    """Say in words what a file that begins with ``head`` (some 200 bytes) seems to be."""
    if not head:
        return "an empty file"
    if not any(head):
        return "a file of zeros"
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page (HTML), perhaps the error page of a failed download"
    if len(head) > 3 and head[:2] == b"\0\0" and head[2] in range(8, 15) and 0 < head[3] < 8:
        return "an IDX file"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "text"
    return "unknown or damaged data"


def unpack_limit(size: int) -> int:
    """Return how many bytes a compressed file of ``size`` bytes may unpack to."""
    return max(_UNPACKED, _RATIO * size)
