"""Arrays in a folder of NumPy files, which may be larger than the memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from plugnet.arrays import Array
from plugnet.data.stored_array import MOST_ARRAYS, Stored, too_many_arrays
from plugnet.data.train_test_arrays import TrainTestArrays
from plugnet.errors import FileFormatError
from plugnet.files.beginnings import looks_like
from plugnet.files.budget import Budget
from plugnet.files.opening import list_folder, open_ordinary, unreadable
from plugnet_builtin.datasets.npy_header import check_text, read_header


class Npy(TrainTestArrays):
    """Reads samples and labels from a folder of files by `numpy.save`, such as x.npy and y.npy.

    The samples become memory maps, so that a set may be larger than the memory, if they are in C
    order and float32, bytes or another type whose values float32 holds exactly; others are
    converted, so they are read as a whole. The numbers are taken as they are, so they must be
    scaled, or the network must begin with a layer that scales (``rescale``). From 1 GiB on a
    set is checked for NaN and infinite values while it is trained on, not before, and needs files
    of its own to test on. The labels are read as a whole. Leave the files alone while they are in
    use.

    Attributes:
        path: the folder; or a single file, of samples that a trained model is asked about.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if absent ones count too.
        ten_means_zero: whether the class id 10 stands for the digit 0.
        keys: the files' names without .npy by their roles, x, y, weights, test_x, test_y and
            test_weights, for example ``{"x": "pixels", "y": "digit"}``. None: they have common
            names, such as x and y; x_train, y_train, x_test and y_test; or train_data, train_label,
            test_data and test_label.
        test_fraction: how much is held out where there is no test part, from 0 to below 1; drawn
            at random by ``seed``, of each class its share.
        seed: of the draw.
        budget: how many bytes each file may take in memory; a memory map takes none. None: 64
            MiB or 100 times its size, whichever is larger, or what the environment variable
            PLUGNET_BUDGET says.
    """

    def contents(self) -> Mapping[str, Stored]:
        paths = [Path(self.path)]
        if paths[0].is_dir() or not paths[0].exists():
            paths = list_folder(self.path, ".npy files of samples and labels")
            paths = [path for path in paths if path.suffix == ".npy" and path.is_file()]
        if len(paths) > MOST_ARRAYS:
            raise too_many_arrays(self.path)
        return {path.stem: _stored(str(path), self.budget) for path in paths}


def _stored(path: str, limit: int | None) -> Stored:
    """Return what a file holds; a memory map of it takes no memory."""
    with open_ordinary(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            shape = read_header(file, size).shape
        except Exception:  # NumPy raises many kinds on damaged headers; reading it says why
            shape = None
    return Stored(shape, partial(_open, path), Budget(path, size, limit))


def _open(path: str) -> Array:
    """Return the array in a file, as a memory map unless it has no elements."""
    with open_ordinary(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            header = read_header(file, size)
        except Exception as error:  # as above
            file.seek(0)
            raise FileFormatError(
                f"{path!r} must be a NumPy file of numbers, but it is {looks_like(file.read(200))} "
                f"that cannot be read ({error}).",
                path=path,
            ) from error
    order: Literal["C", "F"] = "F" if header.is_fortran else "C"
    if 0 in header.shape:
        return np.empty(header.shape, header.dtype, order)
    try:
        array = np.memmap(path, header.dtype, "r", header.start, header.shape, order)
        check_text(array)
        return array
    except (OSError, ValueError) as error:  # it became shorter, or the system has no room for maps
        raise unreadable(path, "a file that can be mapped", error) from error
