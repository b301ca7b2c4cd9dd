"""Targets: checking and converting them, and the weighted mean of their losses.

A batch's targets are ``(N,)`` integer class ids, or ``(N, K)`` numbers for ``(N, K)`` outputs. Ids
mean the same as one-hot rows. Nothing is ever broadcast: in NumPy ``(N, 1) - (N,)`` is an
``(N, N)`` array, and a network trained on such a loss learns nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from plugnet.arrays import Array, Shape, ones, sum_columns
from plugnet.errors import DataError, ShapeError


def check_targets(targets: Array, batch_shape: Shape, *, binary: bool = False) -> None:
    """Check targets for outputs of ``batch_shape``, before there are any outputs.

    Args:
        targets: ``(N,)`` integer class ids or ``(N, K)`` numbers.
        batch_shape: ``(N, K)``.
        binary: whether the class ids of a single output (K = 1) are 0 and 1, as in a loss with a
            ``threshold``. Otherwise a single output is a single class, whose id is 0.

    Raises:
        ShapeError: the shapes do not fit, or there is no sample.
        DataError: targets are not numbers, ids are not integers, or an id is out of range.
    """
    _check_shapes(targets, batch_shape)
    if targets.ndim == 2:
        if targets.dtype.kind not in "biuf":
            raise _wrong_dtype(targets, "numbers")
    elif targets.dtype.kind not in "iu":
        raise _wrong_dtype(targets, "integers, because targets of shape (N,) are class ids")
    else:
        check_within(targets, 0, 1 if binary and batch_shape[1] == 1 else batch_shape[1] - 1)


def as_rows(
    targets: Array, outputs: Array, out: Array | None = None, *, binary: bool = False
) -> Array:
    """Return checked targets as ``(N, K)`` in the dtype of ``outputs``: class ids as one-hot rows.

    Args:
        targets: ``(N,)`` integer class ids or ``(N, K)`` numbers.
        outputs: ``(N, K)``, the network's scores.
        out: where to write targets that must be converted; None: a new array.
        binary: as for `check_targets`.
    """
    if targets.ndim == 2 and targets.dtype == outputs.dtype:
        return targets
    rows = np.empty_like(outputs, order="C") if out is None else out
    if targets.ndim == 2:
        rows[...] = targets
    elif binary and rows.shape[1] == 1:
        rows[:, 0] = targets
    else:
        rows.fill(0)
        rows.reshape(-1)[targets + row_offsets(*rows.shape)] = 1  # (N, K) -> (N * K,)
    return rows


@lru_cache(maxsize=16)
def row_offsets(samples: int, classes: int) -> Array:
    """Return where each row of ``(samples, classes)`` begins in the flat array; read-only."""
    offsets = np.arange(0, samples * classes, classes)
    offsets.setflags(write=False)
    return offsets


def weighted_mean(
    losses: Array, factors: Array | None, weights: Array | None, total: float | None
) -> float:
    """Return sum(w l) / total, as `Loss.forward` does; 0 if the total is 0.

    Args:
        losses: ``(N,)``, the loss l of each sample; or ``(N, K)``, whose rows sum to these.
        factors: what losses are multiplied by first, in their shape; None: 1.
        weights: ``(N,)``, the weight w of each sample; None: 1 each.
        total: the weight of the whole batch; None: the sum of ``weights``.
    """
    if weights is None:
        factors = ones(losses.size, losses.dtype) if factors is None else factors
        summed = losses.dot(factors) if losses.ndim == 1 else np.vdot(losses, factors)
    else:
        if factors is not None:
            losses = np.einsum("nk,nk->n", losses, factors)
        elif losses.ndim == 2:
            losses = sum_columns(losses)
        summed = losses.dot(weights)
    total = _total(len(losses), weights, total)
    return float(summed) / total if total else 0.0


def reweight(dx: Array, weights: Array | None, total: float | None) -> Array:
    """Turn the gradient of a plain mean over ``(N, K)``, in place, into that of `weighted_mean`."""
    if weights is None and total is None:
        return dx
    total = _total(len(dx), weights, total)
    scale = len(dx) / total if total else 0.0
    dx *= scale if weights is None else (weights * scale)[:, np.newaxis]
    return dx


def _total(samples: int, weights: Array | None, total: float | None) -> float:
    if total is not None:
        return total
    return samples if weights is None else float(weights.sum(dtype=np.float64))


def is_zero_or_one(values: Array) -> Array:
    """Tell of each value whether it is 0 or 1."""
    found: Array = (values == 0) | (values == 1)
    return found


def is_one_hot(rows: Array) -> Array:
    """Tell of each row of ``(N, K)`` whether it has one 1 and 0 elsewhere, ``(N,)``."""
    found: Array = is_zero_or_one(rows).all(axis=1) & ((rows == 1).sum(axis=1) == 1)
    return found


def check_within(values: Array, low: float, high: float) -> None:
    """Check that all of ``values``, one or several per sample, lie within ``low .. high``.

    Raises:
        DataError: one does not, or is NaN; ``row`` is the index of its sample.
    """
    _check(values, (values >= low) & (values <= high), f"lie within {low} .. {high}")


def check_binary(values: Array) -> None:
    """Check that all of ``values``, one or several per sample, are 0 or 1.

    Raises:
        DataError: one is not; ``row`` is the index of its sample.
    """
    _check(values, is_zero_or_one(values), "be 0 or 1")


def _check(values: Array, right: Array, rule: str) -> None:
    if not right.all():
        row = int(np.argwhere(~right)[0, 0])
        raise DataError(
            f"The targets must {rule}, but row {row} has {values[row]}. "
            "Convert the targets; class ids count from 0, and each class needs an output.",
            row=row,
        )


def _check_shapes(targets: Array, outputs: Shape) -> None:
    if len(outputs) != 2 or not outputs[0]:
        raise ShapeError(
            "A loss takes outputs of shape (N, K) with N at least 1, but their shape is "
            f"{outputs}. End the network with a layer whose output is flat, such as fc.",
            expected=("N", "K"),
            got=outputs,
        )
    if targets.shape not in (outputs, outputs[:1]):
        advice = "Convert the targets, or give the network as many outputs; nothing is broadcast."
        if targets.shape == (outputs[0], 1):
            advice = "If they are class ids, make them integers: targets.astype(int)."
        raise ShapeError(
            f"For outputs of shape {outputs} the targets must have that shape, or {outputs[:1]} "
            f"as integer class ids, but their shape is {targets.shape}. {advice}",
            expected=outputs,
            got=targets.shape,
        )


def _wrong_dtype(targets: Array, rule: str) -> DataError:
    return DataError(
        f"The targets must be {rule}, but their dtype is {targets.dtype}. Convert ids with "
        "targets.astype(int); give one real target per sample the shape (N, 1).",
        row=None,
    )
