"""early_stop: end training when the test loss stops falling, and keep the best weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plugnet.arguments import integer, number
from plugnet.arrays import Array

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training


@dataclass(eq=False)
class EarlyStop:
    """Stop after ``patience`` evaluations in a row without a lower test loss.

    Whether it stopped the run or not, at the end the network has the weights of the best
    evaluation again (Prechelt, 1998, "Early Stopping - But When?").

    Args:
        patience: how many evaluations may pass without progress, from 1.
        minimum_change: how much the test loss must fall to count as progress, from 0.

    Raises:
        ArgumentError: a value is out of its range.
    """

    patience: int = 5
    minimum_change: float = 0.0
    _least: float = field(default=math.inf, init=False, repr=False)
    _progress: float = field(default=math.inf, init=False, repr=False)  # the loss that counted last
    _waited: int = field(default=0, init=False, repr=False)
    _best: dict[str, Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.patience = integer("patience", self.patience, at_least=1)
        self.minimum_change = number("minimum_change", self.minimum_change, at_least=0)

    def plugnet_train_start(self) -> None:
        self._least, self._progress, self._waited, self._best = math.inf, math.inf, 0, {}

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        """Keep the weights if they are the best yet; stop if there was no progress for long."""
        if evaluation.loss < self._least:
            self._least = evaluation.loss
            self._best = {name: value.copy() for name, value in training.network.state().items()}
        wanted = self._progress - self.minimum_change
        if evaluation.loss < wanted:
            self._progress, self._waited = evaluation.loss, 0
            return
        self._waited += 1
        if self._waited >= self.patience:
            training.stop(
                f"early_stop: no test loss below {wanted:.4f} in {self._waited} evaluations"
            )

    def plugnet_train_end(self, training: Training) -> None:
        if self._best:
            training.network.restore(self._best)
