"""A folder with four IDX files, the format of MNIST and of many sets made after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugnet.arguments import file_path, flag
from plugnet.arrays import Array
from plugnet.data import as_samples, check_rows, check_rule, read_labels
from plugnet.data.labels import Labels
from plugnet.errors import ArgumentError, DataError
from plugnet.files.budget import check_budget
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Schema
from plugnet_builtin.datasets.idx_file import read_idx
from plugnet_builtin.datasets.idx_folder import find_set, only_file

_PARTS, _CONTENTS = ("train", "test"), ("images", "labels")


@dataclass(eq=False)
class Idx(Dataset):
    """Reads the images and labels of MNIST, Fashion-MNIST, EMNIST and the like from a folder.

    The names of the four files contain "train" and "t10k" or "test", "images" and "labels", for
    example train-images-idx3-ubyte and emnist-letters-test-labels-idx1-ubyte.gz. Each file is plain
    or gzipped, whatever its name says; if a file and the same with .gz are there, the plain one is
    read. Images ``(N, height, width)`` get one channel. Labels keep their numbers: those of EMNIST
    letters are 1 to 26. EMNIST's images are transposed as published, and stay so.

    Attributes:
        path: the folder; or a single file, of images that a trained model is asked about.
        scaled: whether bytes are scaled to [0, 1] as float32; other numbers are taken as they are.
            If False, they stay bytes, a quarter of the memory: for a network that begins with
            ``("rescale", 255)``.
        prefix: what the names begin with, such as "emnist-letters"; None: there is one set.
        first_class: the smallest class: then all numbers from it to the largest label are classes.
            None: the labels that there are.
        budget: how many bytes each file may take in memory. None: 64 MiB or 100 times its size,
            whichever is larger, or what the environment variable PLUGNET_BUDGET says.
    """

    path: str
    scaled: bool = True
    prefix: str | None = None
    first_class: int | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        self.scaled = flag("scaled", self.scaled)
        check_rule("class_ids", self.first_class, False)
        self.budget = check_budget(self.budget)
        if not isinstance(self.prefix, str | None):
            raise ArgumentError(
                f"prefix must be the beginning of the files' names, not {self.prefix!r}.",
                argument="prefix",
                value=self.prefix,
            )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []

    def load(self) -> DataSplits:
        """Read the four files; images ``(N, height, width, channels)``."""
        files = find_set(self.path, self.prefix)
        (train, labels), (test, test_labels) = (
            self._part(*(only_file(self.path, files, f"{part} {what}") for what in _CONTENTS))
            for part in _PARTS
        )
        if train.shape[1:] != test.shape[1:]:
            raise DataError(
                f"Training and test samples must be alike, but their shapes are {train.shape[1:]} "
                f"and {test.shape[1:]}.",
                row=None,
            )
        classes: set[Any] = {*labels.classes, *test_labels.classes}
        return DataSplits(
            Batch(train, labels.values), Batch(test, test_labels.values), tuple(sorted(classes))
        )

    def rows(self, schema: Schema) -> Iterator[Rows]:
        """Yield all images, those to train on first, with labels if the folder has them for all."""
        parts: list[tuple[str, ...]] = [(self.path,)]
        if Path(self.path).is_dir() or not Path(self.path).exists():
            files = find_set(self.path, self.prefix)
            found = [part for part in _PARTS if f"{part} images" in files] or ["train"]
            has_labels = all(f"{part} labels" in files for part in found)
            contents = _CONTENTS if has_labels else ("images",)
            parts = [
                tuple(only_file(self.path, files, f"{part} {what}") for what in contents)
                for part in found
            ]
        start = 0
        for images, *labels in parts:
            x, y = self._part(images, labels[0]) if labels else (self._images(images), None)
            yield Rows(x, None if y is None else y.values, range(start, start + len(x)))
            start += len(x)

    def _part(self, images: str, labels: str) -> tuple[Array, Labels]:
        """Return the samples and the labels in two files."""
        x = self._images(images)
        y = read_idx(labels, budget=self.budget, are_labels=True)
        check_rows(x, y)
        return as_samples(x, name="images"), read_labels(y, len(x), "class_ids", self.first_class)

    def _images(self, path: str) -> Array:
        x = read_idx(path, self.scaled, self.budget)
        return x[..., np.newaxis] if x.ndim == 3 else x
