"""A folder with four IDX files, as MNIST and its many relatives come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugnet.arguments import file_path, flag
from plugnet.arrays import Array
from plugnet.data import as_samples, check_rows, read_labels, warn_one_class
from plugnet.errors import DataError, FileFormatError
from plugnet.interfaces import Dataset, Samples
from plugnet_builtin.datasets.idx_file import read_idx

_TRAIN, _TEST = ("train",), ("t10k", "test")


@dataclass(eq=False)
class Idx(Dataset):
    """Reads train-images*, train-labels*, t10k-images* and t10k-labels* from a folder.

    "test" may stand for "t10k". Each file is plain or gzipped, whatever its name says; if a file
    and the same with .gz are there, the plain one is read. Images ``(N, height, width)`` get one
    channel.

    Attributes:
        path: the folder.
        scaled: whether bytes are scaled to [0, 1] as float32; other numbers are taken as they are.
            If not, they stay bytes, a quarter of the memory: for a network that begins with
            ``("rescale", 255)``.
    """

    path: str
    scaled: bool = True

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        self.scaled = flag("scaled", self.scaled)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return none: the files lie where the user says."""
        return []

    def load(self) -> Samples:
        """Read the four files; images ``(N, height, width, channels)``."""
        folder = Path(self.path).expanduser()
        train, train_label = _part(folder, _TRAIN, self.scaled)
        warn_one_class(train_label)
        test, test_label = _part(folder, _TEST, self.scaled)
        if train.shape[1:] != test.shape[1:]:
            raise DataError(
                f"Training and test samples must be alike, but their shapes are {train.shape[1:]} "
                f"and {test.shape[1:]}.",
                row=None,
            )
        return Samples(train, train_label, test, test_label)


def _part(folder: Path, names: tuple[str, ...], scaled: bool) -> tuple[Array, Array]:
    """Return samples and class ids of one of the two parts."""
    images = read_idx(_find(folder, names, "images"), scaled)
    labels = read_idx(_find(folder, names, "labels"))
    check_rows(images, labels)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return as_samples(images, name="images"), read_labels(labels, len(images), "class_ids", 0)


def _find(folder: Path, names: tuple[str, ...], what: str) -> str:
    """Return the path of the one file that begins with ``<name>-<what>``."""
    beginnings = tuple(f"{name}-{what}" for name in names)
    try:
        files = sorted(path for path in folder.iterdir() if path.name.startswith(beginnings))
    except OSError as error:
        raise FileFormatError(
            f"{str(folder)!r} must be a folder with IDX files, but: {error.strerror}.",
            path=str(folder),
        ) from error
    plain = [path for path in files if path.suffix != ".gz" or path.with_suffix("") not in files]
    if len(plain) != 1:
        found = ", ".join(path.name for path in plain) or "none"
        raise FileFormatError(
            f"{str(folder)!r} must have one file named {' or '.join(beginnings)}..., but it has "
            f"{found}.",
            path=str(folder),
        )
    return str(plain[0])
