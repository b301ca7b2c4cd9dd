"""best_model: keep the model that does best on the validation samples in a file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet.arguments import file_path
from plugnet_builtin.hooks.failed_write import warn_of_failed_write
from plugnet_builtin.hooks.followed import Followed

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training


class BestModel:
    """Save the model whenever it does better on the validation samples than ever before.

    A model that cannot be written, because the disk is full, say, is a warning, and the next better
    one is tried again.

    Args:
        path: the model file, replaced as a whole each time. If it exists, a run that goes on
            replaces it only by a model that is better than all in its history.
        metric: what is followed: "loss", or the name of one of the trainer's metrics.
    """

    observes: ClassVar[bool] = True

    def __init__(self, path: str | os.PathLike[str], metric: str = "loss") -> None:
        self.path = file_path("path", path)
        self.metric = metric
        self._followed = Followed("best_model", metric)
        self._file = Path(self.path)
        self._least: float | None = None  # None: not known yet

    def state(self) -> dict[str, Any]:
        """Return what the best model is better than."""
        return {"least": self._least}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self._least = None if state["least"] is None else float(state["least"])

    def plugnet_train_start(self, training: Training) -> None:
        """Forget an earlier run, but not an earlier part of this one."""
        self._file = training.file(self.path)
        self._followed.begin(training)
        if training.iteration == 0 or not self._file.exists():
            self._least = math.inf
        elif self._least is None:
            held = training.history.evaluations
            costs = [self._followed.cost(e) for e in held if e.part == "validation"]
            self._least = min(costs, default=math.inf)

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        if evaluation.part != "validation" or training.is_interrupted:
            return
        cost = self._followed.cost(evaluation)
        if self._least is None or cost < self._least:
            try:
                training.model.save(self._file)
            except OSError as error:
                warn_of_failed_write(self._file.name, error)
            else:
                self._least = cost
