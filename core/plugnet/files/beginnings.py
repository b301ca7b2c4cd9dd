"""What a file seems to be, by its first bytes."""

from __future__ import annotations

_BEGINNINGS = {
    "gzipped data": (b"\x1f\x8b",),
    "a zip or .npz archive": (b"PK\x03\x04",),
    "a NumPy .npy file": (b"\x93NUMPY",),
    "an HDF5 file": (b"\x89HDF",),
    "a MATLAB 7.3 (HDF5) file": (b"MATLAB 7.3",),
    "a Parquet file": (b"PAR1\x15",),
    "a PNG picture": (b"\x89PNG",),
    "a JPEG picture": (b"\xff\xd8\xff",),
    "a MATLAB level-5 file": (b"MATLAB 5.0",),
    "a Python pickle": (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
}


def looks_like(head: bytes) -> str:
    """Say in words what a file that begins with ``head`` (some 200 bytes) seems to be."""
    if not head:
        return "an empty file"
    if not any(head):
        return "a file of zeros"
    for kind, beginnings in _BEGINNINGS.items():
        if head.startswith(beginnings):
            return kind
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page (HTML), possibly the error page of a failed download"
    if len(head) > 3 and head[:2] == b"\0\0" and head[2] in range(8, 15) and 0 < head[3] < 8:
        return "an IDX file"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "text"
    return "unknown or damaged data"
