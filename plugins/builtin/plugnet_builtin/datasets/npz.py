"""Arrays in a NumPy archive."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.data.stored_array import MOST_ARRAYS, Stored, too_many_arrays
from plugnet.data.train_test_arrays import TrainTestArrays
from plugnet.errors import FileFormatError
from plugnet.files.beginnings import looks_like
from plugnet.files.budget import Budget
from plugnet.files.opening import open_ordinary
from plugnet_builtin.datasets.npy_header import check_text, read_header

#: Bytes at the end, in which the number of arrays is.
_END = 22 + 0xFFFF

#: That number if it is larger than fits there.
_UNKNOWN = 0xFFFF


class Npz(TrainTestArrays):
    """Reads samples and labels from a file by `numpy.savez`.

    The numbers are taken as they are, so they must be scaled, or the network must begin with a
    layer that scales. Arrays of Python objects are refused because reading them could run any
    code.

    Attributes:
        path: the file.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if absent ones count too.
        ten_means_zero: whether the class id 10 stands for the digit 0.
        keys: the arrays' names by their roles, x, y, weights, test_x, test_y and test_weights, for
            example ``{"x": "pixels", "y": "digit"}``. None: they have common names, such as x and
            y; x_train, y_train, x_test and y_test; or train_data, train_label, test_data and
            test_label.
        test_fraction: how much is held out where there is no test part, from 0 to below 1; drawn
            at random by ``seed``, of each class its share.
        seed: of the draw.
        budget: how many bytes the file may take in memory. None: 64 MiB or 100 times its size,
            whichever is larger, or what the environment variable PLUGNET_BUDGET says.
    """

    def contents(self) -> Mapping[str, Stored]:
        with _opened(self.path) as (archive, size):
            files = [name for name in archive.namelist() if name.endswith(".npy")]
            if len(files) != len(set(files)):
                raise FileFormatError(
                    f"{self.path!r} holds two arrays of the same name.", path=self.path
                )
            stored = Budget(self.path, size, self.budget)
            made = stored.renewed()
            return {
                name.removesuffix(".npy"): Stored(
                    _shape(archive, name), partial(self._read, name, stored), made
                )
                for name in files
            }

    def _read(self, name: str, budget: Budget) -> Array:
        with _opened(self.path) as (archive, _), archive.open(_checked(archive, name)) as file:
            size = archive.getinfo(name).file_size
            header = read_header(file, size)
            budget.spend(size, name.removesuffix(".npy"))
            numbers = np.frombuffer(file.read(), header.dtype)  # to its end, so the CRC is checked
            array = numbers.reshape(header.shape, order="F" if header.is_fortran else "C")
            check_text(array)
            return array


@contextmanager
def _opened(path: str) -> Iterator[tuple[zipfile.ZipFile, int]]:
    """Open an archive; its size comes with it.

    Whatever is wrong with it becomes a FileFormatError.
    """
    with open_ordinary(path) as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            head = file.read(200)
            found = f"it is {looks_like(head)}"
            if head.startswith(b"PK"):
                found = (
                    "it is cut short: the list of its arrays at the end is missing. Copy it anew"
                )
            raise FileFormatError(f"{path!r} must be a NumPy archive, but {found}.", path=path)
        try:
            size = file.seek(0, os.SEEK_END)
            announced = _announced(file, size)
            if MOST_ARRAYS < announced < _UNKNOWN:  # listing them would take long
                raise too_many_arrays(path)
            with zipfile.ZipFile(file) as archive:
                listed = len(archive.namelist())
                if announced not in (listed, _UNKNOWN):  # which zipfile does not notice
                    raise ValueError(f"it announces {announced} arrays, but lists {listed}")
                if listed > MOST_ARRAYS:
                    raise too_many_arrays(path)
                yield archive, size
        except FileFormatError:
            raise
        except Exception as error:  # zipfile and NumPy raise many kinds on damaged files
            raise FileFormatError(
                f"{path!r} must be a NumPy archive, but it is damaged ({error}).", path=path
            ) from error


def _announced(file: BinaryIO, size: int) -> int:
    """Return how many arrays an archive announces, `_UNKNOWN` if they are too many to say."""
    file.seek(max(size - _END, 0))
    tail = file.read()
    end = tail[tail.rfind(b"PK\5\6") :]
    return int.from_bytes(end[10:12], "little")


def _checked(archive: zipfile.ZipFile, name: str) -> str:
    """Check that an array is packed in a way of NumPy's; others may take any memory to unpack.

    Raises:
        ValueError: it is not.
    """
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in a way that numpy.savez does not use")
    return name


def _shape(archive: zipfile.ZipFile, name: str) -> Shape | None:
    """Return an array's shape, or None if it cannot be read; reading it says why."""
    try:
        with archive.open(_checked(archive, name)) as file:
            return read_header(file, archive.getinfo(name).file_size).shape
    except Exception:  # as above
        return None
