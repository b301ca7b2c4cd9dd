"""best_model: keep the network with the lowest test loss in a file."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from plugnet.arguments import file_path

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training


class BestModel:
    """Save the network whenever the test loss is lower than at any evaluation before.

    Args:
        path: the model file, replaced as a whole each time. If it exists, a run that goes on
            replaces it only by a network that is better than all in its history.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = file_path("path", path)
        self._least = math.inf

    def plugnet_train_start(self, training: Training) -> None:
        """Forget an earlier run, but not an earlier part of this one."""
        goes_on = training.iteration > 0 and Path(self.path).exists()
        losses = [test.loss for test in training.history.evaluations] if goes_on else []
        self._least = min(filter(math.isfinite, losses), default=math.inf)

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        if evaluation.loss < self._least:
            self._least = evaluation.loss
            training.network.save(self.path)
