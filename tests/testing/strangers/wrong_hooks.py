"""Hooks with one fault each. `FORMULA` names those that keep the contract."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.evaluation import Evaluation
from plugnet.parameter import Parameters
from plugnet.training.history import History
from plugnet.training.protocol import Training


class ForgetsWaiting:
    """Stops after 3 evaluations without progress, and keeps the best but not the wait."""

    observes: ClassVar[bool] = False

    # Lightning-AI/pytorch-lightning#1463, huggingface/transformers#28544
    def __init__(self) -> None:
        self._best, self._waited = math.inf, 0

    def state(self) -> dict[str, Any]:
        return {"best": self._best}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._best = state["best"]

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._best, self._waited = math.inf, 0

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        if evaluation.part == "validation":
            self._waited = 0 if evaluation.loss < self._best else self._waited + 1
            self._best = min(self._best, evaluation.loss)
            if self._waited >= 3:
                training.stop("no progress")


class HasNoState:
    """Halves the rate after each fifth step that it has seen, and keeps no state."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._seen = 0

    def plugnet_step_end(self, training: Training) -> None:
        self._seen += 1
        if self._seen % 5 == 0:
            training.rate_scale *= 0.5


class ResetsAtStart:
    """Restores its state, and forgets it in plugnet_train_start."""

    observes: ClassVar[bool] = False

    # lizhitwo in Lightning-AI/pytorch-lightning#1463: "reset by its on_train_start"
    def __init__(self) -> None:
        self._seen = 0

    def state(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._seen = state["seen"]

    def plugnet_train_start(self) -> None:
        self._seen = 0

    def plugnet_step_end(self, training: Training) -> None:
        self._seen += 1
        if self._seen % 5 == 0:
            training.rate_scale *= 0.5


class RestoresHalf:
    """Saves two numbers and restores one."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._seen, self._mean = 0, 0.0

    def state(self) -> dict[str, Any]:
        return {"seen": self._seen, "mean": self._mean}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._seen = state["seen"]

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._seen, self._mean = 0, 0.0

    def plugnet_step_end(self, training: Training, loss: float) -> None:
        self._seen += 1
        self._mean += 0.1 * (loss - self._mean)
        training.rate_scale = 1 / (1 + self._mean)


class RestoresAnotherName:
    """Saves under one name, restores under another with a default: nothing comes back."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._seen = 0

    def state(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._seen = state.get("count", 0)

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._seen = 0

    def plugnet_step_end(self, training: Training) -> None:
        self._seen += 1
        if self._seen % 5 == 0:
            training.rate_scale *= 0.5


class LiveState:
    """Its state is the array that it goes on changing."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._mean: Any = np.zeros(1)

    def state(self) -> dict[str, Any]:
        return {"mean": self._mean}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._mean = np.array(state["mean"])

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._mean = np.zeros(1)

    def plugnet_step_end(self, loss: float) -> None:
        self._mean += 0.1 * (loss - self._mean)


class TakesTheState:
    """Keeps the array of the state that it restores, and changes it."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._mean: Any = np.zeros(1)

    def state(self) -> dict[str, Any]:
        return {"mean": self._mean.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._mean = state["mean"]

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._mean = np.zeros(1)

    def plugnet_step_end(self, loss: float) -> None:
        self._mean += 0.1 * (loss - self._mean)


class StateOfASet:
    """Its state holds a set, which no file can."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def state(self) -> dict[str, Any]:
        return {"seen": set(self._seen)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._seen = set(state["seen"])

    def plugnet_step_end(self, iteration: int) -> None:
        self._seen.add(iteration)


class StateByNumber:
    """The keys of its state are numbers: read from a file they are strings."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._losses: dict[int, float] = {}

    def state(self) -> dict[str, Any]:
        return {"losses": dict(self._losses)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._losses = {int(number): loss for number, loss in state["losses"].items()}

    def plugnet_step_end(self, iteration: int, loss: float) -> None:
        self._losses[iteration] = loss


class StateBeforeStart:
    """Has a state only after the first step: saving before it raises AttributeError."""

    observes: ClassVar[bool] = True

    def state(self) -> dict[str, Any]:
        return {"mean": self._mean}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._mean = state["mean"]

    def plugnet_step_end(self, iteration: int, loss: float) -> None:
        self._mean = loss if iteration == 0 else 0.9 * self._mean + 0.1 * loss


class SavesOnly:
    """Has a state, but no method to restore it."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._seen = 0

    def state(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def plugnet_step_end(self, training: Training) -> None:
        self._seen += 1
        training.rate_scale = 0.9**self._seen


class ShrinksWhileWatching:
    """Says that it only observes, and shrinks the weights."""

    observes: ClassVar[bool] = True

    def plugnet_step_end(self, training: Training) -> None:
        training.network.parameters().value[...] *= 0.999


class ClipsWhileWatching:
    """Says that it only observes, and clips the gradients."""

    observes: ClassVar[bool] = True

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        np.clip(parameters.grad, -1e-3, 1e-3, out=parameters.grad)


class StopsWhileWatching:
    """Says that it only observes, and ends the training."""

    observes: ClassVar[bool] = True

    def plugnet_step_end(self, training: Training, iteration: int) -> None:
        if iteration == 3:
            training.stop("enough")


class SlowsWhileWatching:
    """Says that it only observes, and changes the rate."""

    observes: ClassVar[bool] = True

    def plugnet_step_end(self, training: Training) -> None:
        training.rate_scale *= 0.99


class LeavesTheAverage:
    """Puts averaged weights in for the evaluation, and never the trained ones back."""

    observes: ClassVar[bool] = True

    # PKU-YuanGroup/Open-Sora-Plan#186
    def __init__(self) -> None:
        self._mean: Any = None

    def plugnet_step_end(self, training: Training) -> None:
        value = training.network.parameters().value
        self._mean = value.copy() if self._mean is None else 0.9 * self._mean + 0.1 * value

    def plugnet_evaluate_end(self, training: Training) -> None:
        if self._mean is not None:
            training.network.parameters().value[...] = self._mean


class CentresTheSamples:
    """Subtracts the mean from the samples that it is shown, in place."""

    observes: ClassVar[bool] = True

    def plugnet_evaluate_end(self, x: Array) -> None:
        if isinstance(x, np.ndarray):
            x -= x.mean()


class SoftmaxesTheOutputs:
    """Makes probabilities of the outputs in place: the next hook sees no scores."""

    observes: ClassVar[bool] = True

    def plugnet_evaluate_end(self, outputs: Array) -> None:
        outputs -= outputs.max(axis=1, keepdims=True)
        np.exp(outputs, out=outputs)
        outputs /= outputs.sum(axis=1, keepdims=True)


class KeepsTheGradient:
    """Keeps a reference to the gradient, and compares it with itself one step later."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._last: Any = None

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        if self._last is not None and np.vdot(self._last, parameters.grad) < 0:
            parameters.grad *= 0.5
        self._last = parameters.grad


class KeepsTheWeights:
    """Keeps the best weights as a reference, and puts them back at the end: they are the last."""

    observes: ClassVar[bool] = False

    # keras-team/keras#10765: get_weights() copies; a list of tensors would not
    def __init__(self) -> None:
        self._least: float = math.inf
        self._best: Any = None

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._least, self._best = math.inf, None

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        if evaluation.part == "validation" and evaluation.loss < self._least:
            self._least, self._best = evaluation.loss, training.network.parameters().value

    def plugnet_train_end(self, training: Training) -> None:
        if self._best is not None:
            training.network.parameters().value[...] = self._best


class WritesOutside:
    """Writes to its path itself, so that a run's file is outside the run's folder."""

    observes: ClassVar[bool] = True

    def __init__(self, path: str = "stranger-losses.txt") -> None:
        self.path = path

    def plugnet_train_end(self, history: History) -> None:
        Path(self.path).write_text("\n".join(map(str, history.loss)), encoding="utf-8")


class WritesToTemp:
    """Writes to one file of the temporary folder, the same for all runs."""

    observes: ClassVar[bool] = True

    def plugnet_train_start(self) -> None:
        path = Path(tempfile.gettempdir()) / "plugnet-stranger.log"
        path.write_text("begun", encoding="utf-8")


class AsksTooLate:
    """Asks for its file at the end: a path that cannot be written costs the whole run."""

    observes: ClassVar[bool] = True

    def __init__(self, path: str = "stranger-late.txt") -> None:
        self.path = path

    def plugnet_train_end(self, training: Training, history: History) -> None:
        text = "\n".join(map(str, history.loss))
        training.file(self.path).write_text(text, encoding="utf-8")


class AppendsTwice:
    """Appends its header at each start: a resumed run has it in the middle."""

    observes: ClassVar[bool] = True

    # keras-team/keras#4426, DeepLabCut/DeepLabCut#3183
    def __init__(self, path: str = "stranger-rows.csv") -> None:
        self.path = path

    def plugnet_train_start(self, training: Training) -> None:
        self._file = training.file(self.path)
        with self._file.open("a", encoding="utf-8") as file:
            file.write("iteration,loss\n")

    def plugnet_step_end(self, iteration: int, loss: float) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{iteration},{loss}\n")


class LeavesAFileOpen:
    """Opens its file at the start and never closes it."""

    observes: ClassVar[bool] = True

    def __init__(self, path: str = "stranger-open.txt") -> None:
        self.path = path

    def plugnet_train_start(self, training: Training) -> None:
        self._file = training.file(self.path).open("w", encoding="utf-8")

    def plugnet_step_end(self, loss: float) -> None:
        self._file.write(f"{loss}\n")


class OneFitOnly:
    """Throws away at the end what it has made in its constructor: a second fit fails."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._losses: Any = []

    def plugnet_step_end(self, loss: float) -> None:
        self._losses.append(loss)

    def plugnet_train_end(self) -> None:
        self._losses = None


class Stale:
    """Keeps the best loss of the run before, so that a new one stops at once."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._best, self._waited = math.inf, 0

    def state(self) -> dict[str, Any]:
        return {"best": self._best, "waited": self._waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._best, self._waited = state["best"], state["waited"]

    def plugnet_step_end(self, training: Training, loss: float) -> None:
        self._waited = 0 if loss < self._best else self._waited + 1
        self._best = min(self._best, loss)
        if self._waited >= 15:
            training.stop("no progress")


class ScalesAtEachStart:
    """Lowers the rate at each start, also where a run goes on."""

    observes: ClassVar[bool] = False

    def plugnet_train_start(self, training: Training) -> None:
        training.rate_scale *= 0.1


class GlobalNoise:
    """Adds noise from NumPy's global generator to the gradients."""

    observes: ClassVar[bool] = False

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        parameters.grad += 1e-3 * np.random.normal(size=parameters.grad.shape)  # noqa: NPY002


class UnsavedNoise:
    """Adds noise from a generator of its own, whose place no checkpoint holds."""

    observes: ClassVar[bool] = False

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._rng = np.random.default_rng(seed)

    def plugnet_train_start(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        parameters.grad += 1e-3 * self._rng.normal(size=parameters.grad.shape)


class ZeroNorm:
    """Divides the gradients by their norm: NaN where all are 0."""

    observes: ClassVar[bool] = False

    # google-deepmind/optax#1752, PaddlePaddle/Paddle#32038
    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        parameters.grad /= np.sqrt(np.sum(parameters.grad**2))


class ClipsApart:
    """Clips each parameter by its own norm, where it means to clip all together."""

    observes: ClassVar[bool] = False

    # huggingface/transformers#614
    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        for parameter in parameters.values():
            norm = float(np.sqrt(np.sum(parameter.grad**2)))
            if norm > 1:
                parameter.grad *= 1 / norm


class ClipsACopy:
    """Clips into a new array that nobody reads."""

    observes: ClassVar[bool] = False

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        for parameter in parameters.values():
            grad = np.clip(parameter.grad, -1, 1)  # noqa: F841 # the fault


class UnknownArgument:
    """Asks for the epoch, which no hook is given."""

    def plugnet_step_end(self, epoch: int) -> None:
        pass


class DefaultArgument:
    """Gives an argument a default, which the rules forbid."""

    def plugnet_step_end(self, loss: float = 0.0) -> None:
        pass


class Misspelled:
    """Its method is called plugnet_step_ended: nobody calls it."""

    def plugnet_step_ended(self, loss: float) -> None:
        pass


class NoHooks:
    """Has the methods of another library."""

    # keras.callbacks.Callback
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        pass


class Awaits:
    """Is a coroutine, which nobody awaits: its body never runs."""

    observes: ClassVar[bool] = True

    async def plugnet_step_end(self, loss: float) -> None:
        print(loss)


class Yields:
    """Has a yield in it, so that its body never runs."""

    observes: ClassVar[bool] = False

    def plugnet_step_end(self, training: Training) -> Iterator[float]:
        training.rate_scale *= 0.9
        yield training.rate_scale


class ChangesTheOptimizer:
    """Says that it only observes, and gives the optimizer another momentum."""

    observes: ClassVar[bool] = True

    def plugnet_train_start(self, training: Training) -> None:
        training.optimizer.momentum = 0.5  # type: ignore[attr-defined]


class EditsHistory:
    """Smooths the recorded losses in place."""

    observes: ClassVar[bool] = True

    def plugnet_step_end(self, training: Training) -> None:
        losses: Any = training.history.loss
        if len(losses) > 1:
            losses[-1] = 0.5 * (losses[-1] + losses[-2])


class LogOfLoss:
    """Takes the logarithm of the loss, which may be 0."""

    observes: ClassVar[bool] = False

    def plugnet_step_end(self, loss: float) -> None:
        self.last = math.log(loss)


class RestoresTooEarly:
    """Goes back to a snapshot while steps follow."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._held: Any = None

    def plugnet_step_end(self, training: Training, iteration: int) -> None:
        if iteration == 0:
            self._held = training.snapshot()
        elif iteration == 2 and self._held is not None:
            training.restore(self._held)
            self._held = None


class SharedList:
    """Keeps its losses in a list of the class, for all runs together."""

    observes: ClassVar[bool] = False

    _losses: ClassVar[list[float]] = []

    def plugnet_step_end(self, training: Training, loss: float) -> None:
        self._losses.append(loss)
        training.rate_scale = 1 / (1 + 0.01 * len(self._losses))


class CountsTheTest:
    """Takes the evaluation of the test samples for one more validation: the end is chosen by it."""

    observes: ClassVar[bool] = False

    def __init__(self) -> None:
        self._least: float = math.inf
        self._best: Any = None

    def state(self) -> dict[str, Any]:
        return {"least": self._least, "best": None if self._best is None else self._best.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._least, self._best = float(state["least"]), state["best"]

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._least, self._best = math.inf, None

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        if evaluation.loss < self._least:
            self._least, self._best = evaluation.loss, training.network.parameters().value.copy()

    def plugnet_train_end(self, training: Training) -> None:
        if self._best is not None:
            training.network.parameters().value[...] = self._best


class CountsFromOne:
    """Saves every tenth by `iteration`, counted from 0, as if it began at 1: one step late."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self.saved: list[int] = []

    def plugnet_step_end(self, iteration: int) -> None:
        if iteration % 10 == 0:
            self.saved.append(iteration)


class SeedsTheGlobal:
    """Seeds NumPy's global generator at the start."""

    observes: ClassVar[bool] = True

    def plugnet_train_start(self) -> None:
        np.random.seed(0)  # noqa: NPY002


class HoldsTheTraining:
    """Keeps the training itself in its state."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._training: Any = None

    def state(self) -> dict[str, Any]:
        return {"training": self._training}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._training = state["training"]

    def plugnet_train_start(self, training: Training) -> None:
        self._training = training


class ByTheClock:
    """Stops after the seconds that it was made to wait for: at the first step, always."""

    observes: ClassVar[bool] = False

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def plugnet_step_end(self, training: Training, iteration: int) -> None:
        if iteration >= self.seconds:
            training.stop("time is up")


class LateState:
    """Moves its average in plugnet_checkpoint, after the state was taken for some checkpoints."""

    observes: ClassVar[bool] = False

    # Lightning-AI/pytorch-lightning#1464: "checkpointed state is lagging one epoch behind"
    def __init__(self) -> None:
        self._seen = 0
        self._saved = 0

    def state(self) -> dict[str, Any]:
        return {"seen": self._saved}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._seen = self._saved = state["seen"]

    def plugnet_train_start(self, training: Training) -> None:
        if training.iteration == 0:
            self._seen = self._saved = 0

    def plugnet_step_end(self, training: Training) -> None:
        self._saved = self._seen
        self._seen += 1
        training.rate_scale = 0.9**self._seen


#: Those that do another thing than they should, which only their purpose can say.
FORMULA = {
    "ClipsApart",
    "ClipsACopy",
    "CountsTheTest",
    "CountsFromOne",
    "ByTheClock",
    "AsksTooLate",
}


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("ForgetsWaiting", ForgetsWaiting),
    ("HasNoState", HasNoState),
    ("ResetsAtStart", ResetsAtStart),
    ("RestoresHalf", RestoresHalf),
    ("RestoresAnotherName", RestoresAnotherName),
    ("LiveState", LiveState),
    ("TakesTheState", TakesTheState),
    ("StateOfASet", StateOfASet),
    ("StateByNumber", StateByNumber),
    ("StateBeforeStart", StateBeforeStart),
    ("SavesOnly", SavesOnly),
    ("ShrinksWhileWatching", ShrinksWhileWatching),
    ("ClipsWhileWatching", ClipsWhileWatching),
    ("StopsWhileWatching", StopsWhileWatching),
    ("SlowsWhileWatching", SlowsWhileWatching),
    ("LeavesTheAverage", LeavesTheAverage),
    ("CentresTheSamples", CentresTheSamples),
    ("SoftmaxesTheOutputs", SoftmaxesTheOutputs),
    ("KeepsTheGradient", KeepsTheGradient),
    ("KeepsTheWeights", KeepsTheWeights),
    ("WritesOutside", WritesOutside),
    ("WritesToTemp", WritesToTemp),
    ("AsksTooLate", AsksTooLate),
    ("AppendsTwice", AppendsTwice),
    ("LeavesAFileOpen", LeavesAFileOpen),
    ("OneFitOnly", OneFitOnly),
    ("Stale", Stale),
    ("ScalesAtEachStart", ScalesAtEachStart),
    ("GlobalNoise", GlobalNoise),
    ("UnsavedNoise", UnsavedNoise),
    ("ZeroNorm", ZeroNorm),
    ("ClipsApart", ClipsApart),
    ("ClipsACopy", ClipsACopy),
    ("UnknownArgument", UnknownArgument),
    ("DefaultArgument", DefaultArgument),
    ("Misspelled", Misspelled),
    ("NoHooks", NoHooks),
    ("Awaits", Awaits),
    ("Yields", Yields),
    ("ChangesTheOptimizer", ChangesTheOptimizer),
    ("EditsHistory", EditsHistory),
    ("LogOfLoss", LogOfLoss),
    ("RestoresTooEarly", RestoresTooEarly),
    ("SharedList", SharedList),
    ("CountsTheTest", CountsTheTest),
    ("CountsFromOne", CountsFromOne),
    ("SeedsTheGlobal", SeedsTheGlobal),
    ("HoldsTheTraining", HoldsTheTraining),
    ("ByTheClock", ByTheClock),
    ("LateState", LateState),
]
