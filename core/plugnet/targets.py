"""Targets: what losses share about the answers they compare outputs with.

A batch's targets are ``(N,)`` integer class ids, or ``(N, K)`` numbers for ``(N, K)`` outputs. Ids
mean the same as one-hot rows. Nothing is ever broadcast: ``(N, 1) - (N,)`` is an ``(N, N)`` array
in NumPy, and a loss made of that trains a network to nothing.
"""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import DataError, ShapeError


def as_rows(
    targets: Array, outputs: Array, held: Array | None = None, *, binary: bool = False
) -> Array:
    """Return ``targets`` as a new array ``(N, K)`` of the dtype of ``outputs``.

    Args:
        targets: ``(N,)`` integer class ids or ``(N, K)`` numbers.
        outputs: ``(N, K)``, the network's scores.
        held: what the call before returned, to be written over if it fits.
        binary: whether ids for a single output (K = 1) are its targets 0 and 1, as it is right for
            a loss with a ``threshold``. Otherwise a single output is one class, whose id is 0.

    Raises:
        ShapeError: the shapes do not fit, or there is no sample.
        DataError: targets are no numbers, ids no integers, or an id is out of range.
    """
    _check_shapes(targets, outputs.shape)
    rows = reuse(held, outputs)
    if targets.ndim == 2:
        if targets.dtype.kind not in "biuf":
            raise _not(targets, "numbers")
        np.copyto(rows, targets, casting="same_kind")
    elif binary and rows.shape[1] == 1 and targets.dtype.kind in "iu":
        check_within(targets, 0, 1)
        rows[:, 0] = targets
    else:
        one_hot(targets, rows)
    return rows


def check_targets(targets: Array, shape: Shape, *, binary: bool = False) -> None:
    """Check targets against the shape of outputs, ``(N, K)``, before there are any.

    Raises:
        ShapeError, DataError: as `as_rows`, which gives the arguments.
    """
    _check_shapes(targets, shape)
    if targets.ndim == 1:
        check_within(targets, 0, 1 if binary and shape[1] == 1 else shape[1] - 1)


def one_hot(ids: Array, out: Array) -> None:
    """Write the one-hot rows of integer class ids ``(N,)`` to ``out``, ``(N, K)``.

    Raises:
        DataError: an id is not within 0 .. K - 1.
    """
    out.fill(0)
    out.reshape(-1)[places(ids, out)] = 1


def places(ids: Array, outputs: Array) -> Array:
    """Return where in ``outputs.reshape(-1)`` the score of each sample's own class is, ``(N,)``.

    Args:
        ids: ``(N,)`` integer class ids.
        outputs: ``(N, K)``, the network's scores.

    Raises:
        ShapeError: the shapes do not fit, or there is no sample.
        DataError: ids are no integers, or one is not within 0 .. K - 1.
    """
    _check_shapes(ids, outputs.shape)
    if ids.dtype.kind not in "iu":
        raise _not(ids, "integers, as targets of shape (N,) are class ids")
    samples, classes = outputs.shape
    own = ids.astype(np.intp, copy=False)
    if own.view(np.uintp).max() >= classes:  # where negative ids are large ones
        check_within(ids, 0, classes - 1)
    return own + np.arange(0, samples * classes, classes)


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
    _check(values, (values == 0) | (values == 1), "be 0 or 1")


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
            f"A loss takes outputs of shape (N, K) with N at least 1, but they have shape "
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
            f"as integer class ids, but they have shape {targets.shape}. {advice}",
            expected=outputs,
            got=targets.shape,
        )


def _not(targets: Array, what: str) -> DataError:
    return DataError(
        f"The targets must be {what}, but their dtype is {targets.dtype}. Convert ids with "
        "targets.astype(int); give one real target per sample the shape (N, 1).",
        row=None,
    )
