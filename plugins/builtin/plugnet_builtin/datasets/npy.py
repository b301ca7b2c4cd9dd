"""The four variables in a folder of NumPy files, which may be larger than the memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.data import check_rule
from plugnet.errors import FileFormatError
from plugnet.interfaces import Dataset, Samples
from plugnet_builtin.datasets.four_keys import KEYS, four_samples, require_keys
from plugnet_builtin.datasets.npy_header import check_header
from plugnet_builtin.datasets.reading import looks_like, open_file


@dataclass(eq=False)
class Npy(Dataset):
    """Reads train_data.npy, train_label.npy, test_data.npy and test_label.npy, by `numpy.save`.

    The samples become memory maps, so that a set may be larger than the memory, if they are
    float32, bytes or another type of which float32 holds every number, in C order; others are
    converted, so they are read as a whole. The numbers are taken as they are, so they must be
    scaled, or the network must begin with a layer that scales (``rescale``). From 1 GiB on a
    set is checked for NaN and infinite values while it is trained on, not before. The labels are
    read as a whole. Leave the files alone while they are in use.

    Attributes:
        path: the folder.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if the labels are class ids.
        ten_means_zero: whether the class id 10 stands for the digit 0.
    """

    path: str
    labels: str = "auto"
    first_class: int | None = None
    ten_means_zero: bool = False

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        check_rule(self.labels, self.first_class, self.ten_means_zero)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return none: the files lie where the user says."""
        return []

    def load(self) -> Samples:
        """Map the files; data ``(N, *shape)``, float32 or as they are if they are smaller."""
        folder = Path(self.path).expanduser()
        try:
            found = [path.stem for path in folder.iterdir() if path.suffix == ".npy"]
        except OSError as error:
            raise FileFormatError(
                f"{self.path!r} must be a folder with {', '.join(f'{key}.npy' for key in KEYS)}, "
                f"but: {error.strerror}.",
                path=self.path,
            ) from error
        require_keys(found, self.path)
        arrays = {key: _open(str(folder / f"{key}.npy")) for key in KEYS}
        return four_samples(arrays, self.labels, self.first_class, self.ten_means_zero)


def _open(path: str) -> Array:
    """Return the array in a file, as a memory map unless it has no elements."""
    with open_file(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            shape, _ = check_header(file, size)
        except Exception as error:  # NumPy raises many kinds on damaged headers
            file.seek(0)
            raise FileFormatError(
                f"{path!r} must be a NumPy file of numbers, but it is {looks_like(file.read(200))} "
                f"that cannot be read ({error}).",
                path=path,
            ) from error
    array: Array = np.load(path, mmap_mode=None if 0 in shape else "r", allow_pickle=False)
    return array
