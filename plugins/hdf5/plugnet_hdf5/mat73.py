"""Matrices in a MATLAB 7.3 file, which is an HDF5 file inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import h5py
import numpy as np

from plugnet.arguments import integer
from plugnet.data.stored_array import Stored
from plugnet.data.train_test_arrays import TrainTestArrays
from plugnet.errors import FileFormatError
from plugnet.files.budget import Budget
from plugnet_hdf5.dataset import Source
from plugnet_hdf5.file import datasets, opened

#: The classes of MATLAB that are matrices of numbers.
_NUMBERS = (
    "double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
    "uint64",
)  # fmt: skip


@dataclass(eq=False)
class Mat73(TrainTestArrays):
    """Reads samples and labels from a MATLAB file that was saved with ``-v7.3``.

    It reads what `mat` reads of other MATLAB files: full matrices of real numbers or logical
    values, with a row for each sample. Sparse, complex and char matrices, cells, structs and
    strings are refused. The numbers are taken as they are.

    Attributes:
        path: the file.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if absent ones count too.
        ten_means_zero: whether the class id 10 stands for the digit 0.
        keys: the variables' names by their roles, x, y, weights, test_x, test_y and test_weights,
            for example ``{"x": "pixels", "y": "digit"}``. None: they have common names, such as
            train_data, train_label, test_data and test_label, or X and y.
        test_fraction: how much is held out where there is no test part, from 0 to below 1; drawn
            at random by ``seed``, of each class its share.
        seed: of the draw.
        budget: how many bytes the file may take in memory. None: 64 MiB or 100 times its size,
            whichever is larger, or what the environment variable PLUGNET_BUDGET says.
        memory: up to how many bytes samples are kept in memory; larger ones are read from the file
            whenever they are wanted.
    """

    memory: int = 1 << 28

    def __post_init__(self) -> None:
        super().__post_init__()
        self.memory = integer("memory", self.memory, at_least=0)

    def contents(self) -> Mapping[str, Stored]:
        with opened(self.path) as (file, size):
            found = datasets(file, self.path, in_groups=False)
            budget = Budget(self.path, size, self.budget)
            made = budget.renewed()
            stored: dict[str, Stored] = {}
            for name, dataset in found.items():
                stored[name] = self._stored(Source(self.path, name, budget, made, True), dataset)
            others = {name: file[name] for name in file if _is_group(file, name)}
            for name, item in others.items():
                kind = "sparse" if "MATLAB_sparse" in item.attrs else _class(item)
                stored[name] = Stored(None, partial(_refuse, self.path, name, kind), budget)
            return stored

    def _stored(self, source: Source, dataset: Any) -> Stored:
        """Return a variable; what is no matrix of numbers is refused when it is read."""
        kind = _class(dataset)
        if kind not in _NUMBERS or dataset.dtype.kind not in "buif":
            kind = "complex" if dataset.dtype.kind in "cV" else kind
            return Stored(None, partial(_refuse, source.path, source.name, kind), source.budget)
        if "MATLAB_empty" in dataset.attrs:  # the numbers are the dimensions
            shape = tuple(int(each) for each in np.ravel(dataset[()]))
            return Stored(shape, partial(np.zeros, shape), source.budget)
        if dataset.ndim != 2:
            kind = f"{dataset.ndim}-D"
            return Stored(None, partial(_refuse, source.path, source.name, kind), source.budget)
        stored = source.stored(dataset, self.memory)
        if kind == "logical":
            return stored._replace(read=lambda: source.read() != 0, lazy=None)
        return stored


def _is_group(file: h5py.File, name: str) -> bool:
    """Tell whether a variable is no matrix; groups with # are MATLAB's own."""
    is_own = isinstance(file.get(name, getlink=True), h5py.HardLink) and not name.startswith("#")
    return is_own and isinstance(file[name], h5py.Group)


def _class(item: Any) -> str:
    """Return MATLAB's class of a variable, or what it would be if MATLAB had written it."""
    given = item.attrs.get("MATLAB_class")
    if isinstance(given, bytes):
        return given.decode("utf-8", "replace")
    return "struct" if isinstance(item, h5py.Group) else "double"


def _refuse(path: str, name: str, kind: str) -> NoReturn:
    advice = ""
    if kind in ("cell", "char", "string"):
        advice = " Save the names of classes as numbers: [y, names] = findgroups(labels)."
    elif kind == "sparse":
        advice = " Save full(...) of it."
    raise FileFormatError(
        f"{path!r} cannot be read: {name} must be a full two-dimensional matrix of real numbers, "
        f"but it is {kind}.{advice}",
        path=path,
    )
