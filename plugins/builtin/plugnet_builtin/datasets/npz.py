"""The four arrays in a NumPy archive."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from typing import IO, BinaryIO

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import FileFormatError
from plugnet_builtin.datasets.npy_header import check_header
from plugnet_builtin.datasets.train_test_arrays import KEYS, TrainTestArrays, require_keys
from plugnet_builtin.datasets.untrusted_file import looks_like, open_file, unpack_limit


class Npz(TrainTestArrays):
    """Reads train_data, train_label, test_data and test_label from a file by `numpy.savez`.

    The numbers are taken as they are, so they must be scaled, or the network must begin with a
    layer that scales. Arrays of Python objects are refused because reading them could run any
    code.

    Attributes:
        path: the file.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if the labels are class ids.
        ten_means_zero: whether the class id 10 stands for the digit 0.
    """

    def read(self) -> Mapping[str, Array]:
        with open_file(self.path) as file:
            try:
                return _read(file, self.path)
            except FileFormatError:
                raise
            except Exception as error:  # zipfile and NumPy raise many kinds on damaged files
                raise FileFormatError(
                    f"{self.path!r} must be a NumPy archive, but it is damaged ({error}).",
                    path=self.path,
                ) from error


def _read(file: BinaryIO, path: str) -> dict[str, Array]:
    if not zipfile.is_zipfile(file):
        file.seek(0)
        raise FileFormatError(
            f"{path!r} must be a NumPy archive, but it is {looks_like(file.read(200))}.", path=path
        )
    limit = unpack_limit(file.seek(0, os.SEEK_END))
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if len(names) != len(set(names)):
            raise FileFormatError(f"{path!r} holds two arrays of the same name.", path=path)
        require_keys((name.removesuffix(".npy") for name in names), path)
        members = {key: archive.getinfo(f"{key}.npy") for key in KEYS}
        if sum(member.file_size for member in members.values()) > limit:
            raise FileFormatError(
                f"{path!r} would unpack to more than {limit} bytes, out of proportion to its "
                "size. Is it damaged, or made to fill the memory?",
                path=path,
            )
        return {
            key: _array(archive.open(member), member.file_size) for key, member in members.items()
        }


def _array(file: IO[bytes], size: int) -> Array:
    """Return the array in a member of ``size`` bytes."""
    with file:
        check_header(file, size)
        file.seek(0)
        array: Array = np.lib.format.read_array(file, allow_pickle=False)  # checks the CRC
        return array
