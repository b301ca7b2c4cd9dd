"""Evaluating a network: its mean loss and its accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Batch, Loss
from plugnet.targets import is_one_hot, is_zero_or_one


def count_correct(
    outputs: Array, targets: Array, threshold: float | None, weights: Array | None = None
) -> float | None:
    """Return for how many rows the predicted class is the true one; None if there are no classes.

    The predicted class is the column with the highest score, or class 1 if a single score is above
    the loss's ``threshold``. A row with a NaN is wrong, whatever its label.

    Args:
        outputs: ``(N, K)`` scores.
        targets: ``(N,)`` class ids or ``(N, K)`` targets; one-hot rows are classes.
        threshold: `Loss.threshold`.
        weights: ``(N,)``, for how many rows each counts; None: for one.
    """
    predicted = predicted_classes(outputs, threshold)
    labels = true_classes(targets, outputs.shape[1])
    if predicted is None or labels is None:
        return None
    if weights is None:
        return int(np.count_nonzero(predicted == labels))
    return float(weights.sum(where=predicted == labels, dtype=np.float64))


def predicted_classes(outputs: Array, threshold: float | None) -> Array | None:
    """Return the class that each row of scores predicts, ``(N,)``; see `count_correct`.

    -1 for a row with a NaN; None if the scores are not those of classes.
    """
    if outputs.shape[1] > 1:
        predicted: Array = outputs.argmax(axis=1)
    elif threshold is not None:
        predicted = (outputs[:, 0] > threshold).astype(np.intp)
    else:
        return None
    predicted[np.isnan(outputs).any(axis=1)] = -1
    return predicted


def true_classes(targets: Array, outputs: int) -> Array | None:
    """Return the true classes ``(N,)`` for a network of ``outputs`` scores, or None.

    For a single score the classes are 0 and 1; other targets are not classes.
    """
    if outputs > 1:
        return class_ids(targets)
    is_binary = targets.size == len(targets) and is_zero_or_one(targets).all()
    return targets.reshape(-1) if is_binary else None


def class_ids(targets: Array) -> Array | None:
    """Return ``(N,)`` class ids for ids or one-hot rows, and None for other targets."""
    if targets.ndim == 1:
        return targets
    if targets.ndim == 2 and targets.shape[1] > 1 and is_one_hot(targets).all():
        ids: Array = targets.argmax(axis=1)
        return ids
    return None


def evaluate(
    loss: Loss, given: Batch, predict_rows: Callable[[slice], Array], size: int
) -> tuple[float, float | None]:
    """Return the mean loss and the accuracy over all rows, each by its weight.

    Args:
        loss: what the network was trained to minimise.
        given: all samples, targets and weights.
        predict_rows: gives the outputs of some rows, ``(N, K)``.
        size: how many rows to take at a time.
    """
    rows = len(given.x)
    total = float(rows if given.weights is None else given.weights.sum(dtype=np.float64))
    value = right = 0.0
    has_classes = True
    for block in blocks(rows, size):
        outputs, targets = predict_rows(block), given.y[block]
        weights = None if given.weights is None else given.weights[block]
        value += float(loss.forward(outputs, targets, weights, total))
        hits = count_correct(outputs, targets, loss.threshold, weights)
        has_classes = has_classes and hits is not None
        right += hits or 0
    return value, right / total if has_classes else None


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Cut the rows into slices of ``size``, the last of which may go beyond the end."""
    return (slice(start, start + size) for start in range(0, rows, size))
