"""Hooks that are right, however odd they look."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from plugnet.evaluation import Evaluation
from plugnet.parameter import Parameters
from plugnet.training.history import History
from plugnet.training.protocol import Training


class RateOnly:
    """Changes rate_scale by the iteration, and nothing else: it needs no state."""

    observes: ClassVar[bool] = False

    def plugnet_step_end(self, training: Training, iteration: int) -> None:
        training.rate_scale = 0.99 ** (iteration + 1)


class CommandOnly:
    """Adds a sub-command: no training ever calls it."""

    observes: ClassVar[bool] = True

    def plugnet_cli(self, subparsers: Any) -> None:
        subparsers.add_parser("stranger").set_defaults(run=lambda arguments: 0)


class Rarely:
    """Does something every ten thousand steps: in a short run nothing."""

    observes: ClassVar[bool] = False

    def plugnet_step_end(self, training: Training, iteration: int) -> None:
        if (iteration + 1) % 10_000 == 0:
            training.rate_scale *= 0.5


class TestOnly:
    """Looks at the test samples only, at the end."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self.found = math.nan

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        if evaluation.part == "test":
            self.found = evaluation.loss


class Static:
    """Its hooks are static methods without arguments."""

    observes: ClassVar[bool] = True

    @staticmethod
    def plugnet_train_start() -> None:
        pass

    @staticmethod
    def plugnet_train_end() -> None:
        pass


class SavedNoise:
    """Adds noise to the gradients from the seed and the iteration: it needs no state."""

    observes: ClassVar[bool] = False

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def plugnet_gradients_ready(self, iteration: int, parameters: Parameters) -> None:
        rng = np.random.default_rng((self.seed, iteration))
        noise = 1e-3 * rng.normal(size=parameters.grad.shape)
        parameters.grad += noise.astype(parameters.grad.dtype)


class Average:
    """Averages the weights in its state, and hands out copies only."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._mean: Any = None

    def state(self) -> dict[str, Any]:
        return {"mean": None if self._mean is None else self._mean.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._mean = None if state["mean"] is None else np.array(state["mean"])

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._mean = None

    def plugnet_step_end(self, training: Training) -> None:
        value = training.network.parameters().value
        self._mean = value.copy() if self._mean is None else 0.9 * self._mean + 0.1 * value


class StopsAtOnce:
    """Ends a training after its first step, as for a dry run."""

    observes: ClassVar[bool] = False

    def plugnet_step_end(self, training: Training) -> None:
        training.stop("a dry run")


class GoesBack:
    """Goes back to the weights of the best evaluation where the training ends."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._least: float = math.inf
        self._best: Any = None

    def state(self) -> dict[str, Any]:
        return {"least": self._least, "best": self._best}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._least, self._best = float(state["least"]), state["best"]

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._least, self._best = math.inf, None

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        if evaluation.part == "validation" and evaluation.loss < self._least:
            self._least, self._best = evaluation.loss, training.snapshot()

    def plugnet_train_end(self, training: Training) -> None:
        if training.is_ending and self._best is not None:
            training.restore(self._best)
            self._best = None


class FreezesTheFirst:
    """Sets a layer's gradient to 0 for the first steps: training needs it."""

    observes: ClassVar[bool] = False

    def plugnet_gradients_ready(self, iteration: int, parameters: Parameters) -> None:
        if iteration < 5:
            next(iter(parameters.values())).grad.fill(0)


def of_functions() -> types.ModuleType:
    """Return a module with a function, which is a hook, too."""
    module = types.ModuleType("stranger_module")
    module.__doc__ = "A module that watches."

    def plugnet_step_end(loss: float) -> None:
        pass

    module.plugnet_step_end = plugnet_step_end  # type: ignore[attr-defined]
    module.observes = True  # type: ignore[attr-defined]
    return module


class Slotted:
    """Has slots and no dictionary."""

    __slots__ = ("last",)
    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self.last = math.nan

    def plugnet_step_end(self, loss: float) -> None:
        self.last = loss


class Unsaid:
    """Does not say whether it observes: the rules name a default."""

    def plugnet_train_end(self) -> None:
        pass


class NeedsAPath:
    """Cannot be made without a path, and asks the training for the file."""

    observes: ClassVar[bool] = True

    def __init__(self, path: str) -> None:
        self.path = path

    def plugnet_train_start(self, training: Training) -> None:
        self._file = training.file(self.path)

    def plugnet_train_end(self, history: History) -> None:
        self._file.write_text(f"{len(history.loss)}", encoding="utf-8")


class Fails:
    """Ends a training whose loss is not finite, by an error: that is what it is for."""

    observes: ClassVar[bool] = False

    def plugnet_step_end(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise FloatingPointError("The loss is not finite.")


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("RateOnly", RateOnly),
    ("CommandOnly", CommandOnly),
    ("Rarely", Rarely),
    ("TestOnly", TestOnly),
    ("Static", Static),
    ("SavedNoise", SavedNoise),
    ("Average", Average),
    ("StopsAtOnce", StopsAtOnce),
    ("GoesBack", GoesBack),
    ("FreezesTheFirst", FreezesTheFirst),
    ("of_functions", of_functions),
    ("Slotted", Slotted),
    ("Unsaid", Unsaid),
    ("NeedsAPath", lambda: NeedsAPath("stranger-count.txt")),
    ("Fails", Fails),
]
