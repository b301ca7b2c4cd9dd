"""Answers: the labels that a user has, in any words, and the targets that a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.frames import as_inputs, column_names, is_frame, listed
from plugnet.data.labels import as_targets
from plugnet.data.samples import as_array
from plugnet.errors import ArgumentError, DataError
from plugnet.schema import Label, Schema
from plugnet.targets import is_one_hot, is_zero_or_one


def learn_schema(
    y: Any, outputs: int, binary: bool, classes: Sequence[Label] | None = None, **names: Any
) -> Schema:
    """Return what a network's outputs mean if it is trained on the labels ``y``.

    Strings and booleans are classes, in sorted order. Whole numbers, one per sample, are class ids
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
        ArgumentError: ``classes`` are not distinct strings or whole numbers.
    """
    count = 2 if binary and outputs == 1 else outputs
    values = as_labels(y)
    if classes is not None:
        found = _checked(classes)
    elif values.dtype.kind in "Ub" and values.size == len(values):
        found = tuple(np.unique(values).tolist())
    elif _are_classes(values, outputs, binary):
        return Schema("class", tuple(range(count)), **names)
    else:
        return Schema("real", **names)
    if len(found) != count:
        raise DataError(
            f"The network tells {count} classes apart, but the labels have {len(found)}: "
            f"{listed(found)}. Let its last layer have {len(found)} outputs, or name all classes "
            "in their order: fit(..., classes=[...]).",
            row=None,
        )
    return Schema("class", found, **names)


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
    if schema.targets and is_frame(y) and column_names(y):
        y = y[schema.targets[0]] if len(schema.targets) == 1 else as_inputs(y, schema.targets)
    values = as_labels(y)
    if schema.kind == "real":
        if values.dtype.kind == "U":
            row = 0
            raise DataError(
                f"The targets must be real values, but row {row} has {values.flat[0]!r}. The "
                "network was trained on real values.",
                row=row,
            )
        if values.dtype.kind in "bui":
            values = values.astype(np.float64)
        targets = as_targets(values, rows, np.float64 if schema.scales else dtype)
        if schema.scales:
            targets = ((targets - schema.offsets) / schema.scales).astype(dtype)
        return targets
    if values.dtype.kind == "b" and values.size > rows:
        values = values.astype(np.uint8)  # one-hot rows
    is_id = schema.classes == tuple(range(len(schema.classes)))
    if values.dtype.kind == "f" or (values.dtype.kind in "ui" and (is_id or values.ndim > 1)):
        return as_targets(values, rows, dtype)
    if values.size != rows:
        raise DataError(
            f"Every sample needs one label, but there are {rows} samples and labels of shape "
            f"{values.shape}.",
            row=min(rows, len(values)),
        )
    return _ids(values.reshape(rows), schema.classes)


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
    if is_frame(y) and not isinstance(y, np.ndarray):
        names = column_names(y)
        y = y[names[0]] if len(names) == 1 else as_inputs(y)
    try:
        values = np.asarray(y)
    except ValueError as error:  # lists of different lengths
        raise DataError(
            f"The labels must be one or several per sample, but {error}.", row=None
        ) from None
    if values.dtype.kind in "OT":
        values = _from_objects(values.astype(object))
    return values if values.dtype.kind == "U" else as_array(values, "labels")


def scaling(targets: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of real targets ``(N, K)``; 1 if all are the same."""
    with np.errstate(over="ignore"):
        means, deviations = targets.mean(axis=0), targets.std(axis=0)
    deviations[~(deviations > 1e-12 * np.abs(means))] = 1.0
    return tuple(means.tolist()), tuple(deviations.tolist())


def _are_classes(values: Array, outputs: int, binary: bool) -> bool:
    """Tell whether numbers are classes: ids or one-hot rows."""
    if values.dtype.kind == "U":
        raise DataError(
            f"There must be one label per sample, but the labels have the shape {values.shape}.",
            row=None,
        )
    if outputs == 1:
        return binary and bool(is_zero_or_one(values).all())
    if values.ndim == 2 and min(values.shape) > 1:
        return values.shape[1] == outputs and bool(is_one_hot(values).all())
    return values.dtype.kind in "ui"


def _from_objects(values: Array) -> Array:
    """Return objects as an array of strings, of booleans or of numbers."""
    kinds = {type(value) for value in values.flat}
    if all(issubclass(kind, str) for kind in kinds):
        return values.astype(str)
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return values.astype(bool)
    if all(issubclass(kind, int | float | np.number) for kind in kinds):
        return np.array(values.tolist())
    first = next(iter(values.flat))
    for row, value in enumerate(values):
        if value is None or value != value or type(value).__name__ == "NAType":
            raise DataError(
                f"Every sample needs a label, but row {row} has none ({value!r}). Drop such rows.",
                row=row,
            )
        if isinstance(value, str) != isinstance(first, str):
            raise DataError(
                f"Labels must be all strings or all numbers, but row 0 has {first!r} and row {row} "
                f"has {value!r}. Convert them.",
                row=row,
            )
    raise DataError(
        f"Labels must be strings or numbers, but row 0 has {first!r}. Convert them.", row=0
    )


def _checked(classes: Sequence[Label]) -> tuple[Label, ...]:
    found = tuple(c.item() if isinstance(c, np.generic) else c for c in classes)
    is_text = all(isinstance(c, str) for c in found)
    is_number = all(isinstance(c, int) for c in found)
    if not found or not (is_text or is_number) or len(set(found)) != len(found):
        raise ArgumentError(
            "classes must be distinct strings or distinct whole numbers, but they are "
            f"{listed(found)}.",
            argument="classes",
            value=classes,
        )
    return found


def _ids(values: Array, classes: tuple[Label, ...]) -> Array:
    """Return the places of labels ``(N,)`` among the classes, int64."""
    places = {label: place for place, label in enumerate(classes)}
    distinct, inverse = np.unique(values, return_inverse=True)
    found = np.array([_place(places, label) for label in distinct.tolist()], np.int64)
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


def _place(places: dict[Label, int], label: Label) -> int:
    """Return the place of a class; -1 if there is none. True is not 1, nor is "1"."""
    place = places.get(label, -1)
    is_same = place >= 0 and type(next(k for k in places if k == label)) is type(label)
    return place if is_same else -1
