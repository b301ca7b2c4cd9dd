"""What each sample counts by its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, listed, shown
from plugnet.schema import Label, Schema

BALANCED = "balanced"


def as_class_weight(class_weight: Any) -> Mapping[Label, float] | str | None:
    """Return a trainer's argument ``class_weight``, checked.

    Args:
        class_weight: a mapping from labels to weights, or pairs of both, as JSON has them;
            "balanced"; or None.

    Raises:
        ArgumentError: it is something else.
    """
    if class_weight is None or (isinstance(class_weight, str) and class_weight == BALANCED):
        return class_weight
    try:
        pairs = dict(class_weight)
    except (TypeError, ValueError):
        raise ArgumentError(
            'class_weight must be "balanced" or a mapping from classes to weights, such as '
            f"{{'cat': 2.0}}, but it is {shown(class_weight)}.",
            argument="class_weight",
            value=class_weight,
        ) from None
    return {
        as_label("class_weight", label): number(f"class_weight[{label!r}]", weight, at_least=0)
        for label, weight in pairs.items()
    }


def as_label(argument: str, label: Any) -> Label:
    """Return a label that a trainer's argument names, NumPy's as Python's, so that JSON holds it.

    Raises:
        ArgumentError: it is neither a string nor a whole number.
    """
    found = label.item() if isinstance(label, np.generic) else label
    if not isinstance(found, str | int):
        raise ArgumentError(
            f"{argument} must name labels, strings or whole numbers, but it names {label!r}.",
            argument=argument,
            value=label,
        )
    return found


def weights_by_class(
    class_weight: Mapping[Label, float] | str, targets: Array | None, schema: Schema
) -> Array:
    """Return the weight of each class, ``(classes,)`` float64.

    "balanced" gives each class that occurs the same total: N / (C n), for n of N samples and C
    classes that occur.

    Args:
        class_weight: as `as_class_weight` returns it.
        targets: ``(N,)`` class ids, all that are trained on; None if they come batch by batch.
        schema: what they mean.

    Raises:
        ArgumentError: the targets are not classes, a class is not known, or "balanced" would have
            to count what comes batch by batch.
    """
    if schema.kind != "class" or (targets is not None and targets.ndim != 1):
        raise ArgumentError(
            "class_weight needs one class for each sample, but the targets are "
            f"{'real values' if schema.kind == 'real' else 'rows'}. Give weights instead.",
            argument="class_weight",
            value=class_weight,
        )
    if isinstance(class_weight, str):
        if targets is None:
            raise ArgumentError(
                'class_weight="balanced" has to count all labels, but they come batch by batch. '
                "Give the weight of each class.",
                argument="class_weight",
                value=class_weight,
            )
        counts = np.bincount(targets, minlength=len(schema.classes))
        return len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    known = {(type(label), label) for label in schema.classes}  # True is not 1
    unknown = [label for label in class_weight if (type(label), label) not in known]
    if unknown:
        raise ArgumentError(
            f"class_weight must name classes, {listed(schema.classes)}, but it names "
            f"{listed(unknown)}.",
            argument="class_weight",
            value=class_weight,
        )
    return np.array([float(class_weight.get(label, 1.0)) for label in schema.classes])
