"""checkpoint: save a run from time to time, so that one that is killed can go on."""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet.arguments import file_path, integer, number
from plugnet.training.checkpoints import Checkpoints
from plugnet_builtin.hooks.failed_write import warn_of_failed_write

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training

#: The pause after saving, in times as long as that took: so it takes at most 1 % of the time.
REST = 100
#: Seconds without a checkpoint for the best evaluation: a short run has one, at its end.
FIRST = 1.0
#: Seconds after which a checkpoint that could not be written is tried again.
RETRY = 10.0


class Checkpoint:
    """Save the whole training in a folder; `Trainer.resume` and ``--resume`` go on from there.

    It is saved when it ends or is interrupted, by Ctrl-C, too, and in between when it is due: by
    iterations, by time, and after an evaluation that is the best so far. By time and for the best
    it is saved only as often as it takes at most 1 % of the time. A checkpoint that cannot be
    written is a warning, and is tried again.

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
        self._training: Callable[[], object] = lambda: None  # whose checkpoints they are
        self._checkpoints: Checkpoints | None = None
        self._restored: dict[str, Any] | None = None  # what the next `fit` goes on from
        self._forget()

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy is made from: it begins anew."""
        return type(self), (self.path, self.seconds, self.iterations, self.keep)

    def _forget(self) -> None:
        self._run = os.urandom(4).hex()
        self._least = math.inf  # validation loss of the best checkpoint
        self._best: int | None = None  # its iteration
        self._found: Evaluation | None = None  # what may be better
        self._is_asked = False
        self._rest = self._due = 0.0  # from when on it may be saved, and is by time

    def state(self) -> dict[str, Any]:
        """Return the name of the run, and which checkpoint is the best so far."""
        if self._restored is not None:
            return self._restored
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
        started = time.monotonic()
        self._found = None
        self._rest, self._due = started + FIRST, started + (self.seconds or math.inf)

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        """Note the best evaluation."""
        if evaluation.part == "validation" and evaluation.loss < self._least:
            self._found = evaluation

    def plugnet_checkpoint(self, training: Training) -> None:
        """Save if it is due."""
        if self._found is None and not self._is_due(training, is_best=False):
            return  # nearly always
        found, self._found = self._found, None
        if found is not None and found.iteration != training.iteration:
            found = None  # another hook has gone back
        if self._checkpoints is None or not self._is_due(training, found is not None):
            return
        before, started = (self._least, self._best), time.monotonic()
        if found is not None:  # noted in what is saved, too
            self._least, self._best = found.loss, training.iteration
        self._checkpoints.best, wait = self._best, self.seconds or math.inf
        try:
            self._checkpoints.save(training)
        except OSError as error:
            self._least, self._checkpoints.best = before
            wait = min(wait, RETRY)
            warn_of_failed_write(f"The checkpoint of iteration {training.iteration}", error)
        self._best, self._is_asked = self._checkpoints.best, False
        ended = time.monotonic()
        self._rest = ended + REST * (ended - started)
        self._due = max(self._rest, ended + wait)

    def _is_due(self, training: Training, is_best: bool) -> bool:
        if time.monotonic() >= (self._rest if is_best else self._due):
            return True
        if self.iterations is not None and training.iteration % self.iterations == 0:
            return True
        return self._is_asked or training.is_ending
