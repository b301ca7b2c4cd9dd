"""Numbers that a network's type cannot hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.samples import as_samples
from plugnet.errors import DataError


def check_range(x: Any, dtype: np.dtype[Any] | None) -> None:
    """Check that no number would become infinite, at the cost of a look at each.

    Args:
        x: ``(N, features)`` array or CSR matrix, without infinite values.
        dtype: what the network takes; None: any type, as a first layer ``standardize`` does.

    Raises:
        DataError: one would, as `fit` says it.
    """
    values = x.data if hasattr(x, "tocsr") else x
    if dtype is None or _is_held(values.dtype, dtype) or not values.size:
        return
    limit = np.finfo(dtype).max
    if np.fmin.reduce(values, axis=None) < -limit or np.fmax.reduce(values, axis=None) > limit:
        as_samples(x, dtype, allow_missing=True)  # which finds the place


def _is_held(given: np.dtype[Any], dtype: np.dtype[Any]) -> bool:
    """Tell whether a type can hold all numbers of another that could be too large for it."""
    return given.kind != "f" or np.can_cast(given, dtype)


def narrowed(x: Any, dtype: np.dtype[Any] | None) -> Any:
    """Return samples in which a batch of a sparse matrix takes no more memory than the network's.

    Args:
        x: ``(N, features)`` array, which comes back as it is, or CSR matrix, whose numbers are
            converted; what is too large becomes infinite.
        dtype: what the network takes; None: any type.
    """
    if dtype is None or not hasattr(x, "tocsr") or _is_held(x.dtype, dtype):
        return x
    if not x.has_canonical_format:  # what stands in one place is added before it is rounded
        x = x.copy()
        x.sum_duplicates()
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def check_outputs(outputs: Array) -> None:
    """Check that a network's outputs, ``(N, K)``, are numbers.

    Raises:
        DataError: those of a row are not.
    """
    fits = np.isfinite(outputs).all(axis=1)
    if not fits.all():
        row = int(np.argmin(fits))
        raise DataError(
            f"The network gives no answer for row {row}: its outputs are not numbers. Look at the "
            "values of that row; they may be too large.",
            row=row,
        )
