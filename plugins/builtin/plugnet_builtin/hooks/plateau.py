"""plateau: lower the learning rate when validation shows no progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet.arguments import integer, number
from plugnet_builtin.hooks.followed import Followed

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training


@dataclass(eq=False)
class Plateau:
    """Multiply the learning rate after ``patience`` evaluations in a row without progress.

    What it changes is the trainer's ``rate_scale``, by which the policy's rate is multiplied.

    Args:
        factor: what the rate is multiplied by, above 0 and below 1.
        patience: how many evaluations may pass without progress, from 1.
        minimum_change: by how much the value must get better to count as progress, from 0.
        metric: what is followed: "loss", or the name of one of the trainer's metrics.
        least: below this ``rate_scale`` does not go, from 0.

    Raises:
        ArgumentError: a value is out of its range.
    """

    observes: ClassVar[bool] = False

    factor: float = 0.1
    patience: int = 5
    minimum_change: float = 0.0
    metric: str = "loss"
    least: float = 1e-6

    def __post_init__(self) -> None:
        self.factor = number("factor", self.factor, above=0, below=1)
        self.patience = integer("patience", self.patience, at_least=1)
        self.minimum_change = number("minimum_change", self.minimum_change, at_least=0)
        self.least = number("least", self.least, at_least=0)
        self._followed = Followed("plateau", self.metric)

    def state(self) -> dict[str, float]:
        """Return what it waits for; the rate's scale is the trainer's own."""
        return self._followed.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self._followed.restore(state)

    def plugnet_train_start(self, training: Training) -> None:
        self._followed.begin(training)

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        """Lower the rate if there was no progress for long."""
        if evaluation.part != "validation":
            return
        followed = self._followed
        if followed.wait(followed.cost(evaluation), self.minimum_change) >= self.patience:
            scale = max(training.rate_scale * self.factor, self.least)
            training.rate_scale = min(scale, training.rate_scale)
            followed.waited = 0
