"""checkpoint: save a run from time to time, so that one that is killed can go on."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet.arguments import file_path, integer, number
from plugnet.errors import PluginWarning
from plugnet.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training

#: How many times as long as it takes to save there is nothing saved: at most 2 % of the time.
REST = 50


class Checkpoint:
    """Save the whole training in a folder; `Trainer.resume` and ``--resume`` go on from there.

    It is saved when it ends or is interrupted, and in between when it is due: by iterations, by
    time, and after an evaluation that is the best so far. By time and for the best it is saved only
    as often as it takes at most 2 % of the time. A checkpoint that cannot be written is a warning,
    and is tried again.

    Args:
        path: the folder, of this run alone.
        seconds: save after this time, above 0; None: not by time.
        iterations: save after each time this many iterations are done, from 1; None: not by them.
        keep: how many of the last checkpoints stay, from 1; the best one stays, too.

    Raises:
        ArgumentError: a value is out of its range.
    """

    observes: ClassVar[bool] = True

    def __init__(
        self,
        path: str | os.PathLike[str] = "checkpoints",
        seconds: float | None = 10.0,
        iterations: int | None = None,
        keep: int = 2,
    ) -> None:
        self.path = file_path("path", path)
        self.seconds = None if seconds is None else number("seconds", seconds, above=0)
        self.iterations = (
            None if iterations is None else integer("iterations", iterations, at_least=1)
        )
        self.keep = integer("keep", keep, at_least=1)
        self._checkpoints: Checkpoints | None = None
        self._least: float | None = None  # validation loss
        self._is_best = self._is_asked = False
        self._last = self._cost = 0.0  # when it was saved, and how long that took
        self._saved: int | None = None  # at which iteration

    def state(self) -> dict[str, Any]:
        """Return which validation loss is the best so far."""
        return {"least": self._least}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self._least = None if state["least"] is None else float(state["least"])

    def ask(self) -> None:
        """Save after the next iteration."""
        self._is_asked = True

    def plugnet_train_start(self, training: Training) -> None:
        folder = training.file(self.path)
        if self._checkpoints is None or self._checkpoints.folder != folder:
            self._checkpoints = Checkpoints(folder, self.keep)
        self._checkpoints.begin(training)
        if training.iteration == 0:
            self._least = None
        self._is_best, self._saved = False, None
        self._last = time.monotonic()

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        """Note the best evaluation."""
        if evaluation.part == "validation" and not evaluation.loss >= (self._least or float("inf")):
            self._least, self._is_best = evaluation.loss, True

    def plugnet_checkpoint(self, training: Training) -> None:
        if self._is_due(training) and self._checkpoints is not None:
            started = time.monotonic()
            try:
                self._checkpoints.save(training, self._is_best)
            except OSError as error:
                warnings.warn(
                    f"The checkpoint of iteration {training.iteration} cannot be written: {error}",
                    PluginWarning,
                    stacklevel=2,
                )
            else:
                self._saved, self._is_asked = training.iteration, False
            self._last = time.monotonic()
            self._cost = self._last - started
        self._is_best = False

    def _is_due(self, training: Training) -> bool:
        if training.is_ending or self._is_asked:
            return True
        if self.iterations is not None and training.iteration % self.iterations == 0:
            return True
        passed = time.monotonic() - self._last
        is_late = self.seconds is not None and passed >= self.seconds
        return (is_late or self._is_best) and passed >= REST * self._cost
