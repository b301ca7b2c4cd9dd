"""The folder that holds everything about one training run."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from plugnet.arguments import file_path
from plugnet.cli import run_record
from plugnet.errors import ConfigError, FileFormatError
from plugnet.files.atomic import replacing
from plugnet.files.lock import locked
from plugnet.interfaces import Batch
from plugnet.model import FILE
from plugnet.training.checkpoints import FOLDER, found
from plugnet.training.identity import digest
from plugnet.training.run_files import RunFiles

CONFIG = "config.toml"
RECORD = "run.json"
HISTORY = "history.csv"
LOSS = "loss.png"
CONFUSION = "confusion.png"
MISTAKES = "mistakes.png"
MODEL = FILE
RESULT = "result.json"
FILES = (CONFIG, RECORD, FOLDER, HISTORY, LOSS, CONFUSION, MISTAKES, MODEL, RESULT)
#: What no hook may write.
RESERVED = (CONFIG, RECORD, MODEL, RESULT, ".lock")

RUNS = Path("runs")


class RunDirectory:
    """The folder of a run that is going on, which nobody else writes meanwhile.

    Attributes:
        folder: it.
        files: where hooks write.
        known: what must not have changed if the run goes on; {} for a new one.
    """

    def __init__(
        self, folder: Path, known: Mapping[str, str], made: Iterable[str], old: Iterable[str]
    ) -> None:
        """Take the folder.

        Args:
            folder: it.
            known: see above.
            made: the files that the run has made, and may make anew.
            old: those that go when it begins.
        """
        self.folder, self.known, self._old = folder, known, list(old)
        self.files = RunFiles(folder, made, RESERVED)

    def begin(self, config: str) -> None:
        """Make room, and write the config that the run is made with.

        Raises:
            OSError: it cannot be written.
        """
        _remove(self.folder, self._old)
        self._old = []
        with replacing(self.folder / CONFIG) as file:
            file.write(config.encode())

    def record(self, identity: Mapping[str, str]) -> None:
        """Write what must not change if the run is to go on, and which files its hooks make.

        Raises:
            OSError: it cannot be written.
        """
        run_record.write_made_with(self.folder / RECORD, identity, self.files.made)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json``, the last file of a run: all others are whole."""
        run_record.write(self.folder / RESULT, result)

    def remove_traces(self) -> None:
        """Remove what the run has written, if there is no iteration on record."""
        history = self.folder / HISTORY
        is_recorded = (self.folder / MODEL).exists() or bool(found(self.folder / FOLDER))
        if not is_recorded and history.is_file():
            is_recorded = history.read_bytes().count(b"\n") > 1
        if not is_recorded and not self._old:
            _remove(self.folder, {*contents(self.folder), *self.files.made})


@contextlib.contextmanager
def run_directory(out: str | None, name: str, force: bool) -> Iterator[RunDirectory]:
    """Make the folder of a new run, and keep others out of it.

    If the block raises before a first iteration is on record, the folder disappears again.

    Args:
        out: the folder, or None for the next free ``runs/<name>-<number>``.
        name: see ``out``.
        force: whether an older run in the folder is replaced.

    Raises:
        ArgumentError: ``out`` is not a path.
        ConfigError: the folder holds a run, or cannot be made or written.
        LockedError: a run is going on in it.
    """
    try:
        folder = _numbered(name) if out is None else Path(file_path("--out", out))
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeEncodeError) as error:
        where = f"The run directory {RUNS if out is None else out}"
        raise ConfigError(
            f"{where} cannot be written: {error}. Choose another with --out.", key="out"
        ) from error
    with _alone(folder):
        held = contents(folder)
        if held and not force:
            raise ConfigError(
                f"{folder} already holds a run ({', '.join(held)}). Choose another folder with "
                f"--out, go on with that run by --resume, or replace it with --force.",
                key="out",
            )
        with contextlib.suppress(FileFormatError, ConfigError):
            held += run_record.read_made_with(folder / RECORD)[1]
        run = RunDirectory(folder, {}, (), held)
        try:
            yield run
        except BaseException:
            with contextlib.suppress(OSError):
                run.remove_traces()
            raise


@contextlib.contextmanager
def resumed(path: str) -> Iterator[RunDirectory]:
    """Open the folder of a run that goes on, and keep others out of it.

    Raises:
        ConfigError: it is not the folder of a run.
        LockedError: the run is going on.
    """
    folder = Path(file_path("--resume", path))
    known, made = run_record.read_made_with(folder / RECORD)
    with _alone(folder):
        yield RunDirectory(folder, known, made, [RESULT])


def check_same_test(folder: Path, samples: Batch) -> None:
    """Check that samples are those that a run was tested on.

    Otherwise some of them may be samples that it was trained on: a test part is drawn from whatever
    the file holds.

    Raises:
        ConfigError: they are others.
    """
    try:
        known = run_record.read(folder / RESULT)["test_sha256"]
    except (FileFormatError, KeyError):
        return  # a run that was cut short
    if known is not None and known != test_digest(samples):
        raise ConfigError(
            f"The data of {folder} have changed since the run, so its test samples can't be told "
            "from those it was trained on. Restore the data, name others with --data PATH, or "
            "train again.",
            key="data.path",
        )


def test_digest(samples: Batch) -> str:
    """Return a text that tells test samples and their labels from others."""
    return hashlib.sha256(f"{digest(samples.x)}; {digest(samples.y)}".encode()).hexdigest()


def contents(folder: Path) -> list[str]:
    """Return the names of the run's files that exist, in their order."""
    return [file for file in FILES if (folder / file).exists()]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other writers out of a folder, which disappears at the end if it is empty."""
    try:
        with locked(folder):
            yield
    finally:
        with contextlib.suppress(OSError):  # the folder may hold a run, or the user's own files
            folder.rmdir()


def _numbered(name: str) -> Path:
    """Make and return the first ``runs/<name>-<number>`` that does not exist yet."""
    RUNS.mkdir(exist_ok=True)
    number = 1
    while True:
        folder = RUNS / f"{name}-{number}"
        try:
            folder.mkdir()  # making it is what claims the number
        except FileExistsError:
            number += 1
        else:
            return folder


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files of a run, and its folder of checkpoints."""
    for name in names:
        path = folder / name
        if name == FOLDER and path.is_dir() and not path.is_symlink():
            for file in [*found(path), *path.glob("history-*.jsonl")]:
                file.unlink()
            with contextlib.suppress(OSError):  # there may be a file of the user's
                path.rmdir()
        elif path.is_file() or path.is_symlink():
            path.unlink()
