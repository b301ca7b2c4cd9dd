"""Images in IDX files."""

import gzip
import struct
from pathlib import Path

import numpy as np


def write_images(
    folder: Path, rows: int, columns: int, train: int, test: int, classes: int
) -> None:
    """Write the four files, the labels gzipped; pixels and labels count up, over and over."""
    for part, count in (("train", train), ("t10k", test)):
        header = struct.pack(">4B3I", 0, 0, 8, 3, count, rows, columns)
        pixels = (np.arange(count * rows * columns) % 256).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        labels = (np.arange(count) % classes).astype(np.uint8)
        content = struct.pack(">4BI", 0, 0, 8, 1, count) + labels.tobytes()
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(content))
