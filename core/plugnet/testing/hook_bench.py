"""A bench for hooks: small trainings in folders of their own, and what comes of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, chdir, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import HookError, SpecError
from plugnet.network import Network
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.state import silent
from plugnet.testing.target import Example, Target, for_each
from plugnet.training.hooks import HookCaller
from plugnet.training.run_files import RunFiles
from plugnet.training.trainer import Trainer

ITERATIONS: Final = 18
EVERY: Final = 2
#: The iterations after which trainings are saved: before, between and after evaluations.
CUTS: Final = (1, 5, 8, 13)
FAILED: Final = " has failed and is left out: "  # in a history's notes


class Samples(NamedTuple):
    """What a training is given.

    Attributes:
        x: samples, ``(N, 4)``.
        y: their classes, ``(N,)``.
        weights: how much each counts, ``(N,)``, or None.
        held: samples and classes to validate on, and to test on.
    """

    x: Array
    y: Array
    weights: Array | None
    held: tuple[Array, Array]


def samples(rows: int = 24, held: int = 9) -> Samples:
    """Return new samples without a rule: so the loss falls, and that of the validation grows."""
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(24, 4)), rng.normal(size=(9, 4))
    y, classes = np.arange(24) % 3, (np.arange(9) + 1) % 3
    return Samples(x[:rows], y[:rows], None, (other[:held], classes[:held]))


class Files(RunFiles):
    """Gives a hook each file by its name inside the folder of the run, as the command line does."""

    def path(self, name: str | os.PathLike[str], is_folder: bool = False) -> Path:
        """Return the path; one that leads out of the folder keeps its last part only."""
        path = Path(name)
        leads_out = path.is_absolute() or os.pardir in path.parts
        return super().path(path.name if leads_out else path, is_folder)


class Bench:
    """Where one check of a hook works: a context in which nothing is printed.

    Attributes:
        cls: the class of the hook.
        root: a temporary folder.
    """

    root: Path

    def __init__(self, target: Target, example: Example) -> None:
        self.cls = target.cls
        self._target, self._example, self._runs = target, example, 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = tempfile.TemporaryDirectory(prefix="plugnet-", ignore_cleanup_errors=True)
            self.root = Path(stack.enter_context(folder)).resolve()
            for name in ("here", "temp"):
                (self.root / name).mkdir()
            stack.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
            tempfile.tempdir = str(self.root / "temp")
            stack.enter_context(chdir(self.root / "here"))
            stack.enter_context(silent())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def hook(self) -> Any:
        """Return a new hook."""
        return self._target.build(self._example)

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

    def resume(self, path: Path, *hooks: object, files: Files | None = None) -> Trainer:
        """Return the trainer that was saved at ``path``, after the end of its training."""
        trainer = Trainer.resume(path, hooks=hooks, threads=1)
        trainer.keep_files_in(files or self.files())
        return self.fit(trainer, None)

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
        """
        given = given or samples()
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
        notes = [note.partition(FAILED)[2].rstrip(".") for note in trainer.history.notes]
        failed = next(filter(None, notes), None)
        require(
            failed is None,
            f"It fails in a training: {failed}. Each of its hooks must work at any time.",
        )
        return trainer

    def trained(self, *hooks: object) -> Trainer:
        """Return a new trainer after a whole training."""
        return self.fit(self.trainer(*hooks))


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


def benches(target: Target) -> Iterator[Bench]:
    """Yield a bench for each example, if a trainer accepts the hook."""
    for example in target.usable_examples:
        try:
            HookCaller([target.build(example)])
        except HookError:
            raise NotApplicable("a trainer does not accept it: see fits") from None
        yield Bench(target, example)


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
    """Comes after the hook to check, and saves the training and what the hook remembers.

    Attributes:
        paths: the files, by iteration.
        states: what ``hook.state()`` returned, by iteration.
        ends: whether the training is interrupted after it was saved.
    """

    observes = False

    def __init__(
        self, bench: Bench, hook: Any, cuts: Iterable[int] = CUTS, ends: bool = False
    ) -> None:
        self.paths: dict[int, Path] = {}
        self.states: dict[int, Mapping[str, Any]] = {}
        self.ends = ends
        self._bench, self._hook, self._cuts = bench, hook, set(cuts)

    def plugnet_step_end(self, training: Any) -> None:
        """End the training for now, if that is due."""
        if self.ends and training.iteration in self._cuts:
            training.stop("for now", resumable=True)

    def plugnet_checkpoint(self, training: Any) -> None:
        """Save between two iterations."""
        goes_on = training.is_interrupted or not training.is_ending
        if training.iteration in self._cuts and goes_on:
            path = self._bench.root / f"saved{training.iteration}"
            training.save(path)
            self.paths[training.iteration] = path
            if hasattr(self._hook, "state"):
                self.states[training.iteration] = self._hook.state()


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
