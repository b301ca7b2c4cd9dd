"""Samples: what a user hands over, checked and made ready for a network."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.mapped import mapped_file
from plugnet.errors import DataError, DataWarning

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

#: Samples this many times larger than a network is made for are almost always unscaled, and it
#: learns little from them.
UNUSUAL = 50.0

#: Elements that are checked at a time: they stay in the processor's cache.
_BLOCK = 1 << 16


def as_array(values: Any, name: str) -> Array:
    """Return ``values`` as a plain array of numbers, without a copy where none is needed.

    Args:
        values: an array, or anything that NumPy can turn into one (lists, pandas, torch).
        name: what the error calls it.

    Raises:
        DataError: it is not an array of real numbers, or it has a mask.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(
            f"{name} must be a plain array, not a masked one, as its hidden values would be used. "
            "Fill them, or drop those rows.",
            row=None,
        )
    try:
        array = np.asarray(values)
    except MemoryError:
        raise
    except Exception as error:  # a foreign object's conversion may raise anything
        raise DataError(f"{name} cannot be turned into an array: {error}", row=None) from error
    if array.dtype.kind not in "buif":
        raise DataError(
            f"{name} must be real numbers, but {type(values).__name__} gives an array of dtype "
            f"{array.dtype}. Convert it first.",
            row=None,
        )
    return array


def as_samples(
    samples: Any,
    dtype: DTypeLike = np.float32,
    name: str = "samples",
    scale: float | None = None,
    remember: bool = True,
) -> Array:
    """Return ``samples``, ``(N, *shape)``, as a contiguous array of numbers, all finite.

    A contiguous array of a type that ``dtype`` can hold exactly, such as bytes for float32, comes
    back as it is: a network converts batch by batch, so that a set is not in memory twice, nor four
    times as large. Others are converted to ``dtype``. Nothing is ever changed in place. Samples of
    a very different magnitude from ``scale`` give a `DataWarning`; so do samples that are all the
    same constant. Of a memory map from 1 GiB on only the beginning is checked here, and the rest
    when it is read for training. An array that came back unchanged is not checked again while it
    lives: checking numbers that are written into it later is up to the caller.

    Args:
        samples: one sample per row; N and all of ``shape`` at least 1.
        dtype: a floating-point type.
        name: what errors and warnings call it.
        scale: the magnitude that a network is made for, its first layer's ``input_scale()``; None:
            any will do.
        remember: whether an array that comes back unchanged is not checked again; False for one
            whose owner writes further samples into it.

    Raises:
        DataError: not numbers, no samples, no features, or a value that is NaN or infinite.
    """
    array = given = as_array(samples, name)
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
    checked_for = (np.dtype(dtype), scale)
    found = _checked.get(id(samples))
    if remember and found is not None and found[0]() is samples and found[1] == checked_for:
        return array
    own = None if np.can_cast(array.dtype, dtype) else dtype
    with np.errstate(over="ignore"):  # what becomes infinite is refused below, with its place
        array = np.require(array, own, ("C_CONTIGUOUS", "ALIGNED"))
    is_streamed = mapped_file(array) is not None
    lowest, highest = value_range(array[: _beginning(array)] if is_streamed else array, name)
    if scale is not None and (warning := _unusual(max(-lowest, highest), scale, name)):
        warnings.warn(warning, DataWarning, stacklevel=3)
    elif lowest == highest and len(array) > 1 and not is_streamed:
        warnings.warn(
            f"All values of {name} are {lowest:g}; nothing distinguishes the samples. "
            "Check that they were read correctly.",
            DataWarning,
            stacklevel=3,
        )
    if remember and array is given and isinstance(samples, np.ndarray):
        number = id(samples)
        _checked[number] = weakref.ref(samples, lambda _: _checked.pop(number, None)), checked_for
    return array


#: By id, the arrays that passed, and for which dtype and scale.
_checked: dict[int, tuple[weakref.ref[Array], tuple[np.dtype[Any], float | None]]] = {}


def _unusual(largest: float, scale: float, name: str) -> str:
    """Return a warning that samples may be scaled wrongly; empty if they look right."""
    if largest > UNUSUAL * scale:
        return (
            f"Values of {name} reach a magnitude of {largest:g}; a network learns little from "
            f"those beyond {UNUSUAL * scale:g}. Scale to [0, 1], pixels for example by x / 255, or "
            "begin the network with a layer that does, ('rescale', 255)."
        )
    if scale > UNUSUAL and 0 < largest < scale / UNUSUAL:
        return (
            f"Values of {name} reach a magnitude of only {largest:g}, but the network begins with "
            f"a layer that brings some {scale:g} to 1. If they are scaled already, give the "
            "network what they were before, or leave out the layer."
        )
    return ""


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


def value_range(array: Array, name: str, numbers: Array | None = None) -> tuple[float, float]:
    """Return min and max, block by block, so that no array as large as this one is made.

    Args:
        array: ``(N, *shape)``, contiguous.
        name: what the error calls it.
        numbers: ``(N,)``, what the error calls the rows; None: 0, 1, 2 and so on.

    Raises:
        DataError: a value is NaN or infinite; ``row`` is the number of the first such row.
    """
    flat = array.reshape(-1)
    lowest = highest = float(flat[0])
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        low, high = float(block.min()), float(block.max())  # both are NaN if anything is
        if not (np.isfinite(low) and np.isfinite(high)):
            first = start + int(np.argmin(np.isfinite(block)))
            index = [int(i) for i in np.unravel_index(first, array.shape)]
            if numbers is not None:
                index[0] = int(numbers[index[0]])
            place = ", ".join(map(str, index))
            raise DataError(
                f"{name} must be finite, but {name}[{place}] is {flat[first]} (as {array.dtype}). "
                "Drop that row or fill the value.",
                row=index[0],
            )
        lowest, highest = min(lowest, low), max(highest, high)
    return lowest, highest


def _beginning(array: Array) -> int:
    """Return how many of the first rows take about a megabyte."""
    return max((1 << 20) * len(array) // array.nbytes, 1)
