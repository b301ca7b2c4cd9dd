"""The four variables in a NumPy archive."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

import numpy as np

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.data import check_rule
from plugnet.errors import FileFormatError
from plugnet.interfaces import Dataset, Samples
from plugnet_builtin.datasets.four_keys import KEYS, four_samples, require_keys
from plugnet_builtin.datasets.npy_header import check_header
from plugnet_builtin.datasets.reading import looks_like, open_file, unpack_limit


@dataclass(eq=False)
class Npz(Dataset):
    """Reads train_data, train_label, test_data and test_label from a file by `numpy.savez`.

    The numbers are taken as they are, so they must be scaled, or the network must begin with a
    layer that scales. Arrays of Python objects are refused, as reading them could run anything.

    Attributes:
        path: the file.
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
        """Read the file; data ``(N, *shape)``, float32 or as they are if they are smaller."""
        with open_file(self.path) as file:
            try:
                arrays = _read(file, self.path)
            except FileFormatError:
                raise
            except Exception as error:  # zipfile and NumPy raise many kinds on damaged files
                raise FileFormatError(
                    f"{self.path!r} must be a NumPy archive, but it is damaged ({error}).",
                    path=self.path,
                ) from error
        return four_samples(arrays, self.labels, self.first_class, self.ten_means_zero)


def _read(file: BinaryIO, path: str) -> dict[str, Array]:
    if not zipfile.is_zipfile(file):
        file.seek(0)
        raise FileFormatError(
            f"{path!r} must be a NumPy archive, but it is {looks_like(file.read(200))}.", path=path
        )
    size = file.seek(0, 2)
    with zipfile.ZipFile(file) as archive:
        members = [member.filename for member in archive.infolist()]
        if len(members) != len(set(members)):
            raise FileFormatError(f"{path!r} holds two arrays of the same name.", path=path)
        require_keys((name.removesuffix(".npy") for name in members), path)
        wanted = [archive.getinfo(f"{key}.npy") for key in KEYS]
        if sum(member.file_size for member in wanted) > unpack_limit(size):
            raise FileFormatError(
                f"{path!r} would unpack to far more than its size; it is damaged or made to fill "
                "the memory.",
                path=path,
            )
        return {
            key: _array(archive.open(member), member.file_size)
            for key, member in zip(KEYS, wanted, strict=True)
        }


def _array(file: IO[bytes], size: int) -> Array:
    """Return the array in a member of ``size`` bytes; nothing is allocated by its header alone."""
    with file:
        check_header(file, size)
        file.seek(0)
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):  # reading to the end checks the CRC
            raise ValueError("an array goes on after its end")
        return array
