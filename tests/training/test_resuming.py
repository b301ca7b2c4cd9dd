"""A training that is interrupted anywhere, and resumed, ends as one that was not."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer
from plugnet.data import ArrayBatches, mapped, order
from plugnet.interfaces import Batch
from plugnet.parameter import Parameters
from plugnet.training import Evaluation
from plugnet.training.checkpoints import found

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 6)).astype(np.float32)
Y = np.argmax(X @ RNG.normal(size=(6, 3)), axis=1)
HELD = X[::3], (Y[::3] + (np.arange(20) < 3)) % 3
TEST = X[1::3], Y[1::3]
SERIES = RNG.normal(size=(60, 5, 6)).astype(np.float32)
WORDS = RNG.integers(0, 9, (60, 5))
REALS = X @ RNG.normal(size=(6, 2)).astype(np.float32) + 7
MLP: list[Any] = [("fc", 6, 5), "tanh", ("fc", 5, 3)]
ITERATIONS = 7


class Killed(BaseException):
    """What ends a run in the middle."""


class Killer:
    """Ends a run in one of its hooks, at an iteration."""

    observes = True  # so that the run goes on without it

    def __init__(self, place: str, iteration: int) -> None:
        self.place, self.iteration = place, iteration

    def plugnet_gradients_ready(self, iteration: int) -> None:
        self._at("gradients_ready", iteration)

    def plugnet_step_end(self, training: Trainer) -> None:
        self._at("step_end", training.iteration)

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        self._at(evaluation.part, evaluation.iteration)

    def plugnet_checkpoint(self, training: Trainer) -> None:
        self._at("checkpoint", training.iteration)

    def plugnet_train_end(self) -> None:
        self._at("train_end", self.iteration)

    def _at(self, place: str, iteration: int) -> None:
        if place == self.place and iteration == self.iteration:
            raise Killed


@dataclass
class Case:
    """A training: how it is built, and what it is fitted on."""

    layers: list[Any] = field(default_factory=lambda: MLP)
    settings: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    data: Callable[[], tuple[Any, ...]] = lambda: (X, Y)
    fit: dict[str, Any] = field(default_factory=dict)
    hooks: list[Any] = field(default_factory=list)

    def new(self, hooks: list[Any]) -> Trainer:
        settings: dict[str, Any] = {"batch_size": 16, "policy": ("inv", 0.05)} | self.settings
        return Trainer(Network(self.layers, **self.network), hooks=hooks, **settings)

    def train(self, trainer: Trainer) -> None:
        options: dict[str, Any] = {"validation": HELD, "test": TEST, "evaluate_every": 2} | self.fit
        if trainer.goal is not None:  # it goes on
            options["epochs"] = None
        elif options.get("epochs") is None:
            options["iterations"] = ITERATIONS
        trainer.fit(*self.data(), **options)

    def own_hooks(self, folder: Path) -> list[Any]:
        return [self._placed(hook, folder) for hook in self.hooks]

    def _placed(self, hook: Any, folder: Path) -> Any:
        """Return a hook, new and with its path in a folder."""
        if isinstance(hook, type):
            return hook()
        if isinstance(hook, tuple) and isinstance(hook[1], dict) and "path" in hook[1]:
            return hook[0], {**hook[1], "path": str(folder / hook[1]["path"])}
        return hook

    def resumed(self, folder: Path, hooks: list[Any]) -> Trainer:
        """Return the trainer of the last checkpoint, or a new one."""
        if found(folder / "saved"):
            return Trainer.resume(folder / "saved", hooks)
        return self.new(hooks)

    def whole(self, folder: Path) -> dict[str, Any]:
        """Return how it ends without interruption."""
        trainer = self.new(self.own_hooks(folder))
        self.train(trainer)
        return outcome(trainer, folder)

    def killed(self, folder: Path, killers: list[Any], is_first: bool = False) -> dict[str, Any]:
        """Return how it ends if it is resumed each time that one of ``killers`` has ended it.

        Args:
            folder: for its files.
            killers: hooks, one for each part of the run.
            is_first: whether they are called before the others.
        """
        for killer in killers:
            hooks = [checkpoint(folder), *self.own_hooks(folder)]
            hooks = [killer, *hooks] if is_first else [*hooks, killer]
            with pytest.raises(Killed):
                self.train(self.resumed(folder, hooks))
        trainer = self.resumed(folder, [checkpoint(folder), *self.own_hooks(folder)])
        self.train(trainer)
        return outcome(trainer, folder)


def checkpoint(folder: Path) -> Any:
    return "checkpoint", {"path": str(folder / "saved"), "iterations": 1}


def outcome(trainer: Trainer, folder: Path) -> dict[str, Any]:
    """Return all by which two trainings are compared."""
    arrays = {**trainer.network.state(), **trainer.update.state()}
    history = trainer.history
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return {
        **{name: array.tobytes() for name, array in arrays.items()},
        **files,
        "loss": history.loss,
        "rate": history.rate,
        "evaluations": history.evaluations,
        "stopped": history.stopped,
        "iteration": (trainer.iteration, history.iteration),
        "position": trainer.position,
        "source": trainer.source_state,
        "rate_scale": trainer.rate_scale,
        "goal": trainer.goal,
    }


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """Folders, each made when it is asked for."""

    def made() -> Iterator[Path]:
        for number in range(1000):
            folder = tmp_path / str(number)
            folder.mkdir()
            yield folder

    return made()


class Thaw:
    """Frees a frozen layer in the middle of the run."""

    def plugnet_step_end(self, training: Trainer) -> None:
        if training.iteration == 3:
            training.network.parameters()["fc1.weight"].lr_mult = 0.5


class Count:
    """Scales gradients by a number that it remembers: a hook of a user."""

    def __init__(self) -> None:
        self.factor = np.ones(2)

    def state(self) -> dict[str, Any]:
        return {"factor": self.factor.copy(), "none": None, "far": float("inf")}

    def restore(self, state: Any) -> None:
        assert state["none"] is None
        assert state["far"] == float("inf")
        self.factor = state["factor"].copy()

    def plugnet_train_start(self, training: Trainer) -> None:
        if training.iteration == 0:
            self.factor = np.ones(2)

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        self.factor *= 0.9
        parameters.grad *= self.factor[1]


def numbered_source() -> tuple[Any, ...]:
    return (ArrayBatches(Batch(X, Y), 16, seed=3),)


OPTIMIZERS = ["sgd", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw"]
POLICIES: list[Any] = [
    ("fixed", 0.1),
    ("inv", 0.1),
    ("exp", 0.1, 0.9),
    ("step", 0.1, 2),
    ("multistep", 0.1, [2, 5]),
    ("poly", 0.1, ITERATIONS),
    ("sigmoid", 0.1, 3, 0.5),
    ("cosine", 0.1, ITERATIONS),
    ("warmup", ("fixed", 0.1), 3),
]
TAIL = [("fc", {"outputs": 3})]
ALL_HOOKS: list[Any] = [
    ("early_stop", 2),
    ("plateau", 0.5, 1),
    ("best_model", {"path": "best.safetensors"}),
    ("csv_log", {"path": "log.csv"}),
]
CASES: dict[str, Case] = {
    **{name: Case(settings={"optimizer": name}) for name in OPTIMIZERS},
    **{policy[0]: Case(settings={"policy": policy}) for policy in POLICIES},
    "dropout": Case([("fc", 6, 8), "relu", ("dropout", 0.5), ("fc", 8, 3)]),
    "batch_norm": Case([("fc", 6, 8), "batch_norm", "relu", ("fc", 8, 3)]),
    "layer_norm": Case([("fc", 6, 8), "layer_norm", "relu", ("fc", 8, 3)]),
    "residual": Case([("residual", [("fc", 6, 6), ("dropout", 0.3), "tanh"]), *TAIL]),
    "branches": Case(
        [("branches", [("fc", 6, 4), ["chain", [("fc", 6, 2), "batch_norm"]]]), *TAIL]
    ),
    "rnn": Case(
        [("rnn", 4), *TAIL], data=lambda: (SERIES, Y), fit={"validation": 0.3, "test": None}
    ),
    "lstm": Case(
        [("lstm", 4), *TAIL], data=lambda: (SERIES, Y), fit={"validation": 0.3, "test": None}
    ),
    "gru": Case(
        [("gru", 4), *TAIL], data=lambda: (SERIES, Y), fit={"validation": 0.3, "test": None}
    ),
    "embedding": Case(
        [("embedding", 9, 4), ("gru", 3), *TAIL],
        data=lambda: (WORDS, Y),
        fit={"validation": 0.3, "test": None},
    ),
    "frozen": Case(network={"parameters": {"fc1.*": {"lr_mult": 0}}}),
    "thawed": Case(network={"parameters": {"fc1.*": {"lr_mult": 0}}}, hooks=[Thaw]),
    "standardize": Case(["standardize", ("fc", 6, 3)]),
    "class_weight": Case(settings={"class_weight": "balanced"}),
    "scale_targets": Case(
        [("fc", 6, 4), "tanh", ("fc", 4, 2)],
        settings={"loss": "least_square_error", "scale_targets": True},
        data=lambda: (X, REALS),
        fit={"validation": 0.25, "test": None},
    ),
    "fraction": Case(fit={"validation": 0.25}),
    "test": Case(fit={"validation": "test"}),
    "no validation": Case(fit={"validation": None}),
    "no test": Case(fit={"test": None}),
    "in order": Case(settings={"shuffle": False}),
    "ignored": Case(
        [("fc", 6, 5), "tanh", ("fc", 5, 2)],
        settings={"ignore_label": 2},
        fit={"classes": [0, 1], "validation": 0.3},
    ),
    "epochs": Case(fit={"epochs": 2.0}),
    "float64": Case(network={"dtype": "float64"}),
    "source": Case(data=numbered_source),
    "early_stop": Case(settings={"policy": ("fixed", 3.0)}, hooks=[("early_stop", 1)]),
    "early_stop at the end": Case(hooks=[("early_stop", 9)]),
    "early_stop of a source": Case(
        settings={"policy": ("fixed", 3.0)}, data=numbered_source, hooks=[("early_stop", 1)]
    ),
    "early_stop with dropout": Case(
        [("fc", 6, 8), "batch_norm", ("dropout", 0.5), ("fc", 8, 3)],
        settings={"policy": ("fixed", 0.1), "optimizer": "adam", "seed": 0},
        fit={"evaluate_every": 1},
        hooks=[("early_stop", 2)],
    ),
    "plateau": Case(settings={"policy": ("fixed", 3.0)}, hooks=[("plateau", 0.5, 1)]),
    "best_model": Case(hooks=[("best_model", {"path": "best.safetensors"})]),
    "csv_log": Case(hooks=[("csv_log", {"path": "log.csv"})]),
    "clip_gradients": Case(hooks=[("clip_gradients", 0.1)]),
    "a user's hook": Case(hooks=[Count]),
    "all hooks": Case(settings={"policy": ("fixed", 3.0)}, hooks=ALL_HOOKS),
    "all hooks last": Case(settings={"policy": ("fixed", 3.0)}, hooks=ALL_HOOKS[::-1]),
}


@pytest.mark.parametrize("name", CASES)
def test_killed_after_each_step_it_ends_the_same(name: str, folders: Iterator[Path]) -> None:
    case = CASES[name]
    expected = case.whole(next(folders))
    count = len(expected["loss"])
    killers = [Killer("step_end", 1), *(Killer("gradients_ready", i) for i in range(1, count))]
    assert case.killed(next(folders), killers) == expected


def test_all_optimizers_and_policies_are_tried() -> None:
    from plugnet import registry

    assert {*registry.optimizers.names(), *registry.lr_policies.names()} <= CASES.keys()


@pytest.mark.parametrize("is_first", [True, False], ids=["before the others", "after them"])
@pytest.mark.parametrize("place", ["gradients_ready", "step_end", "validation", "checkpoint"])
def test_killed_at_any_place_of_a_step_it_ends_the_same(
    place: str, is_first: bool, folders: Iterator[Path]
) -> None:
    case = Case(hooks=ALL_HOOKS[1:])
    expected = case.whole(next(folders))
    places = {
        "gradients_ready": range(ITERATIONS),
        "validation": (2, 4, 6, ITERATIONS),
    }.get(place, range(1, ITERATIONS + 1))
    for iteration in places:
        killer = Killer(place, iteration)
        assert case.killed(next(folders), [killer], is_first) == expected, iteration


@pytest.mark.parametrize("is_first", [True, False], ids=["before the others", "after them"])
@pytest.mark.parametrize("name", ["all hooks", "early_stop at the end", "early_stop of a source"])
def test_killed_at_its_end_it_ends_the_same(
    name: str, is_first: bool, folders: Iterator[Path]
) -> None:
    case = CASES[name]
    expected = case.whole(next(folders))
    last = expected["loss"]
    for place, iteration in [
        ("step_end", len(last)),
        ("validation", len(last)),
        ("test", expected["iteration"][0]),
        ("checkpoint", expected["iteration"][0]),
        ("train_end", 0),
    ]:
        folder = next(folders)
        assert case.killed(folder, [Killer(place, iteration)], is_first) == expected, place


@pytest.mark.parametrize(
    ("name", "killer"),
    [
        ("all hooks", Killer("step_end", 4)),
        ("no validation", Killer("step_end", 4)),
        ("no test", Killer("train_end", 0)),  # after the last evaluation
    ],
)
def test_pictures_are_the_same_bytes(name: str, killer: Killer, folders: Iterator[Path]) -> None:
    pytest.importorskip("matplotlib")
    case = CASES[name]
    pictures = [("loss_curve", {"path": "loss.png"}), ("confusion_matrix", {"path": "m.png"})]
    case = Case(case.layers, case.settings, fit=case.fit, hooks=[*case.hooks, *pictures])
    expected = case.whole(next(folders))
    assert {"loss.png", "m.png"} <= expected.keys()
    assert case.killed(next(folders), [killer], is_first=True) == expected


def test_early_stop_goes_on_before_and_after_its_best(folders: Iterator[Path]) -> None:
    case = CASES["early_stop with dropout"]
    expected = case.whole(next(folders))
    assert expected["stopped"].startswith("early_stop: ")
    best, last = expected["iteration"][0], len(expected["loss"])
    assert 1 < best < last < ITERATIONS + 1
    for iteration in (best - 1, best, best + 1, last - 1, last):
        killer = Killer("step_end", iteration)
        assert case.killed(next(folders), [killer]) == expected, iteration


@pytest.mark.parametrize("killed_at", [1, 4, 5])
def test_a_memory_map_is_read_on_from_its_place(
    killed_at: int, folders: Iterator[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LARGE_BYTES", 1000)
    monkeypatch.setattr(order, "BLOCK_BYTES", 60)
    monkeypatch.setattr(order, "BLOCKS_PER_WINDOW", 4)
    np.save(tmp_path / "x.npy", X)
    case = Case(["standardize", *MLP], data=lambda: (np.load(tmp_path / "x.npy", mmap_mode="r"), Y))
    expected = case.whole(next(folders))
    assert case.killed(next(folders), [Killer("step_end", killed_at)]) == expected


# A stop for now ----------------------------------------------------------------------------------


class Pause:
    """Ends a run for now at a place, as a signal does."""

    observes = True

    def __init__(self, place: str, iteration: int) -> None:
        self.place, self.iteration = place, iteration

    def plugnet_train_start(self, training: Trainer) -> None:
        self._at("train_start", training)

    def plugnet_gradients_ready(self, training: Trainer) -> None:
        self._at("gradients_ready", training)

    def plugnet_step_end(self, training: Trainer) -> None:
        self._at("step_end", training)

    def plugnet_evaluate_end(self, training: Trainer) -> None:
        self._at("evaluate_end", training)

    def plugnet_checkpoint(self, training: Trainer) -> None:
        self._at("checkpoint", training)

    def _at(self, place: str, training: Trainer) -> None:
        if place == self.place and training.iteration == self.iteration:
            training.stop("for now", resumable=True)


@pytest.mark.parametrize("name", ["all hooks", "all hooks last", "dropout", "source"])
@pytest.mark.parametrize(
    ("place", "iterations"),
    [
        ("train_start", [0]),
        ("gradients_ready", [0, 3]),
        ("step_end", [1, 2, 4]),
        ("evaluate_end", [2, 4]),
        ("checkpoint", [1, 2, 3]),
    ],
)
def test_a_stop_for_now_at_any_place_changes_nothing(
    name: str, place: str, iterations: list[int], folders: Iterator[Path]
) -> None:
    case = CASES[name]
    expected = case.whole(next(folders))
    for iteration in iterations:
        for is_first in (True, False):
            folder = next(folders)
            hooks = [("checkpoint", str(folder / "saved")), *case.own_hooks(folder)]
            pause = Pause(place, iteration)
            trainer = case.new([pause, *hooks] if is_first else [*hooks, pause])
            case.train(trainer)
            assert trainer.is_interrupted
            assert trainer.history.stopped == "for now"
            judged = [(e.part, e.iteration) for e in trainer.history.evaluations]
            assert len(judged) == len(set(judged))
            assert len(trainer.history.loss) == min(iteration + (place == "gradients_ready"), 7)
            again = Trainer.resume(folder / "saved", [hooks[0], *case.own_hooks(folder)])
            assert again.goal == ITERATIONS
            case.train(again)
            assert outcome(again, folder) == expected, (iteration, is_first)


def test_a_stop_for_now_after_a_real_one_is_none(folders: Iterator[Path]) -> None:
    class Enough:
        def plugnet_step_end(self, training: Trainer) -> None:
            if training.iteration == 3:
                training.stop("enough")
                training.stop("for now", resumable=True)

    folder = next(folders)
    trainer = CASES["sgd"].new([checkpoint(folder), Enough()])
    CASES["sgd"].train(trainer)
    assert (trainer.history.stopped, trainer.is_interrupted, trainer.goal) == (
        "enough",
        False,
        None,
    )
    again = Trainer.resume(folder / "saved")
    CASES["sgd"].train(again)
    assert (again.iteration, again.history.stopped) == (3, "enough")


def test_a_real_stop_after_that_for_now_does_not_hide_it(folders: Iterator[Path]) -> None:
    class Enough:
        def plugnet_evaluate_end(self, training: Trainer) -> None:
            training.stop("enough")

    folder = next(folders)
    trainer = CASES["sgd"].new([checkpoint(folder), Pause("step_end", 1), Enough()])
    CASES["sgd"].train(trainer)
    assert (trainer.history.stopped, trainer.is_interrupted) == ("for now", True)
    assert (trainer.iteration, trainer.goal) == (1, ITERATIONS)


# Processes that are killed -----------------------------------------------------------------------

CHILD = """
import sys, time
from pathlib import Path
from tests.training.test_resuming import CASES, checkpoint

class Slow:
    observes = True
    def plugnet_step_end(self, training):
        print(training.iteration, flush=True)
        time.sleep(0.01)

folder = Path(sys.argv[1])
case = CASES["all hooks"]
case.train(case.resumed(folder, [checkpoint(folder), *case.own_hooks(folder), Slow()]))
"""


@pytest.mark.parametrize("steps", [[1, 3], [2], [4]], ids=str)
def test_killed_processes_leave_a_run_that_goes_on(
    steps: list[int], folders: Iterator[Path], rng: np.random.Generator
) -> None:
    case = CASES["all hooks"]
    expected = case.whole(next(folders))
    folder = next(folders)
    for step in steps:
        words = [sys.executable, "-c", textwrap.dedent(CHILD), str(folder)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if int(line) >= step:
                    break
            signal.sigtimedwait([], rng.uniform(0, 0.02))
            child.kill()
        assert child.returncode == -signal.SIGKILL
    trainer = case.resumed(folder, [checkpoint(folder), *case.own_hooks(folder)])
    case.train(trainer)
    assert outcome(trainer, folder) == expected


# How far it goes ---------------------------------------------------------------------------------


def test_without_a_number_an_interrupted_fit_goes_on_to_its_goal(folders: Iterator[Path]) -> None:
    folder = next(folders)
    trainer = CASES["sgd"].new([checkpoint(folder), Killer("step_end", 3)])
    with pytest.raises(Killed):
        trainer.fit(X, Y, 10)
    assert (trainer.iteration, trainer.goal) == (3, 10)
    trainer.hooks = []
    trainer.fit(X, Y)
    assert (trainer.iteration, trainer.goal) == (10, None)
    again = Trainer.resume(folder / "saved")
    assert (again.iteration, again.goal) == (2, 10)
    assert len(again.fit(X, Y).loss) == 10


@pytest.mark.parametrize("options", [{"iterations": 4}, {"epochs": 4 * 16 / 60}], ids=str)
def test_a_number_begins_a_new_count(options: dict[str, Any], folders: Iterator[Path]) -> None:
    folder = next(folders)
    trainer = CASES["sgd"].new([checkpoint(folder), Killer("step_end", 3)])
    with pytest.raises(Killed):
        trainer.fit(X, Y, 10)
    again = Trainer.resume(folder / "saved")
    again.fit(X, Y, **options, validation=TEST)  # which may be others
    assert (again.iteration, again.goal) == (6, None)


def test_a_number_goes_on_after_a_run_that_was_stopped(folders: Iterator[Path]) -> None:
    folder = next(folders)
    case = CASES["early_stop"]
    trainer = case.new([*case.own_hooks(folder), checkpoint(folder)])
    case.train(trainer)
    assert trainer.history.stopped is not None
    again = Trainer.resume(folder / "saved", case.own_hooks(folder))
    again.fit(X, Y, 1, validation=HELD)
    assert len(again.history.loss) == trainer.iteration + 1 < len(trainer.history.loss)


def test_after_its_end_a_training_has_no_goal(tmp_path: Path) -> None:
    trainer = CASES["sgd"].new([])
    trainer.fit(X, Y, 3)
    trainer.save(tmp_path / "trainer")
    again = Trainer.resume(tmp_path / "trainer")
    assert again.goal is None
    assert len(again.fit(X, Y).loss) == 803


def test_a_start_that_is_refused_changes_no_goal(folders: Iterator[Path]) -> None:
    class Refusing:
        def plugnet_train_start(self) -> None:
            raise Killed

    trainer = CASES["sgd"].new([Killer("step_end", 3)])
    with pytest.raises(Killed):
        trainer.fit(X, Y, 10)
    trainer.hooks = [Refusing()]
    with pytest.raises(Killed):
        trainer.fit(X, Y, 50)
    assert trainer.goal == 10
