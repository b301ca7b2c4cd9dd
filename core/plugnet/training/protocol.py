"""Training: what hooks may use of a trainer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from plugnet.arrays import Array
from plugnet.evaluation import Evaluation
from plugnet.interfaces import Loss, LRPolicy, Optimizer, Regularizer
from plugnet.model import Model
from plugnet.network import Network
from plugnet.schema import Schema
from plugnet.training.history import History
from plugnet.training.journal import Journal


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
        schema: what inputs and answers mean; None before the first batch of a source.
        parts: what is evaluated on: "validation", "test", both or nothing.
        is_interrupted: whether the training ends only for now, because of a signal, say: what
            follows the checkpoint is not what it would do without.
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
    schema: Schema | None
    parts: frozenset[str]
    is_interrupted: bool

    @property
    def is_ending(self) -> bool:
        """Whether no step follows."""
        ...

    def samples(self, part: Literal["validation", "test"]) -> tuple[Array, Array]:
        """Return the samples ``x`` that a part is evaluated on, as far as they count, and targets.

        They are those of plugnet_evaluate_end, also where a run goes on after its last evaluation.
        """
        ...

    @property
    def model(self) -> Model:
        """The network, the loss, the metrics, and what inputs and answers mean."""
        ...

    def snapshot(self) -> Mapping[str, Any]:
        """Return copies of all that a step changes."""
        ...

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go back to a `snapshot`; only where no step follows, see `stop`."""
        ...

    def stop(self, reason: str, resumable: bool = False) -> None:
        """End the training after the current iteration; ``reason`` goes to the history.

        ``resumable``: only for now, so that a resumed run goes on. ``is_ending`` and
        ``is_interrupted`` say so from the checkpoint on that follows.
        """
        ...

    def file(self, name: str | os.PathLike[str], is_folder: bool = False) -> Path:
        """Return the path of a file, or of a folder for files, that a hook is about to write.

        In a run of the command line it is inside the run's folder, and not another hook's file;
        elsewhere it is ``name``. Call it in plugnet_train_start, so that a path that cannot be
        written is refused before the first iteration.
        """
        ...

    def evaluate(self, x: Any, y: Any, weights: Any = None) -> Evaluation:
        """Return loss and metrics on samples ``x`` with labels ``y``."""
        ...

    def save(self, path: str | os.PathLike[str], journal: Journal | None = None) -> None:
        """Write everything needed to go on later to one file, wholly or not at all.

        With a journal, the history of losses is appended there instead.
        """
        ...
