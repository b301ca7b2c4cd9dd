"""Samples that are read when they are wanted: of a sparse matrix, a folder of pictures, a file."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import DataError

#: What is done with rows as they are read: what was read, and their numbers -> what is handed on.
Convert: TypeAlias = Callable[[Array, Array], Array]


class LazyArray(ABC):
    """Samples that are read when they are wanted: batch by batch in training, else block by block.

    It stands for an array ``(N, *shape)`` wherever samples are given. A subclass sets ``shape`` and
    ``dtype``, and defines `read`. While a network trains on one batch, the next one is read in
    another thread.

    Attributes:
        shape: ``(N, *shape)``, as of an array.
        dtype: of what `read` returns: booleans, integers or floating-point numbers.
        begins: ``(P + 1,)``, where pieces begin that are read as a whole, such as the chunks of a
            file, and N; None: any rows are read as fast as others. Rows of a piece then come
            together in an epoch; see `plugnet.data.pieces`.

    >>> class Squares(LazyArray):
    ...     shape, dtype = (1000, 1), np.dtype("float32")
    ...     def read(self, rows):
    ...         return np.square(rows, dtype=np.float32).reshape(-1, 1)
    >>> Squares()[3:5].tolist(), len(Squares().subset([7, 8]))
    ([[9.0], [16.0]], 2)
    """

    shape: Shape
    dtype: np.dtype[Any]
    begins: Array | None = None

    @abstractmethod
    def read(self, rows: Array) -> Array:
        """Return some rows, in the order asked for, as a new array ``(len(rows), *shape[1:])``.

        Several threads may call it at once: what cannot bear that, such as the place in an open
        file, needs a lock.

        Args:
            rows: ``(n,)`` intp, from 0 to N - 1, in any order, possibly repeated.

        Raises:
            DataError: a row cannot be read; ``row`` is its number.
        """

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """How many axes there are, N included."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes an array of all would take."""
        return self.size * np.dtype(self.dtype).itemsize

    def __getitem__(self, index: Any) -> Array:
        """Return the rows of a slice, an array of integers or a mask; or the sample of a number."""
        if isinstance(index, slice):
            return self._rows(np.arange(*index.indices(len(self))))
        rows = np.arange(len(self))[index]
        return self._rows(rows) if rows.ndim else self._rows(rows.reshape(1))[0]

    def take(
        self, rows: Array, axis: int = 0, out: Array | None = None, mode: str = "raise"
    ) -> Array:
        """Return some rows as `numpy.take` does along the first axis."""
        found = self._rows(rows)
        if out is None:
            return found
        out[...] = found
        return out

    def telling(self) -> Array:
        """Return the rows that are looked at before training, ``(n,)``: they tell its values best.

        They are the first ones, a megabyte of them, unless a subclass knows better.
        """
        return np.arange(min(max((1 << 20) * len(self) // self.nbytes, 1), len(self)))

    def subset(self, rows: Any) -> LazyArray:
        """Return some rows, given as for ``[]``, without reading them."""
        parts, rows = self._parts(), np.arange(len(self))[rows]
        return View(parts._replace(rows=rows if parts.rows is None else parts.rows[rows]))

    def reshape(self, rows: int, *shape: int) -> LazyArray:
        """Return all rows, N of them, each in another shape."""
        return View(self._parts()._replace(shape=shape))

    def converted(self, dtype: np.dtype[Any], convert: Convert) -> LazyArray:
        """Return all rows, but as ``convert`` returns them: in ``dtype`` and in their shape."""
        return View(self._parts()._replace(dtype=dtype, convert=convert))

    def _rows(self, rows: Array) -> Array:
        """Return what `read` does; that it stops must not be taken for the end of the batches."""
        try:
            return self.read(rows)
        except StopIteration as error:
            raise DataError(
                f"{type(self).__name__}.read must return all rows that are asked for, but it "
                f"raised StopIteration for {len(rows)} of them. Give next() a default, or end the "
                "loop.",
                row=None,
            ) from error

    def _parts(self) -> Parts:
        return Parts(self, None, self.shape[1:], self.dtype, None)

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        """Refuse to become an array by accident."""
        name = type(self._parts().source).__name__
        raise TypeError(
            f"{name} is read part by part, and as a whole it would take "
            f"{self.nbytes / 1e6:.4g} MB. Ask for rows, such as x[:100], or for all, x[:]."
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"


class Parts(NamedTuple):
    """What a `View` consists of.

    Attributes:
        source: where rows are read.
        rows: which of them are meant; None: all.
        shape: of one sample.
        dtype: of what comes out.
        convert: what is done with rows as they are read, or None.
    """

    source: LazyArray
    rows: Array | None
    shape: Shape
    dtype: np.dtype[Any]
    convert: Convert | None


class View(LazyArray):
    """Some rows of others, possibly in another shape, checked and converted as they are read.

    Attributes:
        parts: what it consists of.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        count = len(parts.source) if parts.rows is None else len(parts.rows)
        self.shape, self.dtype = (count, *parts.shape), parts.dtype
        self.begins = _begins(parts.source.begins, parts.rows)

    def _parts(self) -> Parts:
        return self.parts

    def telling(self) -> Array:
        """Return which of the source's telling rows are meant, or the first row."""
        found = self.parts.source.telling()
        if self.parts.rows is None:
            return found
        found = np.flatnonzero(np.isin(self.parts.rows, found))
        return found if len(found) else np.zeros(1, np.intp)

    def read(self, rows: Array) -> Array:
        """Return some rows; see `LazyArray`.

        Raises:
            DataError: what the source returns is not what it must be.
        """
        source, own, shape, _, convert = self.parts
        rows = rows if own is None else own[rows]
        found = source._rows(rows)
        expected = (len(rows), *source.shape[1:])
        if (np.shape(found), getattr(found, "dtype", None)) != (expected, source.dtype):
            what = f"{np.shape(found)} and dtype {getattr(found, 'dtype', type(found).__name__)}"
            raise DataError(
                f"{type(source).__name__}.read must return an array of shape {expected} and dtype "
                f"{source.dtype} for {len(rows)} rows, but it returned one of shape {what}. "
                "Correct it.",
                row=None,
            )
        found = found if convert is None else convert(found, rows)
        return found.reshape(len(rows), *shape)


def declared(samples: LazyArray) -> LazyArray:
    """Return samples whose shape is a tuple and whose dtype is one of NumPy.

    They are the given ones, unless a subclass has set, for example, a list and "float32".

    Raises:
        DataError: a subclass has set no shape or no dtype.
    """
    shape, dtype = getattr(samples, "shape", None), getattr(samples, "dtype", None)
    try:
        if shape is None or dtype is None:
            raise TypeError("one is missing")
        sizes, kind = tuple(operator.index(size) for size in shape), np.dtype(dtype)
    except TypeError as error:
        raise DataError(
            f"{type(samples).__name__} must have a shape, such as (1000, 20), and a dtype, such as "
            f"numpy.float32, but they are {shape!r} and {dtype!r}. Set both.",
            row=None,
        ) from error
    if type(shape) is tuple and isinstance(dtype, np.dtype):
        return samples
    return View(samples._parts()._replace(shape=sizes[1:], dtype=kind))


def part_of(x: Any, rows: Any) -> Any:
    """Return some rows of samples: of an array a copy or a view, of a `LazyArray` another one."""
    return x.subset(rows) if isinstance(x, LazyArray) else x[rows]


def _begins(begins: Array | None, rows: Array | None) -> Array | None:
    """Return where pieces begin among some rows, if these come in their order."""
    if begins is None or rows is None:
        return begins
    if len(rows) > 1 and (np.diff(rows) < 0).any():
        return None
    return np.unique(np.searchsorted(rows, begins))
