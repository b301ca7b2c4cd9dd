"""best_model: keep the model that does best on the validation samples in a file."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from plugnet.arguments import file_path
from plugnet_builtin.hooks.followed import Followed

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training


class BestModel:
    """Save the model whenever it does better on the validation samples than ever before.

    Args:
        path: the model file, replaced as a whole each time. If it exists, a run that goes on
            replaces it only by a model that is better than all in its history.
        metric: what is followed: "loss", or the name of one of the trainer's metrics.
    """

    def __init__(self, path: str | os.PathLike[str], metric: str = "loss") -> None:
        self.path = file_path("path", path)
        self.metric = metric
        self._followed = Followed("best_model", metric)
        self._least = math.inf

    def plugnet_train_start(self, training: Training) -> None:
        """Forget an earlier run, but not an earlier part of this one."""
        self._followed.begin(training)
        goes_on = training.iteration > 0 and Path(self.path).exists()
        held = [e for e in training.history.evaluations if goes_on and e.part == "validation"]
        self._least = min(map(self._followed.cost, held), default=math.inf)

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        if evaluation.part != "validation":
            return
        cost = self._followed.cost(evaluation)
        if cost < self._least:
            self._least = cost
            training.model.save(self.path)
