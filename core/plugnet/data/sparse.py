"""Sparse matrices as samples, which become dense batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.lazy import LazyArray


class SparseArray(LazyArray):
    """The rows of a sparse matrix of SciPy, or of what is like one, as samples ``(N, features)``.

    A matrix in CSR format is used as it is. Any other is converted to that once. What stands twice
    in one place is added up, as in ``toarray()``.
    """

    def __init__(self, matrix: Any) -> None:
        """Take a matrix that has a method ``tocsr()``."""
        csr = matrix.tocsr()
        self.shape, self.dtype = tuple(csr.shape), np.dtype(csr.dtype)
        self._starts, used = csr.indptr, int(csr.indptr[-1])
        self._data, self._indices = csr.data[:used], csr.indices[:used]  # there may be spare room
        self._is_plain = bool(csr.has_canonical_format)

    def read(self, rows: Array) -> Array:
        """Return some rows as a dense array; see `LazyArray`."""
        begins = self._starts[rows].astype(np.intp)
        counts = self._starts[rows + 1] - begins
        ends = np.cumsum(counts)
        at = np.arange(counts.sum()) + np.repeat(begins - (ends - counts), counts)
        dense = np.zeros((len(rows), self.shape[1]), self.dtype)
        places = self._indices[at] + np.repeat(np.arange(len(rows)) * self.shape[1], counts)
        if self._is_plain:
            dense.reshape(-1)[places] += self._data[at]
        else:
            np.add.at(dense.reshape(-1), places, self._data[at])
        return dense

    def telling(self) -> Array:
        """Return the rows of the lowest and the highest value, and of one of each kind not finite.

        See `LazyArray`.
        """
        if self._data.size == 0:
            return np.zeros(1, np.intp)
        values = self._data if self.dtype.kind == "f" else self._data.astype(np.float64)
        found = [int(np.argmin(np.where(np.isnan(values), np.inf, values)))]
        found += [int(np.argmax(np.where(np.isnan(values), -np.inf, values)))]
        found += np.flatnonzero(np.isnan(values))[:1].tolist()
        return np.unique(np.searchsorted(self._starts, found, side="right") - 1)
