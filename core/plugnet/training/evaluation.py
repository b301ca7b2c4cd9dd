"""How well a network answers: the mean loss and the recognition rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Batch, Loss


def correct(
    outputs: Array, targets: Array, threshold: float | None, weights: Array | None = None
) -> float | None:
    """Return how many rows are answered rightly, or None if the answers are not classes.

    The answer is the column with the highest score, or class 1 if a single score is above the
    loss's ``threshold``. A row with a NaN is wrong, whatever its label.

    Args:
        outputs: ``(N, K)`` scores.
        targets: ``(N,)`` class ids or ``(N, K)`` targets; one-hot rows are classes.
        threshold: `Loss.threshold`.
        weights: ``(N,)``, for how many rows each counts; None: for one.
    """
    named, labels = answers(outputs, threshold), truth(targets, outputs.shape[1])
    if named is None or labels is None:
        return None
    if weights is None:
        return int(np.count_nonzero(named == labels))
    return float(weights.sum(where=named == labels, dtype=np.float64))


def answers(outputs: Array, threshold: float | None) -> Array | None:
    """Return the class that each row of scores names, ``(N,)``; see `correct`.

    -1 for a row with a NaN, which names none; None if the answers are not classes.
    """
    if outputs.shape[1] > 1:
        named: Array = outputs.argmax(axis=1)
    elif threshold is not None:
        named = (outputs[:, 0] > threshold).astype(np.intp)
    else:
        return None
    named[np.isnan(outputs).any(axis=1)] = -1
    return named


def truth(targets: Array, outputs: int) -> Array | None:
    """Return the true classes ``(N,)`` for a network of ``outputs`` scores, or None.

    For a single score the classes are 0 and 1, and other targets are none.
    """
    if outputs > 1:
        return class_ids(targets)
    is_binary = targets.size == len(targets) and np.all((targets == 0) | (targets == 1))
    return targets.reshape(-1) if is_binary else None


def class_ids(targets: Array) -> Array | None:
    """Return ``(N,)`` class ids for ids or one-hot rows, and None for other targets."""
    if targets.ndim == 1:
        return targets
    if targets.ndim == 2 and targets.shape[1] > 1 and _is_one_hot(targets):
        ids: Array = targets.argmax(axis=1)
        return ids
    return None


def _is_one_hot(targets: Array) -> bool:
    ones = targets == 1
    return bool(np.all(ones | (targets == 0)) and np.all(ones.sum(axis=1) == 1))


def evaluate(
    loss: Loss, given: Batch, answer: Callable[[slice], Array], size: int
) -> tuple[float, float | None]:
    """Return the mean loss and the recognition rate over all rows, each by its weight.

    Args:
        loss: what the network was trained to minimise.
        given: all samples, targets and weights.
        answer: gives the outputs of some rows, ``(N, K)``.
        size: how many rows to take at a time.
    """
    rows = len(given.x)
    total = float(rows if given.weights is None else given.weights.sum(dtype=np.float64))
    value = right = 0.0
    recognised = True
    for block in blocks(rows, size):
        outputs, targets = answer(block), given.y[block]
        weights = None if given.weights is None else given.weights[block]
        value += float(loss.forward(outputs, targets, weights, total))
        hits = correct(outputs, targets, loss.threshold, weights)
        recognised = recognised and hits is not None
        right += hits or 0
    return value, right / total if recognised else None


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Cut so many rows into slices of ``size``, the last of which may go beyond the end."""
    return (slice(start, start + size) for start in range(0, rows, size))
