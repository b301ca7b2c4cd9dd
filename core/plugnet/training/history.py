"""What a training run records."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Evaluation:
    """Loss and accuracy of a network on a set of samples.

    Attributes:
        iteration: how many training iterations were done before.
        loss: the mean loss over the samples, without regularization.
        accuracy: the share of samples whose predicted class is the true one, from 0 to 1; None if
            there are no classes.

    >>> Evaluation(iteration=800, loss=0.06, accuracy=0.98).accuracy
    0.98
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
        evaluations: those on the test samples, in order.
        seconds: wall time spent in `Trainer.fit`.
        stopped: why training ended early, or None.

    >>> history = History(loss=[2.3, 1.9], rate=[0.1, 0.1])
    >>> len(history.loss), history.stopped
    (2, None)
    """

    loss: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str | None = None
