"""What ends a step before its commit, and in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, BrokenStepError
from plugnet.interfaces import Loss


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


def broken(iteration: int) -> BrokenStepError:
    """Return the error for all that is asked of a trainer after an update that failed."""
    return BrokenStepError(
        f"The update of iteration {iteration} failed half-way, so some parameters are those after "
        "it and others those before. Resume from a file that was saved before: "
        "Trainer.resume(path).",
        iteration=iteration,
    )
