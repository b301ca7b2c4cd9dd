"""The IDX format of the MNIST files, plain or gzipped.

Format: http://yann.lecun.com/exdb/mnist (archived): two zero bytes, a type byte, the number of
dimensions, each dimension as a big-endian 32-bit integer, and then the values in C order.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
from typing import BinaryIO, cast

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.data.array_memory import bytes_of_labels, bytes_of_samples
from plugnet.errors import FileFormatError
from plugnet.files.beginnings import looks_like
from plugnet.files.budget import Budget
from plugnet.files.opening import open_ordinary
from plugnet_builtin.datasets.gzipped import Unpacked, is_gzipped

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

#: Bytes that are read and converted at a time.
_BLOCK = 1 << 20


def read_idx(
    path: str, scaled: bool = False, budget: int | None = None, are_labels: bool = False
) -> Array:
    """Return the array in an IDX file.

    Args:
        path: the file, plain or gzipped.
        scaled: whether to return float32, for which bytes are divided by 255; no more than one
            block of the original values is in memory at a time.
        budget: how many bytes it may take, see `plugnet.files.budget`.
        are_labels: whether the values become labels rather than samples, for the budget.

    Raises:
        FileFormatError: the file cannot be read, is damaged or not IDX.
        BudgetError: it would take more memory than it may.
    """
    with open_ordinary(path) as file:
        packed = is_gzipped(file.read(2))
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        source = file
        if packed:
            source = io.BufferedReader(cast(io.RawIOBase, Unpacked(file)), _BLOCK)
        try:
            stored, shape = _header(source, path)
            expected = 4 + 4 * len(shape) + math.prod(shape) * stored.itemsize
            if not packed and expected > size:
                raise _damaged(
                    path, f"its header announces {shape} values, {expected} bytes, where {size} fit"
                )
            dtype = np.dtype(np.float32) if scaled else stored.newbyteorder("=")
            allowed = Budget(path, size, budget)
            allowed.spend(expected, "its header")
            made = bytes_of_labels if are_labels else _bytes_of_images
            allowed.renewed().spend(made(shape, dtype), "what its header announces")
            return _read(source, path, stored, np.empty(shape, dtype))
        except gzip.BadGzipFile as error:
            raise _damaged(path, f"its gzip data are damaged or cut short ({error})") from None


def _bytes_of_images(shape: Shape, dtype: np.dtype[np.generic]) -> int:
    return math.prod(shape) * dtype.itemsize + bytes_of_samples(shape, dtype, True)


def _header(file: BinaryIO, path: str) -> tuple[np.dtype[np.generic], Shape]:
    """Return the type and shape of the values, and leave ``file`` where they begin."""
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
        raise _damaged(path, f"it is {looks_like(head + file.read(196))}, not an IDX file")
    dimensions = head[3]
    sizes = file.read(4 * dimensions)
    if not 1 <= dimensions <= 8 or len(sizes) < 4 * dimensions:
        raise _damaged(path, f"its header announces {dimensions} dimensions and breaks off")
    shape: Shape = struct.unpack(f">{dimensions}I", sizes)
    if math.prod(max(length, 1) for length in shape) >= 2**60:
        raise _damaged(path, f"its header announces the impossible shape {shape}")
    return np.dtype(_TYPES[head[2]]), shape


def _read(file: BinaryIO, path: str, stored: np.dtype[np.generic], array: Array) -> Array:
    """Fill ``array`` with the values, of the type ``stored``, and return it."""
    flat = array.reshape(-1)
    done = 0
    while done < flat.size:
        block = file.read(min(_BLOCK, (flat.size - done) * stored.itemsize))
        if not block or len(block) % stored.itemsize:
            raise _damaged(path, f"it ends after {done} of {flat.size} values")
        numbers = np.frombuffer(block, stored)
        part = flat[done : done + len(numbers)]
        if array.dtype == np.float32 and stored.kind == "u":
            np.divide(numbers, np.float32(255), out=part)
        else:
            with np.errstate(over="ignore", invalid="ignore"):  # such values are refused later
                part[...] = numbers
        done += len(numbers)
    if file.read(1):
        raise _damaged(path, f"it goes on after the {flat.size} values that its header announces")
    return array


def _damaged(path: str, reason: str) -> FileFormatError:
    return FileFormatError(f"{path!r} must be an IDX file, plain or gzipped: {reason}.", path=path)
