"""What a training run records."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Evaluation:
    """How a network answers a set of samples.

    Attributes:
        iteration: how many training iterations the network had behind it.
        loss: the mean loss over the samples, without regularization.
        accuracy: the recognition rate, from 0 to 1; None if the answers are not classes.
    """

    iteration: int
    loss: float
    accuracy: float | None


@dataclass
class History:
    """The course of training, one entry per iteration.

    Attributes:
        loss: the batch's loss before each update, without regularization.
        rate: the learning rate of each update.
        evaluations: the evaluations on the test pair, in order.
        seconds: wall time spent in `Trainer.fit`.
        stopped: why training ended before its iterations were done, or None.
    """

    loss: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str | None = None
