"""What each training of a hook's checks is given, and the files of its run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plugnet.arrays import Array
from plugnet.training.run_files import RunFiles


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


def lines(files: Files) -> dict[str, int]:
    """Return how many lines each text file of a run has, by its name."""
    paths = [files.folder / name for name in sorted(files.made)]
    return {path.name: count for path in paths if (count := _count(path)) is not None}


def _count(path: Path) -> int | None:
    try:
        return len(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return None


def names_in(folder: Path) -> str:
    """Return the names in a folder, separated by commas."""
    return ", ".join(sorted(path.name for path in folder.iterdir()))
