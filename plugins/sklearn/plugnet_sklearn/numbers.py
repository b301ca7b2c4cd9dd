"""Numbers that a network's type cannot hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.samples import as_samples
from plugnet.errors import DataError


def check_range(x: Any, dtype: np.dtype[Any]) -> None:
    """Check that no number would become infinite, at the cost of a look at each.

    Args:
        x: ``(N, features)`` array or CSR matrix, without infinite values.
        dtype: what the network computes in.

    Raises:
        DataError: one would, as `fit` says it.
    """
    values = x.data if hasattr(x, "tocsr") else x
    limit = np.finfo(dtype).max
    if values.dtype.kind != "f" or np.can_cast(values.dtype, dtype) or not values.size:
        return
    if np.fmin.reduce(values, axis=None) < -limit or np.fmax.reduce(values, axis=None) > limit:
        as_samples(x, dtype, allow_missing=True)  # which finds the place


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
