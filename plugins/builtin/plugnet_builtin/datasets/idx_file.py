"""The IDX format of the MNIST files, plain or gzipped.

Format: http://yann.lecun.com/exdb/mnist (archived): two zero bytes, a type byte, the number of
dimensions, each dimension as a big-endian 32-bit integer, and then the values in C order.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import BinaryIO

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import FileFormatError
from plugnet_builtin.datasets.untrusted_file import looks_like, open_file, unpack_limit

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

#: Bytes that are read and converted at a time.
_BLOCK = 1 << 20


def read_idx(path: str, scaled: bool = False) -> Array:
    """Return the array in an IDX file.

    Args:
        path: the file, plain or gzipped.
        scaled: whether to return float32, for which bytes are divided by 255; no more than one
            block of the original values is in memory at a time.

    Raises:
        FileFormatError: the file cannot be read, is damaged or not IDX.
    """
    with open_file(path) as file:
        packed = file.read(2) == b"\x1f\x8b"
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            if not packed:
                return _parse(file, path, size, scaled)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _parse(unpacked, path, unpack_limit(size), scaled)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(path, f"its gzip data are damaged or cut short ({error})") from None


def _parse(file: BinaryIO | gzip.GzipFile, path: str, limit: int, scaled: bool) -> Array:
    """Read header and values, which may have up to ``limit`` bytes."""
    stored, shape = _header(file, path)
    values = math.prod(shape) * stored.itemsize
    expected = 4 + 4 * len(shape) + values
    if expected > limit:
        raise _damaged(
            path, f"its header announces {shape} values, {expected} bytes, where {limit} fit"
        )
    array = np.empty(shape, np.float32 if scaled else stored.newbyteorder("="))
    flat = array.reshape(-1)
    done = 0
    while done < flat.size:
        block = file.read(min(_BLOCK, values - done * stored.itemsize))
        if not block or len(block) % stored.itemsize:
            raise _damaged(path, f"it ends after {done} of {flat.size} values")
        numbers = np.frombuffer(block, stored)
        part = flat[done : done + len(numbers)]
        if scaled and stored.itemsize == 1 and stored.kind == "u":
            np.divide(numbers, np.float32(255), out=part)
        else:
            part[...] = numbers
        done += len(numbers)
    if file.read(1):
        raise _damaged(path, f"it goes on after the {flat.size} values that its header announces")
    return array


def _header(file: BinaryIO | gzip.GzipFile, path: str) -> tuple[np.dtype[np.generic], Shape]:
    """Return the type and shape of the values, and leave ``file`` where they begin."""
    head = file.read(200)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
        raise _damaged(path, f"it is {looks_like(head)}, not an IDX file")
    dimensions = head[3]
    if not 1 <= dimensions <= 8 or len(head) < 4 + 4 * dimensions:
        raise _damaged(path, f"its header announces {dimensions} dimensions and breaks off")
    file.seek(4 + 4 * dimensions)
    return np.dtype(_TYPES[head[2]]), struct.unpack_from(f">{dimensions}I", head, 4)


def _damaged(path: str, reason: str) -> FileFormatError:
    return FileFormatError(f"{path!r} must be an IDX file, plain or gzipped: {reason}.", path=path)
