"""The number that a hook follows from one validation to the next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plugnet.errors import ArgumentError, HookError
from plugnet_builtin.hooks.number_text import number_text

if TYPE_CHECKING:
    from plugnet.training import Evaluation, Training


class Followed:
    """The loss or a metric on the validation samples, and which of two values is better.

    Attributes:
        hook: the name of the hook that follows it, for messages.
        metric: "loss", or the name of a metric.
        wanted: below which cost the last evaluation would have been progress.
        waited: how many evaluations in a row have been none.
    """

    def __init__(self, hook: str, metric: str) -> None:
        if not isinstance(metric, str) or not metric:
            raise ArgumentError(
                f'metric must be "loss" or the name of a metric, but it is {metric!r}.',
                argument="metric",
                value=metric,
            )
        self.hook, self.metric = hook, metric
        self._sign = 1.0
        self.wanted, self.waited = math.inf, 0
        self._progress = math.inf  # the cost that counted last

    @property
    def name(self) -> str:
        """What it is called in messages: "validation loss"."""
        return f"validation {self.metric}"

    def state(self) -> dict[str, float]:
        """Return what is remembered from one evaluation to the next."""
        return {"wanted": self.wanted, "waited": self.waited, "progress": self._progress}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self.wanted, self.waited = float(state["wanted"]), int(state["waited"])
        self._progress = float(state["progress"])

    def begin(self, training: Training) -> None:
        """Check that the training evaluates it, and learn what is better.

        Before the first iteration, what was seen of another run is forgotten.

        Raises:
            HookError: there are no validation samples.
            ArgumentError: there is no such metric.
        """
        if training.iteration == 0:
            self.wanted, self.waited, self._progress = math.inf, 0, math.inf
        self._sign = 1.0
        if "validation" not in training.parts:
            raise HookError(
                f"{self.hook} follows the {self.name}, but there are no validation samples. Give "
                'fit(..., validation=0.1), a pair, or "test"; in a configuration, '
                "training.validation.",
                hook="plugnet_train_start",
                plugin=self.hook,
            )
        if self.metric == "loss" or training.schema is None:
            return
        metrics = training.model.metrics
        if self.metric not in metrics:
            raise ArgumentError(
                f"{self.hook} follows '{self.metric}', but what is evaluated is "
                f"{', '.join(['loss', *metrics])}. Name it in the trainer's metrics.",
                argument="metric",
                value=self.metric,
            )
        self._sign = -1.0 if metrics[self.metric].greater_is_better else 1.0

    def cost(self, evaluation: Evaluation) -> float:
        """Return a number that is the lower the better; infinity for NaN."""
        value = self._sign * evaluation[self.metric]
        return math.inf if math.isnan(value) else value

    def wait(self, cost: float, minimum_change: float) -> int:
        """Return how many evaluations in a row, with this one, have been no progress."""
        self.wanted = self._progress - minimum_change
        if cost < self.wanted:
            self._progress, self.waited = cost, 0
        else:
            self.waited += 1
        return self.waited

    def shown(self, cost: float) -> str:
        """Return the value with a cost, as text."""
        return number_text(self._sign * cost)
