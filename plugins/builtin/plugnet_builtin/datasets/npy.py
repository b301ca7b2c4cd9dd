"""The four arrays in a folder of NumPy files, which may be larger than the memory."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import FileFormatError
from plugnet_builtin.datasets.npy_header import check_header
from plugnet_builtin.datasets.train_test_arrays import KEYS, TrainTestArrays, require_keys
from plugnet_builtin.datasets.untrusted_file import list_folder, looks_like, open_file


class Npy(TrainTestArrays):
    """Reads train_data.npy, train_label.npy, test_data.npy and test_label.npy, by `numpy.save`.

    The samples become memory maps, so that a set may be larger than the memory, if they are in C
    order and float32, bytes or another type whose values float32 holds exactly; others are
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

    def read(self) -> Mapping[str, Array]:
        contents = ", ".join(f"{key}.npy" for key in KEYS)
        paths = list_folder(self.path, contents)
        found = {path.stem: str(path) for path in paths if path.suffix == ".npy"}
        require_keys(found, self.path)
        return {key: _open(found[key]) for key in KEYS}


def _open(path: str) -> Array:
    """Return the array in a file, as a memory map unless it has no elements."""
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            shape = check_header(file, size)
        except Exception as error:  # NumPy raises many kinds on damaged headers
            file.seek(0)
            raise FileFormatError(
                f"{path!r} must be a NumPy file of numbers, but it is {looks_like(file.read(200))} "
                f"that cannot be read ({error}).",
                path=path,
            ) from error
    array: Array = np.load(path, mmap_mode=None if 0 in shape else "r", allow_pickle=False)
    return array
