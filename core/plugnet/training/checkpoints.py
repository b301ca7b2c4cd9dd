"""Checkpoints: a folder of a run's states, from the newest of which it can go on."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from plugnet.arguments import file_path
from plugnet.errors import BudgetError, FileFormatError, HookError
from plugnet.training.checkpoint import Checkpoint
from plugnet.training.journal import Journal
from plugnet.training.protocol import Training

#: The folder of checkpoints inside that of a run.
FOLDER = "checkpoints"
_NAME = re.compile(r"iteration-(\d+)\.safetensors")


class Checkpoints:
    """The checkpoints of one run in a folder, of which the last and the best are kept.

    All that one process has written share a journal, which is named by the iteration at which it
    began; see `Journal`.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        """Take a folder, which is made at the first `save`.

        Args:
            folder: of this run alone.
            keep: how many of the last checkpoints stay.
        """
        self.folder, self._keep = folder, keep
        self._journal: Journal | None = None
        self._own: set[Path] = set()
        self._best: Path | None = None

    def begin(self, training: Training) -> None:
        """Begin to save, where a training begins or goes on.

        Raises:
            HookError: the training is new, but the folder holds the checkpoints of another.
        """
        if self._journal is not None:
            self._journal.rewind(training.history, training.iteration)
            return
        if training.iteration == 0 and found(self.folder):
            raise HookError(
                f"{self.folder} holds the checkpoints of another run, which would be lost. Go on "
                "with it by Trainer.resume, remove it, or save elsewhere.",
                hook="plugnet_train_start",
                plugin="checkpoint",
            )
        self._journal = Journal(self.folder / f"history-{training.iteration:08}.jsonl")

    def save(self, training: Training, is_best: bool) -> None:
        """Save the training, and remove what is no longer kept.

        Args:
            training: between two iterations, after `begin`.
            is_best: whether this one is kept until a better one comes.

        Raises:
            OSError: it cannot be written; older ones stay.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"iteration-{training.iteration:08}.safetensors"
        training.save(path, self._journal)
        self._own.add(path)
        if is_best:
            self._best = path
        with contextlib.suppress(OSError):  # no reason to end a training
            self._remove_old(training.iteration)

    def _remove_old(self, iteration: int) -> None:
        """Remove checkpoints that are not kept, and journals that no checkpoint needs."""
        all_found = found(self.folder)
        later = [path for path in all_found if _iteration(path) > iteration]  # of a time gone back
        kept = {*[path for path in all_found if path not in later][: self._keep], self._best}
        for path in all_found:
            if path not in kept:
                path.unlink()
                self._own.discard(path)
        if kept <= {*self._own, None} and self._journal is not None:
            for path in self.folder.glob("history-*.jsonl"):
                if path != self._journal.path:
                    path.unlink()


def found(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, the newest, that is the highest iteration, first."""
    with contextlib.suppress(OSError):
        paths = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(paths, key=_iteration, reverse=True)
    return []


def _iteration(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def read(path: str | os.PathLike[str], budget: int | None = None) -> Checkpoint:
    """Return a checkpoint: a file, or the newest intact one in a folder of them, or of a run.

    Raises:
        FileFormatError: there is none.
    """
    folder = Path(file_path("path", path))
    if not folder.is_dir():
        return Checkpoint.read(folder, budget)
    folder = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    damaged: FileFormatError | None = None
    for each in found(folder):
        try:
            return Checkpoint.read(each, budget)
        except BudgetError:
            raise
        except FileFormatError as error:  # cut short by a power loss, say: the one before is whole
            damaged = damaged or error
    if damaged is not None:
        raise damaged
    raise FileFormatError(
        f"{os.fspath(path)} holds no checkpoint. Give the folder of a run, or a file that "
        "Trainer.save wrote.",
        path=os.fspath(path),
    )
