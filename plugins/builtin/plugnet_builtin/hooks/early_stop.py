"""early_stop: end training when validation shows no progress, and go back to the best weights."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet.arguments import integer, number
from plugnet.errors import TrainingWarning
from plugnet_builtin.hooks.followed import Followed

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training


@dataclass(eq=False)
class EarlyStop:
    """Stop after ``patience`` evaluations in a row without progress on the validation samples.

    Whether it stopped the run or not, at the end the trainer is back at the best evaluation
    (Prechelt, 1998, "Early Stopping - But When?").

    Args:
        patience: how many evaluations may pass without progress, from 1.
        minimum_change: by how much the value must get better to count as progress, from 0.
        metric: what is followed: "loss", or the name of one of the trainer's metrics.

    Raises:
        ArgumentError: a value is out of its range.
    """

    observes: ClassVar[bool] = False

    patience: int = 5
    minimum_change: float = 0.0
    metric: str = "loss"
    _least: float = field(default=math.inf, init=False, repr=False)
    _seen: int = field(default=0, init=False, repr=False)  # evaluations of this run
    _best: Mapping[str, Any] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.patience = integer("patience", self.patience, at_least=1)
        self.minimum_change = number("minimum_change", self.minimum_change, at_least=0)
        self._followed = Followed("early_stop", self.metric)

    def state(self) -> dict[str, Any]:
        """Return what it waits for, and the best state of the training."""
        return {
            "least": self._least,
            "seen": self._seen,
            "best": self._best,
            "followed": self._followed.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self._least, self._seen = float(state["least"]), int(state["seen"])
        self._best = state["best"]
        self._followed.restore(state["followed"])

    def plugnet_train_start(self, training: Training) -> None:
        followed = self._followed
        followed.begin(training)
        if training.iteration == 0:
            self._least, self._seen, self._best = math.inf, 0, None
        elif self._best is None and self._least < math.inf:
            self._best = training.snapshot()  # where the last `fit` has gone back to
        if followed.waited >= self.patience and not training.is_ending:
            if training.history.stopped is None:  # it ran out as the last `fit` ended anyway
                self._stop(training)
            else:  # it has stopped, and is asked to go on
                followed.waited = 0

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        """Keep the state if it is the best yet; stop if there was no progress for long."""
        if evaluation.part != "validation":
            return
        self._seen += 1
        cost = self._followed.cost(evaluation)
        if cost < self._least:
            self._least, self._best = cost, training.snapshot()
        if self._followed.wait(cost, self.minimum_change) >= self.patience:
            self._stop(training)
        if training.is_ending:  # before the test samples are judged
            self._go_back(training)

    def plugnet_train_end(self, training: Training) -> None:
        if training.is_ending:  # and not because of an error, after which it may go on
            self._go_back(training)
            if self._seen == 1 and not training.is_interrupted:
                warnings.warn(
                    "early_stop has seen one evaluation only, so it had nothing to compare. "
                    "Evaluate more often: fit(..., evaluate_every=100).",
                    TrainingWarning,
                    stacklevel=2,
                )

    def _stop(self, training: Training) -> None:
        followed = self._followed
        training.stop(
            f"early_stop: no {followed.name} better than {followed.shown(followed.wanted)} in "
            f"{followed.waited} evaluations"
        )

    def _go_back(self, training: Training) -> None:
        if self._best is not None:
            training.restore(self._best)
            self._best = None
