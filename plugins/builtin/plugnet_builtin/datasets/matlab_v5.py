"""A strict reader of MATLAB's level-5 files: full matrices of real numbers or logical values.

Format: The MathWorks, "MAT-File Format", chapter 1, whose names are used here. A file is a header
and then data elements, one per variable. An element is a tag (type and length) and its data; the
data of a matrix are elements again. Every length is checked before it is used, so a damaged file
gives an error. SciPy's reader may crash the process on one.
"""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.data.stored_array import MOST_ARRAYS, Stored, too_many_arrays
from plugnet.errors import FileFormatError
from plugnet.files.beginnings import looks_like
from plugnet.files.budget import Budget
from plugnet.files.opening import open_ordinary

_HEADER = 128
_BYTE_ORDERS = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}  # version 0x0100, then "MI" as a number

#: Data types (miINT8 and so on) that hold numbers, as NumPy's codes.
_NUMBERS = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"
}  # fmt: skip
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15

#: Array classes (mxDOUBLE_CLASS and so on) that are full matrices, as NumPy's codes.
_CLASSES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"
}  # fmt: skip
_OTHER_CLASSES = {
    1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 16: "function", 17: "opaque"
}  # fmt: skip
_OPAQUE = 17
_COMPLEX, _LOGICAL = 0x0800, 0x0200

#: Characters of a variable's name; MATLAB itself takes 63. And dimensions that a matrix may have.
_LONGEST_NAME, _MOST_DIMENSIONS = 255, 32

#: Compressed bytes that are unpacked at a time.
_PIECE = 1 << 16


class _DamagedError(Exception):
    """A rule of the format is broken; becomes a `FileFormatError` that names the file."""


def read_mat(path: str, budget: int | None = None) -> dict[str, Stored]:
    """Return the variables of a file by name.

    Args:
        path: the file.
        budget: how many bytes it may take in memory, see `plugnet.files.budget`.

    The arrays are two-dimensional, of the variable's own class (bool for logical) and in column
    order; they may be read-only. Reading one that is not a full matrix of real numbers is an error.

    Raises:
        FileFormatError: the file cannot be read, is damaged or of another format.
        BudgetError: what is compressed in it takes more memory than it may.
    """
    with open_ordinary(path) as file:
        content = memoryview(file.read())
    with _naming(path):
        order = _byte_order(bytes(content[:200]))
        variables: dict[str, Stored] = {}
        unpacked = Budget(path, len(content), budget)
        made = unpacked.renewed()
        for number, body in enumerate(_matrices(content, order, unpacked)):
            if number == MOST_ARRAYS:
                raise too_many_arrays(path)
            matrix = _Matrix.of(path, body, order, made)
            if matrix.name in variables:
                raise _DamagedError(f"it holds the variable {matrix.name!r} twice")
            if matrix.name:  # MATLAB keeps data of its own in a variable without a name
                is_real = matrix.kind in _CLASSES and not matrix.flags & _COMPLEX
                variables[matrix.name] = Stored(
                    matrix.shape if is_real else None, matrix.read, made
                )
    return variables


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Name the file in errors about what is in it."""
    try:
        yield
    except _DamagedError as error:
        raise FileFormatError(f"{path!r} cannot be read: {error}.", path=path) from None


def _byte_order(head: bytes) -> str:
    """Return "<" or ">" if this is the beginning of a level-5 file."""
    order = _BYTE_ORDERS.get(head[124:_HEADER])
    if order is None:
        kind = looks_like(head)
        advice = "If MATLAB wrote it, save it again by save('data.mat', ..., '-v7')"
        if "HDF5" in kind:
            advice = (
                "Read it by mat73, which plugnet-hdf5 provides (pip install plugnet-hdf5), or save "
                "it again by save('data.mat', ..., '-v7')"
            )
        raise _DamagedError(f"it is {kind}, not a MATLAB level-5 file. {advice}")
    return order


def _matrices(content: memoryview, order: str, budget: Budget) -> Iterator[memoryview]:
    """Yield the data of every matrix, unpacked if it is compressed."""
    for kind, body in _elements(content[_HEADER:], order):
        if kind == _COMPRESSED:
            elements = _elements(_unpack(body, order, budget), order)
            kind, body = next(elements)
            if next(elements, None) is not None:
                raise _DamagedError("more than one matrix is packed together")
        if kind != _MATRIX:
            raise _DamagedError(f"it has a data element of type {kind} in place of a matrix")
        yield body


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Yield type and data of the elements that fill ``data``."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise _DamagedError("it ends within the tag of a data element")
        kind, length = struct.unpack_from(order + "II", data, at)
        start = at + 8
        if kind >> 16:  # a small data element: the length shares a word, the data are in the tag
            kind, length, start = kind & 0xFFFF, kind >> 16, at + 4
            if length > 4:
                raise _DamagedError(f"a small data element claims {length} bytes, more than 4")
        if start + length > len(data):
            raise _DamagedError(
                f"a data element claims {length} bytes where {len(data) - start} are left; the "
                "file is cut short or damaged"
            )
        yield kind, data[start : start + length]
        at = start + length
        if kind != _COMPRESSED:
            at += -at % 8  # all others are padded to 8 bytes


def _unpack(body: memoryview, order: str, budget: Budget) -> memoryview:
    """Return the only data element in compressed data."""
    unpacker = zlib.decompressobj()
    try:
        tag = unpacker.decompress(body[:_PIECE], 8)
        if len(tag) < 8:
            raise _DamagedError("a compressed variable is not complete")
        kind, length = struct.unpack(order + "II", tag)
        if kind >> 16:  # a small data element, which is not a matrix
            raise _DamagedError(f"a compressed variable begins with the type {kind & 0xFFFF}")
        budget.spend(8 + length, "a compressed variable")
        unpacked = np.empty(8 + length, np.uint8)
        unpacked[:8] = np.frombuffer(tag, np.uint8)
        done, at, packed = 8, _PIECE, unpacker.unconsumed_tail
        while not unpacker.eof and (packed or at < len(body)):
            if not packed:
                packed, at = bytes(body[at : at + _PIECE]), at + _PIECE
            block = unpacker.decompress(packed, _PIECE)
            packed = unpacker.unconsumed_tail
            if done + len(block) > len(unpacked):
                raise _DamagedError("a compressed variable holds more than it announces")
            unpacked[done : done + len(block)] = np.frombuffer(block, np.uint8)
            done += len(block)
    except zlib.error as error:
        raise _DamagedError(f"a compressed variable is damaged ({error})") from None
    is_used_up = unpacker.eof and not unpacker.unused_data and at >= len(body)
    if not is_used_up or done < len(unpacked):
        raise _DamagedError("a compressed variable is not complete")
    return unpacked.data


class _Matrix(NamedTuple):
    """A matrix of which all but the numbers was read."""

    path: str
    name: str
    kind: int
    flags: int
    shape: Shape
    body: memoryview
    order: str
    budget: Budget

    @classmethod
    def of(cls, path: str, body: memoryview, order: str, budget: Budget) -> _Matrix:
        """Read the beginning of the elements in ``body``."""
        elements = _elements(body, order)
        kind, flags = _flags(_next(elements, _UINT32, "array flags"), order)
        shape = () if kind == _OPAQUE else _shape(_next(elements, _INT32, "dimensions"), order)
        letters = bytes(_next(elements, _INT8, "name")[: _LONGEST_NAME + 1])
        if not letters.isascii() or len(letters) > _LONGEST_NAME:
            raise _DamagedError("the name of a matrix is damaged")
        return cls(path, letters.decode(), kind, flags, shape, body, order, budget)

    def read(self) -> Array:
        """Return its value."""
        with _naming(self.path):
            if self.kind in _OTHER_CLASSES or self.flags & _COMPLEX or len(self.shape) != 2:
                found = _OTHER_CLASSES.get(self.kind, f"{len(self.shape)}-D")
                found = "complex" if self.flags & _COMPLEX else found
                raise _DamagedError(
                    f"{self.name} must be a full two-dimensional matrix of real numbers, but it is "
                    f"{found}"
                )
            elements = itertools.islice(_elements(self.body, self.order), 3, None)
            array = _real_part(elements, self.order, self.shape, self.name, self.kind)
            target = np.dtype(bool if self.flags & _LOGICAL else _CLASSES[self.kind])
            if target != array.dtype:
                self.budget.spend(array.size * target.itemsize, self.name)
            return array != 0 if self.flags & _LOGICAL else array.astype(target, copy=False)


def _next(elements: Iterator[tuple[int, memoryview]], expected: int, part: str) -> memoryview:
    kind, data = next(elements, (None, memoryview(b"")))
    if kind != expected:
        raise _DamagedError(f"a matrix has no valid {part}")
    return data


def _flags(data: memoryview, order: str) -> tuple[int, int]:
    """Return a matrix's class and its flags."""
    if len(data) != 8:
        raise _DamagedError(f"the array flags of a matrix take {len(data)} bytes, not 8")
    flags: int = struct.unpack_from(order + "I", data)[0]
    kind = flags & 0xFF
    if kind not in _CLASSES and kind not in _OTHER_CLASSES:
        raise _DamagedError(f"a matrix has the unknown class {kind}")
    return kind, flags


def _shape(data: memoryview, order: str) -> Shape:
    if len(data) % 4 or not 8 <= len(data) <= 4 * _MOST_DIMENSIONS:
        raise _DamagedError(f"the dimensions of a matrix take {len(data)} bytes")
    shape: Shape = struct.unpack(f"{order}{len(data) // 4}i", data)
    if min(shape) < 0:
        raise _DamagedError(f"a matrix has the dimensions {shape}")
    return shape


def _real_part(
    elements: Iterator[tuple[int, memoryview]], order: str, shape: Shape, name: str, kind: int
) -> Array:
    """Return the numbers of a matrix, in the type in which they are stored.

    MATLAB may store them in a smaller type than its class, of number ``kind``.
    """
    stored, data = next(elements, (0, memoryview(b"")))
    if stored not in _NUMBERS:
        raise _DamagedError(f"the numbers of {name} are missing or damaged")
    source, target = np.dtype(order + _NUMBERS[stored]), np.dtype(_CLASSES[kind])
    if not np.can_cast(source, target) and not (source.kind in "iu" and target.kind == "f"):
        raise _DamagedError(f"{name} is of class {target} but stored as {source}")
    if len(data) != math.prod(shape) * source.itemsize:
        raise _DamagedError(
            f"{name} must be {shape} values of {source}, but it has {len(data)} bytes"
        )
    if next(elements, None) is not None:
        raise _DamagedError(f"there is more than one block of numbers in {name}")
    return np.frombuffer(data, source).reshape(shape, order="F")
