"""A bench for hooks: small trainings in folders of their own, and what comes of them."""

from __future__ import annotations

import io
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, chdir, suppress
from functools import cached_property, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, Self

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, HookError, SpecError
from plugnet.network import Network
from plugnet.testing.hook_runs import Files, Samples, lines, names_in, samples
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.snapshot import find_instances, parts
from plugnet.testing.state import changed_since, global_state, silent
from plugnet.testing.target import Example, Target, for_each
from plugnet.training.hooks import HookCaller
from plugnet.training.trainer import Trainer

ITERATIONS: Final = 18
EVERY: Final = 2
#: The iterations after which trainings are saved: before, between and after evaluations.
CUTS: Final = (1, 5, 8, 13)
#: Where a hook must not write, by the names of folders that stand for them.
PLACES: Final = {"here": "the current folder", "temp": "the temporary folder"}
FAILED: Final = " has failed and is left out: "  # in a history's notes


class First(NamedTuple):
    """What came of a first training with a hook.

    Attributes:
        hook: the hook.
        trainer: after the training.
        seen: what the next hook was shown.
        alone: a trainer after a training without the hook.
        seen_alone: what a hook was shown there.
        lines: how many lines each text file of the run has, by its name.
        strays: the names of files outside the run's folder, by the place.
        still_open: the names of files of the run that the hook has not closed.
        changed: the names of process-wide state that was changed, separated by commas.
    """

    hook: Any
    trainer: Trainer
    seen: list[Array]
    alone: Trainer
    seen_alone: list[Array]
    lines: dict[str, int]
    strays: dict[str, str]
    still_open: str
    changed: str


class Bench:
    """Where one check of a hook works: a context in which nothing is printed.

    Attributes:
        root: a temporary folder.
    """

    root: Path

    def __init__(self, target: Target, example: Example) -> None:
        self._target, self._example, self._runs = target, example, 0
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = tempfile.TemporaryDirectory(prefix="plugnet-", ignore_cleanup_errors=True)
            self.root = Path(stack.enter_context(folder)).resolve()
            for name in PLACES:
                (self.root / name).mkdir()
            stack.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
            tempfile.tempdir = str(self.root / "temp")
            stack.enter_context(chdir(self.root / "here"))
            stack.enter_context(silent())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._open_files(self._hooks):  # else Python warns of them later, anywhere
            file.close()
        self._hooks.clear()
        self._stack.close()

    def hook(self) -> Any:
        """Return a new hook."""
        self._hooks.append(self._target.build(self._example))
        return self._hooks[-1]

    def _open_files(self, hooks: list[Any]) -> list[io.IOBase]:
        """Return the open files in temporary folders that hooks hold."""
        held = find_instances([attributes(hook) for hook in hooks], io.IOBase)
        inside = [
            file for file in held if str(getattr(file, "name", "")).startswith(str(self.root))
        ]
        return [file for file in inside if not file.closed]

    def files(self) -> Files:
        """Return the files of a new run, in an empty folder."""
        self._runs += 1
        folder = self.root / f"run{self._runs}"
        folder.mkdir()
        return Files(folder)

    def trainer(
        self, *hooks: object, files: Files | None = None, batch_size: int = 8, shuffle: bool = True
    ) -> Trainer:
        """Return a new trainer, always with the same network."""
        network = Network([("fc", 4, 5), "tanh", ("fc", 5, 3)], seed=0)
        trainer = Trainer(
            network,
            policy=("fixed", 0.5),
            batch_size=batch_size,
            shuffle=shuffle,
            hooks=hooks,
            threads=1,
        )
        trainer.keep_files_in(files or self.files())
        return trainer

    def fit(
        self,
        trainer: Trainer,
        iterations: int | None = ITERATIONS,
        given: Samples | None = None,
        is_judged: bool = True,
    ) -> Trainer:
        """Train, and return the trainer.

        Args:
            trainer: that trains.
            iterations: how many; None: to the goal of a resumed training.
            given: the samples; None: those of every training here.
            is_judged: whether there are samples to validate and to test on.

        Raises:
            NotApplicable: a hook refuses such a training before its first iteration.
        """
        given = given or samples()
        try:
            trainer.fit(
                given.x,
                given.y,
                iterations=iterations,
                evaluate_every=EVERY,
                weights=given.weights,
                classes=range(3),
                validation=given.held if is_judged else None,
                test=given.held if is_judged else None,
            )
        except (HookError, ArgumentError) as error:
            if trainer.iteration == 0:
                raise NotApplicable(f"it refuses such a training: {error}") from None
            raise
        notes = [note.partition(FAILED)[2].rstrip(".") for note in trainer.history.notes]
        failed = next(filter(None, notes), None)
        require(
            failed is None,
            f"It fails in a training: {failed}. Each of its hooks must work at any time.",
        )
        return trainer

    def trained(self, *hooks: object, files: Files | None = None) -> Trainer:
        """Return a new trainer after a whole training."""
        return self.fit(self.trainer(*hooks, files=files))

    @cached_property
    def first(self) -> First:
        """What came of a training with a new hook, which several checks look at."""
        hook, witness, other, files = self.hook(), Witness(), Witness(), self.files()
        alone = self.trained(other)  # before: the first training of a process imports libraries
        with np.errstate(all="warn"), warnings.catch_warnings(record=True):
            warnings.simplefilter("default")  # so that a hook that ignores them changes something
            before = global_state()
            trainer = self.trained(hook, witness, files=files)
            changed = changed_since(before)
        strays = {words: names_in(self.root / name) for name, words in PLACES.items()}
        still_open = ", ".join(
            Path(str(getattr(f, "name", ""))).name for f in self._open_files([hook])
        )
        return First(
            hook,
            trainer,
            witness.seen,
            alone,
            other.seen,
            lines(files),
            strays,
            still_open,
            changed,
        )


def on_benches(check: Callable[[Bench], None]) -> Callable[[Target], None]:
    """Return a check of a target that runs ``check`` on a bench for each of its examples.

    It is not applicable to a hook that fails wherever it is used, which other checks report.
    """

    @for_each(benches)
    @wraps(check)
    def run(bench: Bench) -> None:
        try:
            with bench:
                check(bench)
        except SpecError:
            raise NotApplicable("its state cannot be saved: see state_plain") from None
        except NotApplicable:
            raise
        except Exception:
            if not _trains(bench):
                raise NotApplicable("it fails in an ordinary training: see trains") from None
            raise

    return run


def benches(target: Target) -> list[Bench]:
    """Return a bench for each example, the same each time, if a trainer accepts the hook."""
    if "benches" not in target.kept:
        try:
            HookCaller(target.build_all()[:1])
        except HookError:
            raise NotApplicable("a trainer does not accept it: see fits") from None
        target.kept["benches"] = [Bench(target, each) for each in target.usable_examples]
    held: list[Bench] = target.kept["benches"]
    return held


def _trains(bench: Bench) -> bool:
    with suppress(Exception), bench:  # in new folders
        bench.trained(bench.hook())
        return True
    return False


class Witness:
    """Comes after the hook to check, and copies what that was shown before."""

    observes = True

    def __init__(self) -> None:
        self.seen: list[Array] = []

    def plugnet_evaluate_end(self, x: Array, outputs: Array, targets: Array) -> None:
        """Copy samples, outputs and targets."""
        self.seen += [x.copy(), outputs.copy(), targets.copy()]


class Saver:
    """Comes after the hook to check, and saves the training, the run's files and the hook's state.

    Attributes:
        files: of the run.
        states: what ``hook.state()`` returned, by iteration.
    """

    observes = False

    def __init__(
        self, bench: Bench, hook: Any, cuts: Iterable[int] = CUTS, ends: bool = False
    ) -> None:
        """Save after the iterations ``cuts``, and with ``ends`` interrupt the training then."""
        self.files = bench.files()
        self.states: dict[int, Mapping[str, Any]] = {}
        self._bench, self._hook, self._cuts, self._ends = bench, hook, set(cuts), ends
        self._saved: dict[int, Path] = {}

    def plugnet_step_end(self, training: Any) -> None:
        """End the training for now, if that is due."""
        if self._ends and training.iteration in self._cuts:
            training.stop("for now", resumable=True)

    def plugnet_checkpoint(self, training: Any) -> None:
        """Save between two iterations."""
        goes_on = training.is_interrupted or not training.is_ending
        if training.iteration in self._cuts and goes_on:
            folder = self._bench.root / f"saved{training.iteration}"
            shutil.copytree(self.files.folder, folder / "run")
            training.save(folder / "trainer")
            self._saved[training.iteration] = folder
            if hasattr(self._hook, "state"):
                self.states[training.iteration] = self._hook.state()

    @property
    def iterations(self) -> tuple[int, ...]:
        """After which it has saved."""
        return tuple(self._saved)

    def resumed(self, iteration: int, *hooks: object) -> tuple[Trainer, Files]:
        """Return the trainer that was saved, after the end of its training, and its files.

        They begin as they were where it was saved; or, if it ended there, as they were at the end.
        """
        folder = self._saved[iteration]
        files = self.files if self._ends else Files(folder / "run", self.files.made)
        trainer = Trainer.resume(folder / "trainer", hooks=hooks, threads=1)
        trainer.keep_files_in(files)
        return self._bench.fit(trainer, None), files


def differences(one: Trainer, other: Trainer) -> str:
    """Return in words in what two trainings differ: "the weights, the losses"; "" if in nothing."""
    first, second = _outcome(one), _outcome(other)
    return ", ".join(name for name in first if first[name] != second[name])


def _outcome(trainer: Trainer) -> dict[str, object]:
    history = trainer.history
    return {
        "the weights": trainer.network.parameters().value.tobytes(),
        "the losses": repr(history.loss),
        "the rates": repr(history.rate),
        "the evaluations": repr(history.evaluations),
        "the reason of its end": history.stopped,
    }


def attributes(hook: Any) -> Mapping[str, Any]:
    """Return the attributes of a hook; of a module none, which is no object of its own."""
    return {} if isinstance(hook, ModuleType) else parts(hook)
