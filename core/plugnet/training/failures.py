"""What ends a step before its commit, and in it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, BrokenStepError, DataError, DivergenceError
from plugnet.interfaces import Batch, Loss


def check_gradient(loss: Loss, dy: Any, scores: Array) -> None:
    """Check what an own loss has returned, before a layer is blamed for it.

    Raises:
        ArgumentError: it is not an array like the scores.
    """
    if isinstance(dy, np.ndarray) and dy.shape == scores.shape and dy.dtype == scores.dtype:
        return
    what = f"a {type(dy).__name__}"
    if isinstance(dy, np.ndarray):
        what = f"one of shape {dy.shape} and dtype {dy.dtype}"
    raise ArgumentError(
        f"{type(loss).__name__}.backward must return an array of shape {scores.shape} and dtype "
        f"{scores.dtype}, as the scores are, but it returned {what}. Correct the loss.",
        argument="loss",
        value=loss,
    )


def not_finite(
    batch: Batch, iteration: int, loss: float, rate: float, allow_missing: bool
) -> Exception:
    """Return the error for a loss or a rate that is not finite; samples may be NaN if allowed."""
    usable = np.isfinite(batch.x) | (np.isnan(batch.x) & allow_missing)
    finite = usable.reshape(len(batch.x), -1).all(axis=1)
    if not finite.all():
        return DataError(
            "A batch has a sample that is NaN or infinite. It was put there after the samples were "
            f"checked: {batch.x[int(np.argmin(finite))]}.",
            row=None,
        )
    what = f"loss is {loss} at" if math.isfinite(rate) else f"learning rate is {rate} at"
    return divergence(what, iteration, loss, rate)


def divergence(what: str, iteration: int, loss: float, rate: float) -> DivergenceError:
    """Return the error for ``what`` the iteration."""
    return DivergenceError(
        f"Training has diverged: the {what} iteration {iteration}, with a learning rate of "
        f"{rate:.4g}. Lower the rate, or scale the data; then start again, or from a model that "
        "was saved before.",
        iteration=iteration,
        loss=loss,
        rate=rate,
    )


def broken(iteration: int) -> BrokenStepError:
    """Return the error for all that is asked of a trainer after an update that failed."""
    return BrokenStepError(
        f"The update of iteration {iteration} failed half-way, so some parameters are those after "
        "it and others those before. Resume from a file that was saved before: "
        "Trainer.resume(path).",
        iteration=iteration,
    )
