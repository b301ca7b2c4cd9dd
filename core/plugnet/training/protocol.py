"""Training: what hooks may use of a trainer."""

from __future__ import annotations

import os
from typing import Any, Protocol

from plugnet.interfaces import Loss, LRPolicy, Optimizer, Regularizer
from plugnet.network import Network
from plugnet.training.history import Evaluation, History


class Training(Protocol):
    """A training that is going on, as its hooks see it.

    Attributes:
        network: what is trained.
        loss: what is minimised.
        optimizer: how a gradient changes the parameters.
        policy: the learning rate of each iteration.
        regularizer: the penalty on the size of the weights, or None.
        batch_size: samples per iteration.
        iteration: how many iterations are done.
        rate_scale: what the policy's learning rate is multiplied by; a hook may change it.
        history: what has been recorded.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    policy: LRPolicy
    regularizer: Regularizer | None
    batch_size: int
    iteration: int
    rate_scale: float
    history: History

    def stop(self, reason: str) -> None:
        """End the training after the current iteration; ``reason`` goes to the history."""
        ...

    def evaluate(self, x: Any, y: Any, weights: Any = None) -> Evaluation:
        """Return loss and accuracy on samples ``x`` with targets ``y``."""
        ...

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything needed to go on later to one file, wholly or not at all."""
        ...
