"""Labels: one rule that says what an array of them means.

There are three kinds, and ``rule`` may name the one that is meant:

* ``"class_ids"``: one whole number per sample, as ``(N,)``, ``(N, 1)`` or MATLAB's ``(1, N)``,
  of any numeric type: 3.0 is class 3, but 3.5 is an error. Classes count from 0, or from
  ``first_class``; with ``ten_means_zero``, the ids are digits of which 10 stands for 0.
* ``"one_hot"``: ``(N, K)`` with K at least 2, one 1 in every row and 0 elsewhere.
* ``"targets"``: ``(N, K)`` real numbers; ``(N,)`` and ``(1, N)`` mean ``(N, 1)``.

``"auto"`` decides by these steps, the first that fits:

1. One value per sample: class ids. Whoever means a single real target says ``"targets"``.
2. A matrix of zeros and ones only: one-hot; a row with no 1 or with several is an error.
3. Any other matrix: targets.

The first axis counts samples where possible: for one sample, ``(1, K)`` is a row of K values, and
a square matrix is read row by row. A matrix with the samples in its columns is an error.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from plugnet.arguments import flag, integer
from plugnet.arrays import Array
from plugnet.data.samples import as_array, require_rows
from plugnet.errors import ArgumentError, DataError, DataWarning
from plugnet.targets import is_one_hot, is_zero_or_one
from plugnet.warning import warn_user

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

#: Class ids from here on are treated as errors.
_TOO_LARGE = 2**31

RULES = ("auto", "class_ids", "one_hot", "targets")


def read_labels(
    labels: Any,
    rows: int,
    rule: str = "auto",
    first_class: int | None = None,
    ten_means_zero: bool = False,
) -> Array:
    """Return class ids ``(N,)`` int64 from 0, or real targets ``(N, K)``; see the module.

    Args:
        labels: what the user has.
        rows: N, the number of samples.
        rule: what ``labels`` are.
        first_class: the smallest class id, which becomes 0. None: it is 0, and ids that seem to
            count from 1 give a `DataWarning`.
        ten_means_zero: the ids are digits of which 10 stands for 0, a habit in MATLAB.

    Raises:
        ArgumentError: an argument is out of its range.
        DataError: the labels break the rule; ``row`` is the first offending one.
    """
    check_rule(rule, first_class, ten_means_zero)
    values = _row_per_sample(as_array(labels, "labels"), rows)
    require_rows(np.all(np.isfinite(values), axis=1), values, "labels must be finite")
    columns = values.shape[1]
    if rule == "class_ids" and columns > 1:
        raise DataError(
            f"Class ids must be one value per sample, but there are {columns} per row.", row=0
        )
    if rule in ("auto", "class_ids") and columns == 1:
        return _class_ids(values[:, 0], first_class, ten_means_zero)
    if first_class or ten_means_zero:
        raise DataError(
            "first_class and ten_means_zero are about class ids, but the labels have "
            f"{columns} values per sample. Leave the two out.",
            row=None,
        )
    if rule == "targets" or (rule == "auto" and not is_zero_or_one(values).all()):
        floating = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
        return np.ascontiguousarray(values, dtype=floating.newbyteorder("="))
    return _from_one_hot(values)


def as_targets(targets: Any, rows: int, dtype: DTypeLike = np.float32) -> Array:
    """Return class ids ``(N,)`` int64, or finite targets ``(N, K)`` of ``dtype``.

    Here the dtype says which it is: one integer per sample, in any orientation, is a class id;
    everything else is targets, one-hot rows included, where ``(N,)`` means ``(N, 1)``. Files,
    whose dtypes say less, are read by `read_labels`.

    Args:
        targets: one answer per sample.
        rows: N, the number of samples.
        dtype: a floating-point type.

    Raises:
        DataError: not one row per sample, a negative id, or a value that is not finite.
    """
    values = _row_per_sample(as_array(targets, "targets"), rows)
    if values.dtype.kind in "bui" and values.shape[1] == 1:
        return _whole_numbers(values[:, 0], "give real targets as floating-point numbers")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(values, dtype=dtype)
    require_rows(np.all(np.isfinite(array), axis=1), array, "targets must be finite")
    return array


def as_weights(weights: Any, rows: int, dtype: DTypeLike = np.float32) -> Array:
    """Return the weights of samples, ``(N,)``, as an array of ``dtype``.

    Args:
        weights: one number per sample, at least 0.
        rows: N, the number of samples.
        dtype: a floating-point type.

    Raises:
        DataError: not one per sample, a negative one, or one that is not finite; or all are 0.
    """
    values = as_array(weights, "weights")
    if values.shape != (rows,):
        raise DataError(
            f"There must be one weight per sample, ({rows},), but the weights have the shape "
            f"{values.shape}.",
            row=None,
        )
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(values, dtype=dtype)
    require_rows(np.isfinite(array) & (array >= 0), values, "weights must be finite, at least 0")
    if not array.any():
        raise DataError("All weights are 0, so no sample counts. Leave them out.", row=None)
    return array


def warn_one_class(labels: Array) -> None:
    """Warn if class ids, ``(N,)``, name one class only, so that there is nothing to learn."""
    if labels.ndim == 1 and len(labels) > 1 and labels.min() == labels.max():
        warn_user(
            f"All {len(labels)} samples are of class {labels[0]}; a network learns to predict "
            "it always.",
            DataWarning,
        )


def check_rule(rule: str, first_class: int | None, ten_means_zero: bool) -> None:
    """Check the arguments of `read_labels`, for readers that take them in their constructor.

    Raises:
        ArgumentError: one is out of its range, or they contradict each other.
    """
    if rule not in RULES:
        raise ArgumentError(
            f"The rule for labels must be one of {', '.join(RULES)}, not {rule!r}.",
            argument="rule",
            value=rule,
        )
    if first_class is not None:
        integer("first_class", first_class, at_least=0)
    flag("ten_means_zero", ten_means_zero)
    if first_class and ten_means_zero:
        raise ArgumentError(
            "ten_means_zero keeps the ids 1 to 9 as they are, so first_class must be left out.",
            argument="first_class",
            value=first_class,
        )


def _row_per_sample(values: Array, rows: int) -> Array:
    """Return ``values`` as ``(rows, K)``, a view."""
    if rows < 1:
        raise DataError("There must be at least one label, but there are no samples.", row=None)
    if values.ndim in (1, 2) and values.shape[0] == rows and values.size:
        return values.reshape(rows, -1)
    if values.shape == (1, rows):
        return values.reshape(rows, 1)
    hint = ""
    if values.ndim == 2 and values.shape[1] == rows:
        hint = " Samples seem to be in the columns: pass labels.T."
    raise DataError(
        f"Labels must have one row per sample, ({rows},) or ({rows}, K), but their shape is "
        f"{values.shape}.{hint}",
        row=None,
    )


def _whole_numbers(values: Array, otherwise: str) -> Array:
    """Return numbers of any type as int64 ids; ``otherwise`` says what to do with real targets."""
    numbers = values.astype(np.float64) if values.dtype.kind == "f" else values
    fits = (numbers >= 0) & (numbers < _TOO_LARGE) & (np.floor(numbers) == numbers)
    require_rows(fits, values, f"class ids must be whole numbers from 0 ({otherwise})")
    return numbers.astype(np.int64)


def _class_ids(values: Array, first_class: int | None, ten_means_zero: bool) -> Array:
    """Return whole numbers as int64 ids from 0."""
    ids = _whole_numbers(values, 'if they are real targets, pass the rule "targets"')
    if ten_means_zero:
        require_rows((ids >= 1) & (ids <= 10), ids, "the ids must be 1 to 10 if 10 means 0")
        return ids % 10
    if first_class is None:
        _warn_from_one(ids)
        return ids
    require_rows(ids >= first_class, ids, f"no id may be less than first_class={first_class}")
    return ids - first_class


def _warn_from_one(ids: Array) -> None:
    present = np.unique(ids)
    if len(present) > 1 and np.array_equal(present, np.arange(1, len(present) + 1)):
        ten = ", or ten_means_zero=True if 10 is the digit 0" if len(present) == 10 else ""
        warnings.warn(
            f"The class ids are 1 to {len(present)} and none is 0. If classes count from 1, pass "
            f"first_class=1{ten}; if they are right as they are, first_class=0.",
            DataWarning,
            stacklevel=4,
        )


def _from_one_hot(values: Array) -> Array:
    """Return the column of the single 1 of every row."""
    if values.shape[1] < 2:
        raise DataError("One-hot labels need at least 2 columns, but there is 1.", row=None)
    advice = 'if they are real targets, pass the rule "targets"'
    require_rows(
        is_one_hot(values), values, f"one-hot rows must have one 1 and 0 elsewhere ({advice})"
    )
    ids: Array = np.argmax(values == 1, axis=1).astype(np.int64, copy=False)
    return ids
