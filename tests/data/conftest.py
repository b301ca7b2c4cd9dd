"""What the tests of readers share: small data sets, and files that are damaged bit by bit."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from plugnet.arrays import Array

Cut: TypeAlias = Callable[[Path], Iterator[int]]
Flip: TypeAlias = Callable[[Path, int], Iterator[int]]


@pytest.fixture
def arrays() -> dict[str, Array]:
    """The tutorial's four arrays, with samples (3, 2) and class ids."""
    return {
        "train_data": np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 3, 2),
        "train_label": np.array([0, 1, 1, 2]),
        "test_data": np.zeros((1, 3, 2), np.float32),
        "test_label": np.array([2]),
    }


@pytest.fixture
def matrices() -> dict[str, Array]:
    """The tutorial's four variables as MATLAB would save them, with one-hot labels."""
    return {
        "train_data": np.arange(12.0).reshape(4, 3) / 12,
        "train_label": np.eye(3)[[0, 1, 2, 0]],
        "test_data": np.eye(2, 3),
        "test_label": np.eye(3)[[2, 1]],
    }


@pytest.fixture(scope="session")
def cut() -> Cut:
    """Cut a file byte by byte: yield each length while the file has it, from the longest."""

    def cut(path: Path) -> Iterator[int]:
        for length in reversed(range(path.stat().st_size)):
            os.truncate(path, length)
            yield length

    return cut


@pytest.fixture(scope="session")
def flip() -> Flip:
    """Flip the given bits in one byte at a time: yield each place while it is damaged."""

    def flip(path: Path, bits: int) -> Iterator[int]:
        with path.open("r+b", buffering=0) as file:
            for place, byte in enumerate(path.read_bytes()):
                for value in (byte ^ bits, byte):
                    file.seek(place)
                    file.write(bytes([value]))
                    if value != byte:
                        yield place

    return flip
