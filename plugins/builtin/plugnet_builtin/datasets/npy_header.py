"""The header of NumPy's ``.npy`` format, checked before anything is allocated for it."""

from __future__ import annotations

import math
import sys
import warnings
from typing import IO, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape

#: Characters of a header; those of numbers and text have 118.
_LONGEST = 1024

#: Dimensions of an array.
_MOST_DIMENSIONS = 32


class Header(NamedTuple):
    """What a header says.

    Attributes:
        shape: of the array.
        is_fortran: whether its first axis is contiguous, not its last.
        dtype: of the array, numbers or text.
        start: where the array begins, in bytes.
    """

    shape: Shape
    is_fortran: bool
    dtype: np.dtype[np.generic]
    start: int


def read_header(file: IO[bytes], size: int) -> Header:
    """Read the header at the beginning of ``file``, of ``size`` bytes.

    Raises:
        ValueError: it is damaged, does not fit the size, or announces neither numbers nor text.
    """
    version = np.lib.format.read_magic(file)
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(file.read(width), "little")
    if length > _LONGEST:
        raise ValueError(f"a header has {length} characters, more than {_LONGEST}")
    file.seek(-width, 1)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python's parser, and of NumPy about Python 2
        shape, is_fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("an array holds Python objects")
    if dtype.kind not in "buifcSU" or not dtype.itemsize:
        raise ValueError(f"an array is of {dtype}, neither numbers nor text")
    are_sizes = all(type(length) is int and length >= 0 for length in shape)
    if len(shape) > _MOST_DIMENSIONS or not are_sizes:
        raise ValueError(f"an array has the impossible shape {shape}")
    if math.prod(max(length, 1) for length in shape) * dtype.itemsize >= 2**60:
        raise ValueError(f"an array has the impossible shape {shape}")
    announced, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if announced != found:
        raise ValueError(f"an array announces {announced} bytes, but has {found}")
    return Header(shape, is_fortran, dtype, file.tell())


def check_text(array: Array) -> None:
    """Check that an array of text holds characters, where it holds text.

    Raises:
        ValueError: a number in it is not that of a character.
    """
    if array.dtype.kind == "U" and array.size:
        swapped = ">u4" if array.dtype.byteorder == ">" else "<u4"
        codes = np.frombuffer(array.tobytes(), swapped)
        if codes.max() > sys.maxunicode or ((codes >= 0xD800) & (codes < 0xE000)).any():
            raise ValueError("an array of text holds numbers that are not those of characters")
