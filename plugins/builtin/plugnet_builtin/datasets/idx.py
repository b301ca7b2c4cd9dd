"""A folder with four IDX files, the format of MNIST and of many sets made after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arguments import file_path, flag
from plugnet.arrays import Array
from plugnet.data import as_samples, check_rows, read_labels, warn_one_class
from plugnet.errors import DataError, FileFormatError
from plugnet.interfaces import Batch, Dataset, DataSplits
from plugnet_builtin.datasets.idx_file import read_idx
from plugnet_builtin.datasets.untrusted_file import list_folder


@dataclass(eq=False)
class Idx(Dataset):
    """Reads train-images*, train-labels*, t10k-images* and t10k-labels* from a folder.

    "test" may stand for "t10k". Each file is plain or gzipped, whatever its name says; if a file
    and the same with .gz are there, the plain one is read. Images ``(N, height, width)`` get one
    channel.

    Attributes:
        path: the folder.
        scaled: whether bytes are scaled to [0, 1] as float32; other numbers are taken as they are.
            If False, they stay bytes, a quarter of the memory: for a network that begins with
            ``("rescale", 255)``.
    """

    path: str
    scaled: bool = True

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        self.scaled = flag("scaled", self.scaled)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []

    def load(self) -> DataSplits:
        """Read the four files; images ``(N, height, width, channels)``."""
        train, train_label = self._part("train")
        warn_one_class(train_label)
        test, test_label = self._part("t10k", "test")
        if train.shape[1:] != test.shape[1:]:
            raise DataError(
                f"Training and test samples must be alike, but their shapes are {train.shape[1:]} "
                f"and {test.shape[1:]}.",
                row=None,
            )
        return DataSplits(Batch(train, train_label), Batch(test, test_label))

    def _part(self, *names: str) -> tuple[Array, Array]:
        """Return samples and class ids of the part with one of the names."""
        images = read_idx(self._find(names, "images"), self.scaled)
        labels = read_idx(self._find(names, "labels"))
        check_rows(images, labels)
        if images.ndim == 3:
            images = images[..., np.newaxis]
        return as_samples(images, name="images"), read_labels(labels, len(images), "class_ids", 0)

    def _find(self, names: tuple[str, ...], what: str) -> str:
        """Return the path of the one file whose name begins with ``<name>-<what>``."""
        beginnings = tuple(f"{name}-{what}" for name in names)
        paths = list_folder(self.path, "IDX files")
        files = [path for path in paths if path.name.startswith(beginnings)]
        packed = {path for path in files if path.suffix == ".gz" and path.with_suffix("") in files}
        files = [path for path in files if path not in packed]
        if len(files) != 1:
            found = ", ".join(path.name for path in files) or "none"
            raise FileFormatError(
                f"{self.path!r} must have one file named {' or '.join(beginnings)}..., but it has "
                f"{found}.",
                path=self.path,
            )
        return str(files[0])
