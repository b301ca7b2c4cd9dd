"""What a training run records."""

from __future__ import annotations

from dataclasses import dataclass, field

from plugnet.errors import NotRecordedError, counted, shorten
from plugnet.evaluation import Evaluation, in_words


@dataclass
class History:
    """The course of training, one entry per iteration.

    ``history["validation_accuracy"]`` is a list of one metric at all evaluations of a part,
    ``history["loss"]`` and ``history["rate"]`` those of each iteration; `names` has all.

    Attributes:
        loss: the batch's loss before each update, without regularization.
        rate: the learning rate of each update.
        evaluations: those on validation and test samples, in order.
        seconds: wall time spent in `Trainer.fit`.
        stopped: why training ended early, or None.
        notes: what went wrong without ending it: hooks that have failed, a run that was resumed
            inexactly.
        iteration: the iteration to which the weights belong: the last one, unless a hook such as
            early_stop has gone back to an earlier one.

    >>> history = History(loss=[2.3, 1.9], rate=[0.1, 0.1], iteration=2)
    >>> history.evaluations.append(Evaluation(2, 1.8, {"accuracy": 0.5}, "validation"))
    >>> history["validation_accuracy"], history.at_end("validation")["accuracy"]
    ([0.5], 0.5)
    """

    loss: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str | None = None
    iteration: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """What can be looked up."""
        found = {
            f"{one.part}_{name}": None
            for one in self.evaluations
            for name in ("loss", *one.metrics)
        }
        return ("loss", "rate", *found)

    def __getitem__(self, name: str) -> list[float]:
        if name in ("loss", "rate"):
            return list(getattr(self, name))
        part, _, metric = name.partition("_")
        found = [
            one[metric]
            for one in self.evaluations
            if one.part == part and (metric == "loss" or metric in one.metrics)
        ]
        if not found:
            raise NotRecordedError(
                f"{name!r} was not recorded, but {', '.join(self.names)}.",
                name=name,
                known=self.names,
            )
        return found

    def at_end(self, part: str) -> Evaluation | None:
        """Return the evaluation of the weights as they are now, or None if there is none.

        Args:
            part: "validation" or "test".
        """
        own = [e for e in self.evaluations if e.part == part and e.iteration == self.iteration]
        return own[-1] if own else None

    def cut(self, iteration: int) -> None:
        """Forget what came after an iteration, because training goes on from there."""
        del self.loss[iteration:], self.rate[iteration:]
        self.evaluations = [e for e in self.evaluations if e.iteration <= iteration]
        self.iteration = iteration

    def __repr__(self) -> str:
        loss, evaluations = self.loss[-1:], self.evaluations[:]  # another thread may add to them
        last = {one.part: f"; {one.part} {in_words(one, 3)}" for one in evaluations}
        return (
            f"History({counted(len(self.loss), 'iteration')}"
            f"{''.join(f', loss {value:.4g}' for value in loss)}{''.join(last.values())}; "
            f"{self.seconds:.1f} s"
            f"{'' if self.stopped is None else f'; stopped: {shorten(self.stopped)}'})"
        )

    def _repr_html_(self) -> str:
        from plugnet.training.course import course  # late: only notebooks ask

        return course(self)
