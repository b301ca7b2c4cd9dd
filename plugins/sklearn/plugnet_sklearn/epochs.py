"""Epochs: the mean loss of each, and the end of a training that no longer lowers it."""

from __future__ import annotations

import math
from typing import ClassVar

from plugnet.training import Training


class Epochs:
    """A hook that averages the loss over each epoch, and stops when it falls no more.

    Attributes:
        losses: the mean loss of each epoch, without regularization.
        has_converged: whether the loss has fallen too little for long enough.
    """

    observes: ClassVar[bool] = False

    def __init__(self, steps: int, tol: float, patience: float) -> None:
        """Count from the first step of a `fit`.

        Args:
            steps: of an epoch.
            tol: by how much the loss must fall below its least to count as progress.
            patience: how many epochs may pass without progress; infinity: any number.
        """
        self.losses: list[float] = []
        self.has_converged = False
        self._steps, self._tol, self._patience = steps, tol, patience
        self._sum, self._done = 0.0, 0
        self._least, self._waited = math.inf, 0

    def plugnet_step_end(self, training: Training, loss: float) -> None:
        self._sum += loss
        self._done += 1
        if self._done == self._steps:
            self._end(training, self._sum / self._steps)
            self._sum, self._done = 0.0, 0

    def _end(self, training: Training, loss: float) -> None:
        self.losses.append(loss)
        self._waited = self._waited + 1 if loss > self._least - self._tol else 0
        self._least = min(self._least, loss)
        if self._waited >= self._patience:
            self.has_converged = True
            training.stop(
                f"the training loss has not fallen by {self._tol:g} in {self._waited} epochs"
            )
