"""Samples: what a user hands over, checked and made ready for a network."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from plugnet.arrays import Array
from plugnet.data.lazy import LazyArray, View, declared
from plugnet.data.mapped import mapped_file
from plugnet.data.objects import as_numbers
from plugnet.errors import DataError, DataWarning, brief, counted
from plugnet.warning import warn_user

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

#: Samples this many times larger than a network is made for are almost always unscaled, and it
#: learns little from them.
UNUSUAL = 50.0

#: Elements that are checked at a time: they stay in the processor's cache.
_BLOCK = 1 << 16

#: Elements that a layer learns from at a time; but this many rows if they have at most _WIDEST
#: elements, because each block has a cost for each column.
_LEARNT, _LEARNT_ROWS, _WIDEST = 1 << 18, 16, 1 << 22

#: Columns of a table that a warning names.
_NAMED = 5

_FILL = "begin the network with ('standardize', {'missing': 'mean'})"


def as_array(values: Any, name: str) -> Array:
    """Return ``values`` as a plain array of numbers, without a copy where none is needed.

    Args:
        values: an array, or anything that NumPy can turn into one (lists, pandas, torch).
        name: what the error calls it.

    Raises:
        DataError: it is not an array of real numbers, or it has a mask, or it is sparse.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(
            f"{name} must be a plain array, not a masked one, because its hidden values would be "
            "used. Fill them, or drop those rows.",
            row=None,
        )
    try:
        array = np.asarray(values)
    except MemoryError:
        raise
    except Exception as error:  # a foreign object's conversion may raise anything
        raise DataError(f"{name} cannot be turned into an array: {error}", row=None) from error
    if array.dtype.kind not in "buif":
        if hasattr(values, "tocsr"):
            raise DataError(
                f"{name} must be a dense array here, but they are a {type(values).__name__}. Write "
                "toarray().",
                row=None,
            )
        if array.dtype.kind in "OUST" and array.ndim:  # or a list with numbers beside text
            return _from_objects(np.asarray(values, object), name)
        raise DataError(
            f"{name} must be real numbers, but {type(values).__name__} gives an array of dtype "
            f"{array.dtype}. Convert it first.",
            row=None,
        )
    return array


def _from_objects(objects: Array, name: str) -> Array:
    """Return objects as numbers, float64.

    Raises:
        DataError: one is no number.
    """
    found, wrong = as_numbers(objects)
    if wrong is None:
        return found
    value = objects[wrong]
    raise DataError(
        f"{name} must be real numbers, but {name}[{', '.join(map(str, wrong))}] is "
        f"{brief(value)}, a {type(value).__name__}. Convert it first.",
        row=wrong[0],
    )


def as_stored(samples: Any, name: str) -> Array:
    """Return ``samples`` as a plain array of numbers, or as the `LazyArray` that they are or make.

    A sparse matrix makes one.

    Raises:
        DataError: they are not real numbers.
    """
    if isinstance(samples, np.ndarray):
        return as_array(samples, name)
    if hasattr(samples, "tocsr"):
        from plugnet.data.sparse import SparseArray  # late: only sparse matrices need it

        samples = SparseArray(samples)
    if not isinstance(samples, LazyArray):
        return as_array(samples, name)
    lazy = declared(samples)
    if lazy.dtype.kind not in "buif":
        raise DataError(
            f"{name} must be real numbers, but {type(samples).__name__} gives {lazy.dtype}.",
            row=None,
        )
    return cast(Array, lazy)  # which is used as one


def as_sample_rows(samples: Any, name: str) -> Array:
    """Return ``samples`` as `as_stored` does, ``(N, *shape)``, whatever these are.

    Raises:
        DataError: not numbers, no samples, or no features.
    """
    array = as_stored(samples, name)
    if array.ndim < 2:
        raise DataError(
            f"{name} must have one row per sample, (N, features) or (N, height, width, channels), "
            f"but its shape is {array.shape}. A single feature is x.reshape(-1, 1), a single "
            "sample x.reshape(1, -1).",
            row=None,
        )
    if array.size == 0:
        raise DataError(
            f"{name} must hold at least one sample and one feature, but its shape is "
            f"{array.shape}.",
            row=None,
        )
    return array


def as_samples(
    samples: Any,
    dtype: DTypeLike | None = np.float32,
    name: str = "samples",
    scale: float | None = None,
    remember: bool = True,
    allow_missing: bool = False,
    columns: Sequence[str] = (),
) -> Array:
    """Return ``samples``, ``(N, *shape)``, as a contiguous array of numbers, all finite.

    A contiguous array of a type that ``dtype`` can hold exactly, such as bytes for float32, comes
    back as it is: a network converts batch by batch, so that a set is not in memory twice, nor four
    times as large. Others are converted to ``dtype``. Nothing is ever changed in place. Samples of
    a very different magnitude from ``scale`` give a `DataWarning`, a table column by column; so do
    samples that are all the same constant. Of a memory map from 1 GiB on only the beginning is
    checked here, and the rest when it is read for training; likewise of a `LazyArray`, whose rows
    are checked and converted whenever they are read. An array that came back unchanged is not
    checked again while it lives: checking numbers that are written into it later is up to the
    caller.

    Args:
        samples: one sample per row; N and all of ``shape`` at least 1.
        dtype: a floating-point type; None: numbers stay in the type in which they are stored.
        name: what errors and warnings call it.
        scale: the magnitude that a network is made for, its first layer's ``input_scale()``; None:
            any will do.
        remember: whether an array that comes back unchanged is not checked again; False for one
            whose owner writes further samples into it.
        allow_missing: whether a value may be NaN.
        columns: the names of a table's columns, for errors and warnings; else their numbers.

    Raises:
        DataError: not numbers, no samples, no features, or a value that is NaN or infinite.
    """
    given: Any = as_sample_rows(samples, name)
    array: Array = given
    checked_for = (None if dtype is None else np.dtype(dtype), scale, allow_missing)
    found = _checked.get(id(samples))
    if remember and found is not None and found[0]() is samples and found[1] == checked_for:
        return array
    widest = np.float64 if dtype is None else dtype
    is_kept = np.can_cast(array.dtype, widest) or (dtype is None and array.dtype.kind in "ui")
    own = None if is_kept else widest
    if isinstance(given, LazyArray):
        if isinstance(given, View) and given.parts.convert is not None and is_kept:
            return array  # which was checked
        becomes = given.dtype if own is None else np.dtype(own)
        as_read = partial(
            _as_read, dtype=becomes, name=name, allow_missing=allow_missing, columns=columns
        )
        lazy = given.converted(becomes, as_read)
        array, looked_at = cast(Array, lazy), lazy[lazy.telling()]
    else:
        with np.errstate(over="ignore"):  # what becomes infinite is refused below, with its place
            array = np.require(array, own, ("C_CONTIGUOUS", "ALIGNED"))
        looked_at = array if mapped_file(array) is None else array[: _beginning(array)]
    lowest, highest = value_range(looked_at, name, None, allow_missing, columns)
    largest = max(-lowest, highest)
    if scale is not None and (warning := _unusual(looked_at, largest, scale, name, columns)):
        warn_user(warning, DataWarning)
    elif lowest == highest and len(array) > 1 and looked_at is array:
        warn_user(
            f"All values of {name} are {lowest:g}; nothing distinguishes the samples. "
            "Check that they were read correctly.",
            DataWarning,
        )
    if remember and array is given and isinstance(samples, np.ndarray):
        number = id(samples)
        _checked[number] = weakref.ref(samples, lambda _: _checked.pop(number, None)), checked_for
    return array


#: By id, the arrays that passed, and for which dtype and scale, and whether NaN was allowed.
_checked: dict[int, tuple[weakref.ref[Array], tuple[object, ...]]] = {}


def _as_read(
    block: Array,
    rows: Array,
    dtype: np.dtype[Any],
    name: str,
    allow_missing: bool,
    columns: Sequence[str],
) -> Array:
    """Return rows of a `LazyArray` in ``dtype``, checked."""
    with np.errstate(over="ignore"):
        block = np.require(block, dtype, ("C_CONTIGUOUS", "ALIGNED"))
    check_finite(block, name, rows, allow_missing, columns)
    return block


def _unusual(
    samples: Array, largest: float, scale: float, name: str, columns: Sequence[str]
) -> str:
    """Return a warning that samples may be scaled wrongly; empty if they look right."""
    limit = UNUSUAL * scale
    if largest > limit:
        little = f"a magnitude of {largest:g}; a network learns little from values beyond {limit:g}"
        if samples.ndim == 2:
            pixels = "" if largest > 255 else ", or pixels with ('rescale', 255)"
            return (
                f"{_beyond(samples, limit, columns)} of {name} reach {little}. Begin the network "
                f"with 'standardize'{pixels}."
            )
        return (
            f"Values of {name} reach {little}. Begin the network with a layer that brings pixels "
            "to [0, 1], ('rescale', 255), or scale them, for example by x / 255."
        )
    if scale > UNUSUAL and 0 < largest < scale / UNUSUAL:
        return (
            f"Values of {name} reach a magnitude of only {largest:g}, but the network begins with "
            f"a layer that brings some {scale:g} to 1. If they are scaled already, give the "
            "network what they were before, or leave out the layer."
        )
    return ""


def _beyond(table: Array, limit: float, columns: Sequence[str]) -> str:
    """Return which columns of a table, ``(N, features)``, reach beyond a magnitude, and how far."""
    largest = np.zeros(table.shape[1])
    rows = max(_BLOCK // len(largest), 1)
    for start in range(0, len(table), rows):
        block = table[start : start + rows]
        for found in (np.fmin.reduce(block), np.fmax.reduce(block)):
            np.fmax(largest, np.abs(found.astype(float)), out=largest)
    order = [int(i) for i in np.argsort(-largest, kind="stable") if largest[i] > limit]
    named = [f"{_column(i, columns)} ({largest[i]:g})" for i in order[:_NAMED]]
    if len(order) > _NAMED:
        return f"Columns {', '.join(named)} and {counted(len(order) - _NAMED, 'other')}"
    if len(order) == 1:
        return f"The values in column {named[0].partition(' (')[0]}"
    return f"Columns {', '.join(named[:-1])} and {named[-1]}"


def _column(index: int, columns: Sequence[str]) -> str:
    return repr(str(columns[index])) if index < len(columns) else str(index)


def require_rows(fits: Array, values: Array, rule: str) -> None:
    """Check that every row of ``values`` fits.

    Args:
        fits: ``(N,)`` booleans.
        values: ``(N,)`` or ``(N, K)``, what they were made from.
        rule: what must hold, for the error.

    Raises:
        DataError: one does not; ``row`` is the first.
    """
    if not fits.all():
        row = int(np.argmin(fits))
        raise DataError(f"Row {row} is {values[row]}, but {rule}.", row=row)


def check_rows(samples: Array, labels: Array) -> None:
    """Check that there is at least one sample, and one label for each.

    Raises:
        DataError: the numbers of rows differ, or are 0.
    """
    rows, answers = (len(array) if array.ndim else 0 for array in (samples, labels))
    if rows != answers:
        raise DataError(
            f"Every sample needs one label, but there are {rows} samples and {answers} labels.",
            row=min(rows, answers),
        )
    if rows == 0:
        raise DataError("There must be at least one sample, but the arrays are empty.", row=None)


def value_range(
    array: Array,
    name: str,
    numbers: Array | None = None,
    allow_missing: bool = False,
    columns: Sequence[str] = (),
) -> tuple[float, float]:
    """Return min and max, block by block, so that no array as large as this one is made.

    Args:
        array: ``(N, *shape)``, contiguous.
        name: what the error calls it.
        numbers: ``(N,)``, what the error calls the rows; None: 0, 1, 2 and so on.
        allow_missing: whether a value may be NaN; these are left out.
        columns: the names of a table's columns, for the error.

    Raises:
        DataError: a value is NaN or infinite; ``row`` is the number of the first such row.
    """
    flat = array.reshape(-1)
    lowest, highest = np.inf, -np.inf
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        low, high = float(block.min()), float(block.max())  # both are NaN if anything is
        if allow_missing and np.isnan(low):
            low, high = float(np.fmin.reduce(block)), float(np.fmax.reduce(block))
            if np.isnan(low):
                continue
        if not (np.isfinite(low) and np.isfinite(high)):
            fits = np.isfinite(block) | (np.isnan(block) & allow_missing)
            first = start + int(np.argmin(fits))
            index = [int(i) for i in np.unravel_index(first, array.shape)]
            if numbers is not None:
                index[0] = int(numbers[index[0]])
            raise _not_finite(flat[first], index, name, columns)
        lowest, highest = min(lowest, low), max(highest, high)
    return lowest, highest


def check_finite(
    array: Array,
    name: str,
    numbers: Array,
    allow_missing: bool = False,
    columns: Sequence[str] = (),
) -> None:
    """Check that all values are finite, faster than by `value_range`; see there."""
    flat = array.reshape(-1)
    if array.dtype.kind == "f" and not np.isfinite(np.vdot(flat, flat)):  # the quickest look
        value_range(array, name, numbers, allow_missing, columns)  # a square may only be too large


def _not_finite(
    value: np.generic, index: Sequence[int], name: str, columns: Sequence[str]
) -> DataError:
    """Return the error for a value that is NaN or infinite."""
    is_missing = bool(np.isnan(value))
    if columns and len(index) == 2:
        place = f"Row {index[0]}, column {_column(index[1], columns)}, of {name}"
        what = "missing (NaN)" if is_missing else f"{value}"
    else:
        place = f"{name}[{', '.join(map(str, index))}]"
        what = f"{value} (as {value.dtype})"
    advice = f"Fill it, drop the row, or {_FILL}" if is_missing else "Correct it, or drop the row"
    return DataError(f"{place} is {what}, but {name} must be finite. {advice}.", row=index[0])


def blocks_of(samples: Array, allow_missing: bool) -> Iterator[Array]:
    """Yield samples that `as_samples` returned once, in their order, block by block.

    What lies in a large memory map is read from its file, because the process would seem to hold
    all that it has read through the map, and it is checked here.

    Args:
        samples: ``(N, *shape)``.
        allow_missing: whether a value may be NaN.

    Raises:
        DataError: a value is infinite or NaN, or the file has become shorter.
    """
    file = mapped_file(samples)
    row_bytes = samples.nbytes // len(samples)
    features = samples.size // len(samples)
    rows = max(_LEARNT // features, min(_LEARNT_ROWS, _WIDEST // features), 1)
    for start in range(0, len(samples), rows):
        block = samples[start : start + rows]
        if file is not None:
            place = file.offset + start * row_bytes
            read = np.fromfile(file.path, samples.dtype, block.size, offset=place)
            if read.size < block.size:
                raise DataError(
                    f"{file.path!r} must hold all samples, but it has become shorter. Leave it "
                    "alone while a memory map of it is in use.",
                    row=start + read.size * len(block) // block.size,
                )
            block = read.reshape(block.shape)
            value_range(block, "samples", np.arange(start, start + len(block)), allow_missing)
        yield block


def _beginning(array: Array) -> int:
    """Return how many of the first rows take about a megabyte."""
    return max((1 << 20) * len(array) // array.nbytes, 1)
