"""Labels: one rule that says what an array of them means.

There are three kinds, and ``rule`` may name the one that is meant:

* ``"class_ids"``: one class per sample, as ``(N,)``, ``(N, 1)`` or MATLAB's ``(1, N)``: a whole
  number of any numeric type (3.0 is class 3, but 3.5 is an error), True or False, or a string.
  Classes keep their numbers, whichever is the first; only with ``ten_means_zero`` are they digits,
  and 10 stands for 0.
* ``"one_hot"``: ``(N, K)`` with K at least 2, one 1 in every row and 0 elsewhere. The classes are
  0 to K - 1.
* ``"targets"``: ``(N, K)`` real numbers; ``(N,)`` and ``(1, N)`` mean ``(N, 1)``.

``"auto"`` decides by these steps, the first that fits:

1. One value per sample, a string or a whole number: class ids. Numbers that may as well be real
   values, see `plugnet.data.label_kinds`, are an error that asks for a rule.
2. One value per sample, at least one of them not whole: targets.
3. A matrix of zeros and ones only: one-hot; a row with no 1 or with several is an error.
4. Any other matrix: targets.

The first axis counts samples where possible: for one sample, ``(1, K)`` is a row of K values, and
a square matrix is read row by row. A matrix with the samples in its columns is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plugnet.arguments import flag, integer
from plugnet.arrays import Array
from plugnet.data.label_kinds import classes_of
from plugnet.data.samples import as_array, require_rows
from plugnet.errors import ArgumentError, DataError, DataWarning
from plugnet.schema import Label
from plugnet.targets import is_one_hot, is_zero_or_one
from plugnet.warning import warn_user

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

#: Class ids of a network from here on are treated as errors.
_TOO_LARGE = 2**31

#: From here on, floating-point numbers are no longer exact whole numbers.
INEXACT = 2**53

#: Classes that ``first_class`` may add because they are between others, at least.
_MANY = 10_000

RULES = ("auto", "class_ids", "one_hot", "targets")

_IN_A_CONFIG = 'in a config for example ["npz", {labels = "targets"}]'
_IF_REAL = f'if they are real values, pass labels="targets", {_IN_A_CONFIG}'


class Labels(NamedTuple):
    """What an array of labels means.

    Attributes:
        values: ``(N,)`` whole numbers, int64, or strings; or ``(N, K)`` real targets.
        classes: all classes in ascending order; () for real targets.
    """

    values: Array
    classes: tuple[Label, ...]


def read_labels(
    labels: Any,
    rows: int,
    rule: str = "auto",
    first_class: int | None = None,
    ten_means_zero: bool = False,
) -> Labels:
    """Return labels as the user has them, and the classes that there are; see the module.

    Args:
        labels: what the user has.
        rows: N, the number of samples.
        rule: what ``labels`` are.
        first_class: the smallest class id: the classes are those from it to the largest, even if
            some are absent. None: the classes are the ids that occur.
        ten_means_zero: the ids are digits, and 10 stands for 0, a habit in MATLAB.

    Raises:
        ArgumentError: an argument is out of its range.
        DataError: the labels break the rule; ``row`` is the first offending one.

    >>> read_labels(["dog", "cat", "dog"], 3).classes
    ('cat', 'dog')
    >>> read_labels([[1.0], [3.0], [2.0]], 3)
    Labels(values=array([1, 3, 2]), classes=(1, 2, 3))
    """
    check_rule(rule, first_class, ten_means_zero)
    is_about_ids = first_class is not None or ten_means_zero
    if (names := _as_names(labels)) is not None:
        return _named(_row_per_sample(names, rows), rule, is_about_ids)
    values = _row_per_sample(as_array(labels, "labels"), rows)
    require_rows(np.all(np.isfinite(values), axis=1), values, "labels must be finite")
    columns = values.shape[1]
    if rule == "class_ids" and columns > 1:
        raise DataError(
            f"Class ids must be one value per sample, but there are {columns} per row.", row=0
        )
    if columns == 1 and (
        rule == "class_ids" or (rule == "auto" and (is_about_ids or is_whole(values).all()))
    ):
        return _class_ids(values[:, 0], rule, first_class, ten_means_zero)
    if is_about_ids:
        raise DataError(
            "first_class and ten_means_zero are about class ids, but the labels have "
            f"{columns} values per sample. Leave the two out.",
            row=None,
        )
    if rule == "one_hot" or (rule == "auto" and columns > 1 and is_zero_or_one(values).all()):
        return Labels(_from_one_hot(values), tuple(range(columns)))
    floating = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    return Labels(np.ascontiguousarray(values, dtype=floating.newbyteorder("=")), ())


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
    fits = np.all(np.isfinite(array), axis=1)
    require_rows(fits, values, f"targets must be finite in {array.dtype}")
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


def warn_one_class(labels: Array, classes: Sequence[Label] = ()) -> None:
    """Warn if labels, ``(N,)``, name one class only, so that there is nothing to learn.

    Args:
        labels: classes, or their ids.
        classes: the classes, if they are ids.
    """
    if labels.ndim == 1 and len(labels) > 1 and (labels == labels[0]).all():
        name = classes[labels[0]] if classes else labels[0]
        warn_user(
            f"All {len(labels)} samples are of class {name}; a network learns to predict "
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
        integer("first_class", first_class)
    flag("ten_means_zero", ten_means_zero)
    if first_class is not None and ten_means_zero:
        raise ArgumentError(
            "ten_means_zero says that the ids are 1 to 10, so first_class must be left out.",
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


def _as_names(labels: Any) -> Array | None:
    """Return labels that are strings as an array of them, and None for all others."""
    if isinstance(labels, np.ma.MaskedArray):
        return None
    try:
        array = np.asarray(labels)
    except Exception:  # `as_array` says what is wrong
        return None
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "backslashreplace")
    return array if array.dtype.kind == "U" else None


def _named(names: Array, rule: str, is_about_ids: bool) -> Labels:
    """Return the labels for strings, ``(N, 1)``."""
    if rule not in ("auto", "class_ids") or is_about_ids or names.shape[1] > 1:
        raise DataError(
            "Labels that are strings name classes, one per sample, so they fit neither the rules "
            "one_hot and targets nor first_class and ten_means_zero. Leave these out.",
            row=0,
        )
    values = np.char.strip(names[:, 0])
    require_rows(values != "", names[:, 0], "a label must not be empty")
    return Labels(values, tuple(np.unique(values).tolist()))


def is_whole(values: Array) -> Array:
    """Tell of each number whether it is whole, and exact as int64."""
    if values.dtype.kind == "f":
        numbers = values.astype(np.float64)
        found: Array = (np.abs(numbers) < INEXACT) & (np.floor(numbers) == numbers)
        return found
    return values <= np.iinfo(np.int64).max


def _class_ids(values: Array, rule: str, first_class: int | None, ten_means_zero: bool) -> Labels:
    """Return the labels for class ids, ``(N,)``."""
    require_rows(is_whole(values), values, f"class ids must be whole numbers ({_IF_REAL})")
    ids = values.astype(np.int64)
    if ten_means_zero:
        require_rows((ids >= 1) & (ids <= 10), ids, "the ids must be 1 to 10 if 10 means 0")
        return Labels(ids % 10, tuple(range(10)))
    if first_class is not None:
        return Labels(ids, _counted(ids, first_class))
    if values.dtype.kind == "b":
        return Labels(ids, (0, 1))
    if rule == "class_ids":
        return Labels(ids, tuple(np.unique(ids).tolist()))
    try:
        classes = classes_of(ids)
    except DataError as error:
        raise DataError(f"{error} That is {_IN_A_CONFIG}.", row=error.row) from None
    return Labels(ids if classes else ids.astype(np.float64)[:, np.newaxis], classes)


def _counted(ids: Array, first_class: int) -> tuple[int, ...]:
    """Return the classes from the first to the largest."""
    require_rows(ids >= first_class, ids, f"no id may be less than first_class={first_class}")
    row = int(np.argmax(ids))
    count = int(ids[row]) - first_class + 1
    if count > max(_MANY, len(ids)):
        raise DataError(
            f"Row {row} is {ids[row]}, which makes {count} classes from first_class={first_class} "
            f"on, far more than there are samples. Correct it, or leave out first_class.",
            row=row,
        )
    return tuple(range(first_class, first_class + count))


def _from_one_hot(values: Array) -> Array:
    """Return the column of the single 1 of every row."""
    if values.shape[1] < 2:
        raise DataError("One-hot labels need at least 2 columns, but there is 1.", row=None)
    require_rows(
        is_one_hot(values), values, f"one-hot rows must have one 1 and 0 elsewhere ({_IF_REAL})"
    )
    ids: Array = np.argmax(values == 1, axis=1).astype(np.int64, copy=False)
    return ids
