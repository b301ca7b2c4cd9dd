"""Checkpoints: a folder of a run's states. The run goes on from the newest."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from plugnet.arguments import file_path
from plugnet.errors import BudgetError, FileFormatError, HookError, TrainingWarning
from plugnet.training.checkpoint import Checkpoint
from plugnet.training.journal import Journal
from plugnet.training.protocol import Training
from plugnet.warning import warn_user

#: The folder of checkpoints inside that of a run.
FOLDER = "checkpoints"
_NAME = re.compile(r"iteration-(\d+)\.safetensors")
_JOURNAL = re.compile(r"history-(\w+)-(\d+)\.jsonl")


class Checkpoints:
    """The checkpoints of one run in a folder, of which the last and the best are kept.

    All that one process has written share a journal; see `Journal`. The journals of a run have its
    name and a number.

    Attributes:
        folder: where they are.
        best: the iteration of the one that stays until another one is the best, or None.
    """

    def __init__(self, folder: Path, keep: int, run: str, best: int | None = None) -> None:
        """Take a folder, whether it is empty or holds checkpoints of this run.

        Args:
            folder: of this run alone.
            keep: how many of the last checkpoints stay.
            run: the name of the run.
            best: the iteration of the best checkpoint so far, or None.

        Raises:
            HookError: the folder holds the checkpoints of another run.
        """
        self.folder, self._keep, self.best = folder, keep, best
        self._own: set[Path] = set()
        journals = [match for path in _listed(folder) if (match := _JOURNAL.fullmatch(path.name))]
        if found(folder) and run not in {match[1] for match in journals}:
            raise HookError(
                f"{folder} holds the checkpoints of another run, which would be lost. Go on with "
                "it by Trainer.resume, remove it, or save elsewhere.",
                hook="plugnet_train_start",
                plugin="checkpoint",
            )
        number = max((int(match[2]) for match in journals), default=0) + 1
        self._journal = Journal(folder / f"history-{run}-{number:04}.jsonl")

    def rewind(self, training: Training) -> None:
        """Go on after an earlier `fit`, from whose end the training may have gone back."""
        self._journal.rewind(training.history, training.iteration)

    def save(self, training: Training) -> None:
        """Save the training, and remove what is no longer kept.

        Args:
            training: between two iterations.

        Raises:
            OSError: it cannot be written; older ones stay.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(training.iteration)
        training.save(path, self._journal)
        self._own.add(path)
        if self.best is not None and self.best > training.iteration:
            self.best = None  # the training has gone back to before it
        with contextlib.suppress(OSError):  # no reason to end a training
            self._remove_old(training.iteration)

    def _path(self, iteration: int) -> Path:
        return self.folder / f"iteration-{iteration:08}.safetensors"

    def _remove_old(self, iteration: int) -> None:
        """Remove checkpoints that are not kept, and journals that no checkpoint needs."""
        all_found = found(self.folder)
        earlier = [path for path in all_found if _iteration(path) <= iteration]
        kept = set(earlier[: self._keep])
        if self.best is not None:
            kept.add(self._path(self.best))
        for path in all_found:
            if path not in kept:
                path.unlink()
        self._own &= kept
        if kept == self._own:
            for path in _listed(self.folder):
                if _JOURNAL.fullmatch(path.name) and path != self._journal.path:
                    path.unlink()


def found(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, the newest, that is the highest iteration, first."""
    paths = [path for path in _listed(folder) if _NAME.fullmatch(path.name)]
    return sorted(paths, key=_iteration, reverse=True)


def _listed(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(folder.iterdir())
    return []


def _iteration(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def read(path: str | os.PathLike[str], budget: int | None = None) -> Checkpoint:
    """Return a checkpoint: a file, or the newest intact one in a folder of them, or of a run.

    Raises:
        FileFormatError: there is none.
    """
    folder = Path(file_path("path", path))
    if not folder.is_dir():
        return Checkpoint.read(folder, budget)
    folder = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    damaged: list[FileFormatError] = []
    for each in found(folder):
        try:
            checkpoint = Checkpoint.read(each, budget)
        except BudgetError:
            raise
        except FileFormatError as error:  # cut short by a power loss, say
            damaged.append(error)
        else:
            for refused in damaged:
                warn_user(f"An older checkpoint is used: {refused}", TrainingWarning)
            return checkpoint
    if damaged:
        raise damaged[0]
    raise FileFormatError(
        f"{os.fspath(path)} holds no checkpoint. Give the folder of a run, or a file that "
        "Trainer.save wrote.",
        path=os.fspath(path),
    )
