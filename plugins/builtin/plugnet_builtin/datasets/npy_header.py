"""The header of NumPy's ``.npy`` format, checked before anything is done by what it says."""

from __future__ import annotations

import math
from typing import IO, Any

import numpy as np


def check_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the header at the beginning of ``file``, of ``size`` bytes; return shape and dtype.

    Raises:
        ValueError: it is damaged, announces other than what the file has, or Python objects.
    """
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        header = np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if dtype.hasobject:
        raise ValueError("an array holds Python objects")
    announced = math.prod(shape) * dtype.itemsize
    if announced != size - file.tell():
        raise ValueError(f"an array announces {announced} bytes, but has others")
    return shape, dtype
