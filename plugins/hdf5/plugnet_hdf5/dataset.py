"""One array of an HDF5 file: what it says of itself, and its numbers or text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.data.pieces import PiecedArray, begins_of
from plugnet.data.stored_array import Stored
from plugnet.errors import DataError, FileFormatError
from plugnet.files.budget import Budget
from plugnet_hdf5.file import opened
from plugnet_hdf5.heaps import check_heaps

#: Bytes that a piece has at least, where a chunk is smaller; and texts that are read at a time.
_PIECE, _TEXTS = 1 << 16, 1 << 10


@dataclass(frozen=True)
class Source:
    """Where an array lies.

    Attributes:
        path: the file.
        name: the array's name, such as "train/x".
        budget: what its arrays take as they are stored.
        made: what they become.
        is_reversed: whether the axes come in the opposite order, as MATLAB writes them.
    """

    path: str
    name: str
    budget: Budget
    made: Budget
    is_reversed: bool = False

    def shape(self, dataset: Any) -> Shape:
        """Return the shape as it is seen."""
        shape: Shape = dataset.shape
        return shape[::-1] if self.is_reversed else shape

    def stored(self, dataset: Any, memory: int) -> Stored:
        """Return the array, to be read as a whole or, from ``memory`` bytes on, in pieces."""
        if problem(dataset):
            return Stored(None, self.read, self.made)
        shape = self.shape(dataset)
        is_number = dataset.dtype.kind in "buif"
        size = math.prod(shape) * dataset.dtype.itemsize
        is_large = is_number and len(shape) > 1 and size > max(memory, _PIECE)
        return Stored(shape, self.read, self.made, self.lazy if is_large else None)

    def read(self) -> Array:
        """Return all numbers in native byte order, or texts.

        Raises:
            FileFormatError: it is damaged, or neither numbers nor texts.
            BudgetError: it takes more memory than it may.
        """
        with opened(self.path) as (file, size):
            dataset = self.checked(file[self.name])
            if dataset.dtype.kind == "O":
                check_heaps(self.path, size)
            self.budget.spend(_bytes(dataset), self.name)
            if h5py.check_string_dtype(dataset.dtype) is not None:
                return self._texts(dataset)
            values: Array = np.asarray(dataset[()])
            values = values.astype(values.dtype.newbyteorder("="), copy=False)
            return values.T if self.is_reversed else values

    def lazy(self) -> Chunks:
        """Return it to be read in pieces.

        Raises:
            FileFormatError: as `read`.
            BudgetError: it, or one of its chunks, would take more memory than it may.
        """
        with opened(self.path) as (file, _):
            return Chunks(self, self.checked(file[self.name]))

    def checked(self, dataset: Any) -> Any:
        """Return a dataset that can be samples or labels.

        Raises:
            FileFormatError: it cannot.
        """
        if found := problem(dataset):
            raise FileFormatError(
                f"{self.name!r} of {self.path!r} must be an array of numbers or of names of "
                f"classes, but {found}.",
                path=self.path,
            )
        return dataset

    def _texts(self, dataset: Any) -> Array:
        """Return texts, counted while they are read: they may be longer than the file."""
        flat: list[str] = []
        for start in range(0, dataset.shape[0], _TEXTS):
            block = dataset.asstr("utf-8")[start : start + _TEXTS].reshape(-1).tolist()
            self.budget.spend(sum(map(len, block)), self.name)
            flat += block
        self.budget.spend(4 * len(flat) * max(map(len, flat), default=0), self.name)
        return np.array(flat, np.str_).reshape(dataset.shape)


class Chunks(PiecedArray):
    """An array in an HDF5 file, read in pieces of whole chunks.

    Attributes:
        source: where it lies.
        begins: where pieces begin, see `PiecedArray`.
    """

    def __init__(self, source: Source, dataset: Any) -> None:
        """Take the array; nothing is read yet."""
        self.source, self.shape = source, source.shape(dataset)
        self._stored: np.dtype[Any] = dataset.dtype
        native = dataset.dtype.newbyteorder("=")
        self.dtype = native if np.can_cast(native, np.float32) else np.dtype(np.float32)
        axis = -1 if source.is_reversed else 0
        chunk = dataset.chunks[axis] if dataset.chunks else 1
        row_bytes = max(math.prod(self.shape[1:]) * max(native.itemsize, self.dtype.itemsize), 1)
        rows = chunk * math.ceil(_PIECE / (row_bytes * chunk))
        source.budget.check(_bytes(dataset), source.name)
        if dataset.chunks:
            of_chunk = math.prod(dataset.chunks) * native.itemsize
            source.budget.check(of_chunk + rows * row_bytes, f"a chunk of {source.name}")
        self.begins = begins_of(self.shape[0], rows)

    def read_pieces(self, numbers: Sequence[int]) -> Iterator[Array]:
        """Yield pieces; see `PiecedArray`."""
        source = self.source
        for_row = self.begins[numbers[0]] if numbers else 0
        try:
            with opened(source.path) as (file, _):
                dataset = source.checked(file[source.name])
                if (source.shape(dataset), dataset.dtype) != (self.shape, self._stored):
                    raise FileFormatError(
                        f"{source.name!r} of {source.path!r} has been replaced since it was "
                        "looked at. Read it again.",
                        path=source.path,
                    )
                for number in numbers:
                    for_row, end = self.begins[number : number + 2].tolist()
                    rows = slice(for_row, end)
                    piece = dataset[..., rows].T if source.is_reversed else dataset[rows]
                    yield np.ascontiguousarray(piece, self.dtype)
        except FileFormatError as error:
            raise DataError(f"Row {for_row}: {error}", row=int(for_row)) from error


def problem(dataset: Any) -> str:
    """Return why an array cannot be samples or labels; "" if it can."""
    dtype, text = dataset.dtype, h5py.check_string_dtype(dataset.dtype)
    if dataset.shape is None:
        return "it is empty, without a shape"
    if dataset.is_virtual or dataset.external:
        return "its numbers lie in other files. Copy them into one file, for example by h5repack"
    if dtype.kind not in "buif" and text is None:
        if dtype.kind != "O":
            return f"it is of type {dtype}"
        kind = "references" if h5py.check_ref_dtype(dtype) else "lists of varying length"
        return f"it holds {kind}"
    filters = dataset.id.get_create_plist()
    for index in range(filters.get_nfilters()):
        number, _, _, name = filters.get_filter(index)
        if not h5py.h5z.filter_avail(number):
            name = name.decode("utf-8", "replace") or "unknown"
            return (
                f"it is compressed by the filter {number} ({name}), which is not installed. Import "
                "its package first, such as hdf5plugin, or repack the file, h5repack -f GZIP=4"
            )
    return ""


def _bytes(dataset: Any) -> int:
    size: int = math.prod(dataset.shape) * dataset.dtype.itemsize
    return size
