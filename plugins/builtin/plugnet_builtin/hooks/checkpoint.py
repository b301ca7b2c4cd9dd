"""checkpoint: save a run from time to time, so that one that is killed can go on."""

from __future__ import annotations

import math
import os
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet.arguments import file_path, integer, number
from plugnet.errors import PluginWarning
from plugnet.training import Checkpoints

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training

#: How many times as long as it takes to save there is nothing saved: at most 2 % of the time.
REST = 50
#: Seconds after which a checkpoint that could not be written is tried again.
RETRY = 10.0


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
        self._training: Callable[[], object] = _nothing  # whose checkpoints they are
        self._checkpoints: Checkpoints | None = None
        self._restored: Mapping[str, Any] | None = None
        self._forget()

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy is made from: it begins anew."""
        return type(self), (self.path, self.seconds, self.iterations, self.keep)

    def _forget(self) -> None:
        self._run = os.urandom(4).hex()
        self._least = math.inf  # validation loss of the best checkpoint
        self._best: int | None = None  # its iteration
        self._found: Evaluation | None = None  # what may be better
        self._is_asked = self._has_failed = False
        self._last = self._cost = 0.0  # when it was saved, and how long that took

    def state(self) -> dict[str, Any]:
        """Return the name of the run, and which checkpoint is the best so far."""
        return {"run": self._run, "least": self._least, "best": self._best}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        best = state["best"]
        self._restored = {
            "run": str(state["run"]),
            "least": float(state["least"]),
            "best": None if best is None else int(best),
        }

    def ask(self) -> None:
        """Save after the next iteration."""
        self._is_asked = True

    def plugnet_train_start(self, training: Training) -> None:
        folder = training.file(self.path, is_folder=True)
        if self._training() is not training:
            self._forget()
            self._checkpoints = None
        if self._restored is not None:
            self._run, self._least = self._restored["run"], self._restored["least"]
            self._best = self._restored["best"]
        if self._checkpoints is None or self._checkpoints.folder != folder:
            self._checkpoints = Checkpoints(folder, self.keep, self._run, self._best)
        else:
            self._checkpoints.rewind(training)
        self._training, self._restored = weakref.ref(training), None
        self._found, self._last = None, time.monotonic()

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        """Note the best evaluation."""
        if evaluation.part == "validation" and evaluation.loss < self._least:
            self._found = evaluation

    def plugnet_checkpoint(self, training: Training) -> None:
        found, self._found = self._found, None
        is_best = found is not None and found.iteration == training.iteration
        if self._checkpoints is None or not self._is_due(training, is_best):
            return
        before, started = (self._least, self._best), time.monotonic()
        if found is not None and is_best:  # noted in what is saved, too
            self._least, self._best = found.loss, training.iteration
        self._checkpoints.best = self._best
        try:
            self._checkpoints.save(training)
        except OSError as error:
            self._least, self._checkpoints.best = before
            self._has_failed = True
            warnings.warn(
                f"The checkpoint of iteration {training.iteration} cannot be written: {error}",
                PluginWarning,
                stacklevel=2,
            )
        else:
            self._has_failed = False
        self._best = self._checkpoints.best
        self._is_asked = False
        self._last = time.monotonic()
        self._cost = self._last - started

    def _is_due(self, training: Training, is_best: bool) -> bool:
        if training.is_ending or self._is_asked:
            return True
        if self.iterations is not None and training.iteration % self.iterations == 0:
            return True
        passed = time.monotonic() - self._last
        is_late = self.seconds is not None and passed >= self.seconds
        is_late = is_late or (self._has_failed and passed >= RETRY)
        return (is_late or is_best) and passed >= REST * self._cost


def _nothing() -> None:
    """Stand in for a reference to what is not there."""
