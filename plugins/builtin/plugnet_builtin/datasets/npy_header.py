"""The header of NumPy's ``.npy`` format, checked before anything is allocated for it."""

from __future__ import annotations

import math
from typing import IO

import numpy as np

from plugnet.arrays import Shape


def check_header(file: IO[bytes], size: int) -> Shape:
    """Read the header at the beginning of ``file``, of ``size`` bytes, and return the shape.

    Raises:
        ValueError: it is damaged, does not fit the size, or announces Python objects.
    """
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        header = np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if dtype.hasobject:
        raise ValueError("an array holds Python objects")
    announced, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if announced != found:
        raise ValueError(f"an array announces {announced} bytes, but has {found}")
    return shape
