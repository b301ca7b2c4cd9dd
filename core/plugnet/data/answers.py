"""Answers: the labels that a user has, in any words, and the targets that a network learns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.categories import fixed_classes
from plugnet.data.foreign import opened
from plugnet.data.frames import as_inputs, check_columns, column_names, is_frame, only_column
from plugnet.data.label_objects import decoded, from_objects
from plugnet.data.labels import INEXACT, as_targets, is_whole
from plugnet.data.samples import as_array
from plugnet.errors import ArgumentError, DataError, counted, listed
from plugnet.schema import Label, Schema
from plugnet.targets import is_one_hot, is_zero_or_one


def learn_schema(
    y: Any, outputs: int, binary: bool, classes: Sequence[Label] | None = None, **names: Any
) -> Schema:
    """Return what a network's outputs mean if it is trained on the labels ``y``.

    Labels whose type fixes the classes, a categorical column of pandas or an Enum of polars, have
    these, in their order, also those that do not occur; see `fixed_classes`. Other strings and
    booleans are classes in sorted order, also those in a polars Categorical or an Arrow dictionary.
    Whole numbers, one per sample, are class ids
    from 0; for a single output that does not tell two classes apart they are real values. One-hot
    rows are classes, too; all other numbers are real values.

    Args:
        y: the labels.
        outputs: K, how many outputs the network has.
        binary: whether a single output tells two classes apart.
        classes: all classes, in the order of the outputs; None: as above.
        names: further attributes of the schema, such as ``columns``.

    Raises:
        DataError: there are more or fewer classes than the network can tell apart.
        ArgumentError: ``classes`` are not distinct strings or whole numbers, or name the columns of
            one-hot rows in another order.
    """
    columns = names.get("columns", ())
    if shared := [name for name in names.get("targets", ()) if name in columns]:
        raise DataError(
            f"The inputs must not hold the labels, but they have the column {listed(shared)}, too. "
            f"Drop it from them: x.drop(columns=[{listed(shared)}]).",
            row=None,
        )
    count = 2 if binary and outputs == 1 else outputs
    values = as_labels(y)
    are_fixed = False
    if classes is None and not isinstance(y, np.ndarray):
        classes = fixed_classes(y)
        are_fixed = classes is not None
    if classes is not None:
        found = as_classes(classes)
        _check_order(found, names.get("targets", ()))
    elif values.dtype.kind in "Ub":
        found = tuple(np.unique(values).tolist())
        _refuse_nan(values)
    elif _are_one_hot(values, outputs):
        targets = names.get("targets", ())
        return Schema("class", targets if len(targets) == count else tuple(range(count)), **names)
    elif _are_ids(values, outputs, binary):
        _check_ids(values, count)
        return Schema("class", tuple(range(count)), **names)
    else:
        return Schema("real", **names)
    if len(found) != count:
        advice = "name all classes in their order: fit(..., classes=[...])"
        occurring = set(values.flat)
        if are_fixed and (unused := [label for label in found if label not in occurring]):
            advice = f"drop the categories that do not occur, {listed(unused)}"
        raise DataError(
            f"The network has outputs for {counted(count, 'class', 'classes')}, but the labels "
            f"have {len(found)}: {listed(found)}. Give its last layer as many outputs, or "
            f"{advice}.",
            row=None,
        )
    return Schema("class", found, **names)


def check_schema(schema: Schema) -> None:
    """Check that a schema does not contradict itself.

    Raises:
        ArgumentError: it does, or an attribute has the wrong type.
    """
    is_class = schema.kind == "class"
    if is_class:
        as_classes(schema.classes)
    names = (*schema.columns, *schema.targets, *schema.dropped)
    numbers = (*schema.offsets, *schema.scales)
    are_numbers = all(type(each) in (float, int) and math.isfinite(each) for each in numbers)
    rules = {
        "kind": is_class or schema.kind == "real",
        "classes": is_class or not schema.classes,
        "ignored": len(schema.ignored) < 2
        and all(isinstance(label, str | int) for label in schema.ignored),
        "columns": all(isinstance(name, str) for name in names) and len(set(names)) == len(names),
        "scales": are_numbers
        and len(schema.offsets) == len(schema.scales)
        and all(scale > 0 for scale in schema.scales)
        and not (is_class and numbers),
    }
    for name, holds in rules.items():
        if not holds:
            raise ArgumentError(
                f"The {name} do not fit in {schema}. See Schema for what they must be.",
                argument=name,
                value=getattr(schema, name),
            )


def encode(y: Any, schema: Schema, rows: int, dtype: Any = np.float32) -> Array:
    """Return the targets for labels: class ids ``(N,)`` int64, or ``(N, K)`` of ``dtype``.

    Args:
        y: the labels.
        schema: what they may be.
        rows: N, the number of samples.
        dtype: a floating-point type.

    Raises:
        DataError: a label is missing or no class that the schema knows; or as `as_targets`.
    """
    values = as_labels(by_name(y, schema))
    if schema.kind == "real":
        if values.dtype.kind == "U":
            raise DataError(
                f"The targets must be real values, but row 0 has {str(values.flat[0])!r}. The "
                "network was trained on real values.",
                row=0,
            )
        if values.dtype.kind in "bui":
            values = values.astype(np.float64)
        targets = as_targets(values, rows, np.float64 if schema.scales else dtype)
        if schema.scales:
            with np.errstate(over="ignore"):
                targets = ((targets - schema.offsets) / schema.scales).astype(dtype)
            if not np.isfinite(targets).all():
                row = int(np.argmin(np.isfinite(targets).all(axis=1)))
                raise DataError(
                    f"The label of row {row} is too far from those that the model was trained on "
                    f"to be a number in {np.dtype(dtype).name}. Correct it.",
                    row=row,
                )
        return targets
    is_label = values.size == rows  # not a row for each sample
    if values.dtype.kind == "b" and not is_label:
        values = values.astype(np.int8)
    if values.dtype.kind == "f" and is_label and is_whole(values).all():
        values = values.astype(np.int64)  # 3.0 is class 3
    is_id = schema.classes == tuple(range(len(schema.classes))) and schema.classes[0] is not False
    if values.dtype.kind == "f" or (values.dtype.kind in "ui" and (is_id or not is_label)):
        return as_targets(values, rows, dtype)
    if not is_label:
        raise DataError(
            f"Every sample needs one label, but there are {rows} samples and labels of shape "
            f"{values.shape}.",
            row=min(rows, len(values)),
        )
    return _ids(values.reshape(rows), schema.classes)


def by_name(y: Any, schema: Schema) -> Any:
    """Return the targets' columns of labels that are a frame, in the order of the schema.

    Raises:
        DataError: one is missing or unknown.
    """
    if not (schema.targets and is_frame(y) and (names := column_names(y))):
        return y
    others = {*schema.columns, *schema.dropped}
    check_columns(names, schema.targets, others)
    is_one = len(schema.targets) == 1
    return y[schema.targets[0]] if is_one else as_inputs(y, schema.targets, others)


def ignoring(y: Any, weights: Any, ignore_label: Label) -> tuple[Array, Array]:
    """Return labels and weights in which ``ignore_label`` counts nothing.

    Its samples get another label, that of the first that counts.

    Raises:
        DataError: no sample is left.
    """
    labels = as_labels(y)
    expected = {"U": str, "b": bool}.get(labels.dtype.kind, int)
    if labels.ndim != 1 or type(ignore_label) is not expected:
        raise DataError(
            f"ignore_label={ignore_label!r} needs one label of its type for each sample, but the "
            f"labels are {labels.dtype} of shape {labels.shape}.",
            row=None,
        )
    ignored: Array = labels == ignore_label
    if ignored.all():
        raise DataError(f"All labels are {ignore_label!r}, which is ignored.", row=None)
    counts = np.ones(len(labels))
    if weights is not None:
        counts = as_array(weights, "weights").astype(np.float64)
    if counts.shape == labels.shape:  # else it is refused where weights are checked
        counts[ignored] = 0
    return np.where(ignored, labels[np.argmin(ignored)], labels), counts


def counting(y: Any, weights: Any, schema: Schema) -> tuple[Any, Any]:
    """Return labels and weights in which the labels that a schema ignores count nothing."""
    if not schema.ignored:
        return y, weights
    return ignoring(by_name(y, schema), weights, schema.ignored[0])


def decode(outputs: Array, schema: Schema) -> Array:
    """Return outputs or targets ``(N, K)`` of a network in the units of the user's real values."""
    if not schema.scales:
        return outputs
    return outputs.astype(np.float64) * schema.scales + schema.offsets


def as_labels(y: Any) -> Array:
    """Return labels as an array of numbers, booleans or strings.

    Raises:
        DataError: one is missing, or of another type.
    """
    y = y if isinstance(y, np.ndarray) else opened(y)
    if is_frame(y) and not isinstance(y, np.ndarray):
        column = only_column(y)
        y = as_inputs(y) if column is None else opened(column)
    if isinstance(y, np.ma.MaskedArray) or hasattr(y, "tocsr"):
        return as_array(y, "labels")  # which refuses it
    try:  # the items of a list keep their types: NumPy would make the string "1" of a 1 beside "a"
        values = np.asarray(y, object if isinstance(y, list | tuple) else None)
    except MemoryError:
        raise
    except Exception as error:  # a foreign object's conversion may raise anything
        raise DataError(f"labels cannot be turned into an array: {error}", row=None) from error
    if not values.ndim:
        raise DataError(
            "Labels must be a list or an array, one or several per sample, but they are "
            f"a {type(y).__name__}.",
            row=None,
        )
    if values.dtype.kind == "S":
        values = decoded(values)
    if values.dtype.kind in "OT":
        values = from_objects(values.astype(object))
    if values.dtype.kind != "U":
        values = as_array(values, "labels")
        _refuse_missing(values)
        is_row = values.dtype.kind == "b" and values.ndim > 1 and min(values.shape) > 1
        return values.astype(np.int8) if is_row else values  # one-hot rows, as pandas makes them
    if (empty := np.char.strip(values) == "").any():
        row = int(np.argwhere(empty)[0, 0])
        raise DataError(
            f"Every sample needs a label, but that of row {row} is empty. Drop such rows.", row=row
        )
    return values


def scaling(
    targets: Array, weights: Array | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of real targets ``(N, K)``; 1 if all are the same.

    They are computed in units of a power of two for each column, so that the square of no number is
    too large or too small, and no bit changes.

    Args:
        targets: float64, finite.
        weights: ``(N,)``, for how many samples each counts, at least one above 0; None: for one.
    """
    if weights is not None:
        targets, weights = targets[weights > 0], weights[weights > 0]
    lowest, highest = targets.min(axis=0), targets.max(axis=0)
    exponents = np.frexp(np.maximum(np.abs(lowest), np.abs(highest)))[1]
    units = np.ldexp(targets, -exponents)
    means = np.average(units, axis=0, weights=weights)
    deviations = np.sqrt(np.average((units - means) ** 2, axis=0, weights=weights))
    scales = np.ldexp(deviations, exponents)
    scales[~(scales > 0) | (lowest == highest)] = 1.0
    return tuple(np.ldexp(means, exponents).tolist()), tuple(scales.tolist())


def _check_order(classes: Sequence[Label], targets: Sequence[str]) -> None:
    """Check that a table of labels has the column of each class at its place, if named like it."""
    are_elsewhere = (
        name in classes and classes.index(name) != at for at, name in enumerate(targets)
    )
    if len(targets) > 1 and any(are_elsewhere):
        raise ArgumentError(
            f"classes must be in the order of the labels' columns, {listed(targets)}, but they are "
            f"{listed(classes)}. Put them in this order, or leave them out.",
            argument="classes",
            value=classes,
        )


def _are_one_hot(values: Array, outputs: int) -> bool:
    is_table = values.ndim == 2 and min(values.shape) > 1
    return is_table and values.shape[1] == outputs and bool(is_one_hot(values).all())


def _are_ids(values: Array, outputs: int, binary: bool) -> bool:
    """Tell whether numbers are class ids."""
    if values.ndim > 1 and min(values.shape) > 1:
        return False
    if outputs == 1:
        return binary and (values.dtype.kind in "ui" or bool(is_zero_or_one(values).all()))
    return values.dtype.kind in "ui"


def _check_ids(values: Array, count: int) -> None:
    """Check that whole numbers are below the count of classes, and tell how to name others."""
    wrong = (values < 0) | (values >= count)
    if not wrong.any():
        return
    row, distinct = int(np.argmax(wrong)), np.unique(values).tolist()
    advice = "Give its last layer an output for each class"
    if len(distinct) <= count:
        advice = (
            f"If these are the names of classes, say so: fit(..., classes=[{listed(distinct)}])"
        )
    raise DataError(
        f"Whole numbers are class ids, and must be from 0 to {count - 1} for a network with "
        f"outputs for {counted(count, 'class', 'classes')}, but row {row} has {values.flat[row]}. "
        f"{advice}.",
        row=row,
    )


def _refuse_missing(values: Array) -> None:
    """Check that no label is NaN, which is what becomes of a missing one among numbers."""
    if values.dtype.kind == "f" and (missing := np.isnan(values)).any():
        row = int(np.argwhere(missing)[0, 0])
        raise DataError(
            f"Every sample needs a label, but row {row} has none (nan). Drop such rows.", row=row
        )


def _refuse_nan(values: Array) -> None:
    """Check that no label is "nan", which is what NumPy makes of a missing one among strings."""
    if values.dtype.kind == "U" and (values == "nan").any():
        row = int(np.argwhere(values == "nan")[0, 0])
        raise DataError(
            f"Every sample needs a label, but row {row} has 'nan', which looks like a missing one. "
            "Drop such rows, or, if it is a class, name all: fit(..., classes=[...]).",
            row=row,
        )


def as_classes(classes: Any) -> tuple[Label, ...]:
    """Return classes as a tuple of Python's own types.

    Raises:
        ArgumentError: they are not distinct strings, distinct booleans or distinct whole numbers,
            or have no order.
    """
    try:
        given = () if isinstance(classes, str | Set | Mapping) else tuple(classes)
    except TypeError:
        given = ()
    found = tuple(c.item() if isinstance(c, np.generic) else c for c in given)
    kinds = {bool if isinstance(c, bool) else int if isinstance(c, int) else type(c) for c in found}
    if len(kinds) != 1 or not kinds <= {str, bool, int} or len(set(found)) < len(found):
        shown = listed(found) if found else repr(classes)
        raise ArgumentError(
            "classes must be a list of distinct strings or distinct whole numbers, but they are "
            f"{shown}.",
            argument="classes",
            value=classes,
        )
    if kinds == {int} and max(map(abs, found)) >= INEXACT:
        raise ArgumentError(
            f"classes that are numbers must be below 2^53, but they are {listed(found)}. Name them "
            "by strings.",
            argument="classes",
            value=classes,
        )
    return found


def _ids(values: Array, classes: tuple[Label, ...]) -> Array:
    """Return the places of labels ``(N,)`` among the classes, int64."""
    places = {(type(label), label): place for place, label in enumerate(classes)}
    distinct, inverse = np.unique(values, return_inverse=True)  # True is not 1, nor is "1"
    found = np.array([places.get((type(d), d), -1) for d in distinct.tolist()], np.int64)
    ids: Array = found[inverse]
    unknown = np.flatnonzero(ids < 0)
    if len(unknown):
        row = int(unknown[0])
        names = sorted({values[r].item() for r in unknown})
        raise DataError(
            f"The labels must be classes that the model knows, {listed(classes)}, but "
            f"{listed(names)} came, in row {', '.join(map(str, unknown[:5]))}"
            f"{' and others' * (len(unknown) > 5)}. Correct or drop them, or train a model on "
            "these classes.",
            row=row,
            rows=tuple(unknown.tolist()),
        )
    return ids
