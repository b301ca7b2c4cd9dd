"""The folder that holds everything about one training run."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from plugnet.arguments import file_path
from plugnet.cli import run_record
from plugnet.cli.run_record import Record
from plugnet.errors import ConfigError, FileFormatError
from plugnet.files.atomic import save_text
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
#: After the name of a folder of checkpoints, until the run that replaces them has begun.
REPLACED = ".replaced"

RUNS = Path("runs")


class RunDirectory:
    """The folder of a run that is going on, which nobody else writes meanwhile.

    Attributes:
        folder: it.
        record: what the run was made with if it goes on; None for a new one.
        files: where hooks write.
    """

    def __init__(self, folder: Path, record: Record | None, old: Sequence[str]) -> None:
        """Take the folder.

        Args:
            folder: it.
            record: see above.
            old: the names of the files that go when the training begins.
        """
        self.folder, self.record, self._old = folder, record, old
        self.files = RunFiles(folder, record.files if record else old, RESERVED)
        self._has_begun = False

    def set_aside(self) -> None:
        """Put the checkpoints of an older run out of the way, until `begin` or `clean`."""
        for name in self._old:
            path = self.folder / name
            if path.is_dir():
                path.rename(f"{path}{REPLACED}")

    def begin(self, config: str, identity: Mapping[str, str], notes: Sequence[str]) -> None:
        """Remove the older run, and write what the new one is made with.

        Args:
            config: its settings.
            identity: what must not change if it goes on.
            notes: what has changed nevertheless.

        Raises:
            OSError: it cannot be written.
        """
        self._has_begun = True
        old = sorted(self._old, key=lambda name: name == RECORD)  # last, so it tells what is left
        _remove(self.folder, [*(f"{name}{REPLACED}" for name in old), *old])
        _put_back(self.folder, old)  # what is not a run's
        files = self.files.made if self.record else self.files.claimed
        Record(config, identity, [*files], notes).write(self.folder / RECORD)
        save_text(self.folder / CONFIG, config)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json``, the last file of a run: all others are whole.

        Raises:
            OSError: it cannot be written.
        """
        run_record.write(self.folder / RESULT, result)

    def clean(self) -> None:
        """Remove a run without an iteration on record, or put back the one it would replace."""
        if self._has_begun and not self._has_iterations():
            _remove(self.folder, [*contents(self.folder), *self.files.claimed])
        _remove_empty(self.folder, self.files.claimed)
        _put_back(self.folder, self._old)

    def _has_iterations(self) -> bool:
        history = self.folder / HISTORY
        checkpoints = (found(self.folder / name) for name in self.files.claimed)
        return (
            (self.folder / MODEL).exists()
            or any(checkpoints)
            or (history.is_file() and history.read_bytes().count(b"\n") > 1)
        )


@contextlib.contextmanager
def run_directory(out: str | None, name: str, force: bool) -> Iterator[RunDirectory]:
    """Make the folder of a new run, and keep others out of it.

    If the block raises before a first iteration is on record, the folder disappears again, or holds
    the older run as before.

    Args:
        out: the folder, or None for the next free ``runs/<name>-<number>``.
        name: see ``out``.
        force: whether an older run in the folder is replaced.

    Raises:
        ArgumentError: ``out`` is not a path.
        ConfigError: the folder holds a run or files of others, or cannot be made or written.
        LockedError: a run is going on in it.
    """
    made: list[Path] = []
    try:
        try:
            folder = _numbered(name, made) if out is None else Path(file_path("--out", out))
            _make(folder, made)
        except (OSError, UnicodeEncodeError) as error:
            where = f"The run directory {RUNS if out is None else out}"
            raise ConfigError(
                f"{where} cannot be written: {error}. Choose another with --out.", key="out"
            ) from error
        with locked(folder):
            run = RunDirectory(folder, None, _replaceable(folder, force))
            try:
                yield run
            except BaseException:
                with contextlib.suppress(OSError):
                    run.clean()
                raise
    finally:
        for each in reversed(made):
            with contextlib.suppress(OSError):  # it holds a run
                each.rmdir()


def _replaceable(folder: Path, force: bool) -> list[str]:
    """Return the names of the files of an older run.

    Raises:
        ConfigError: they must stay.
    """
    names = {*FILES}
    with contextlib.suppress(FileFormatError):
        names |= {*Record.read(folder / RECORD).files}
    _put_back(folder, names)
    _remove_empty(folder, names)
    held = contents(folder)
    if held and not (folder / RECORD).is_file():
        raise ConfigError(
            f"{folder} must not hold other files with the names of a run's files, but it holds "
            f"{', '.join(held)}. Choose another folder with --out.",
            key="out",
        )
    if held and not force:
        raise ConfigError(
            f"{folder} already holds a run ({', '.join(held)}). Choose another folder with "
            "--out, go on with that run by --resume, or replace it with --force.",
            key="out",
        )
    return sorted(name for name in names if os.path.lexists(folder / name))


@contextlib.contextmanager
def resumed(path: str) -> Iterator[tuple[RunDirectory, Record]]:
    """Open the folder of a run that goes on, and its record, and keep others out of it.

    Raises:
        ConfigError: it is not the folder of a run.
        FileFormatError: the record of the run is damaged.
        LockedError: the run is going on.
    """
    folder = Path(file_path("--resume", path))
    if not (folder / RECORD).is_file():
        raise ConfigError(
            f"--resume takes the folder of a run, but {folder} has no {RECORD}. Begin a new run "
            "without --resume.",
            key="resume",
        )
    with locked(folder):
        record = Record.read(folder / RECORD)
        _put_back(folder, [*FILES, *record.files])
        yield RunDirectory(folder, record, [RESULT]), record


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


def _numbered(name: str, made: list[Path]) -> Path:
    """Make and return the first ``runs/<name>-<number>`` that does not exist yet."""
    _make(RUNS, made)
    number = 1
    while True:
        folder = RUNS / f"{name}-{number}"
        try:
            folder.mkdir()  # making it is what claims the number
        except FileExistsError:
            number += 1
        else:
            made.append(folder)
            return folder


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those that it is in, and add them to ``made``."""
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(exist_ok=True)
            made.append(each)


def _put_back(folder: Path, names: Iterable[str]) -> None:
    """Put back the checkpoints of a run, if what was to replace it has not begun."""
    for name in names:
        aside = folder / f"{name}{REPLACED}"
        if aside.is_dir():
            with contextlib.suppress(OSError):  # there is something else now
                if (folder / name).exists():
                    (folder / name).rmdir()
                aside.rename(folder / name)


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files of a run, and its folders of checkpoints."""
    for name in names:
        path = folder / name
        if not path.parent.resolve().is_relative_to(folder.resolve()):
            continue  # a link leads out of the run's folder
        if path.is_dir():
            left = (*path.glob("history-*.jsonl"), *path.glob(".plugnet-*.tmp"))
            for file in [*found(path), *left]:
                file.unlink()
        elif os.path.lexists(path):
            path.unlink()
    _remove_empty(folder, names)


def _remove_empty(folder: Path, names: Iterable[str]) -> None:
    """Remove empty folders of a run, and those that its files were in."""
    for name in names:
        for each in (Path(name), *Path(name).parents[:-1]):
            with contextlib.suppress(OSError):  # there is no such folder, or something in it
                (folder / each).rmdir()
