"""The folder that holds everything about one training run."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from plugnet.arguments import file_path
from plugnet.data.mapped import mapped_file
from plugnet.errors import ConfigError
from plugnet.interfaces import Batch
from plugnet.model import FILE

CONFIG = "config.toml"
HISTORY = "history.csv"
LOSS = "loss.png"
CONFUSION = "confusion.png"
MISTAKES = "mistakes.png"
MODEL = FILE
RESULT = "result.json"
FILES = (CONFIG, HISTORY, LOSS, CONFUSION, MISTAKES, MODEL, RESULT)

RUNS = Path("runs")


@contextlib.contextmanager
def run_directory(out: str | None, name: str, config: str, force: bool) -> Iterator[Path]:
    """Make the folder, with the config in it, before any work is done.

    If the block raises before a first iteration is on record, the folder disappears again.

    Args:
        out: the folder, or None for the next free ``runs/<name>-<number>``.
        name: see ``out``.
        config: the content of ``config.toml``.
        force: whether an older run in the folder is replaced.

    Raises:
        ArgumentError: ``out`` is not a path.
        ConfigError: the folder holds a run, or cannot be made or written.
    """
    try:
        content = config.encode()
        folder = _numbered(name) if out is None else Path(file_path("--out", out))
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, force)
        # Mode "x": of two runs that start in one folder at the same time, one is refused.
        with (folder / CONFIG).open("xb") as file:
            file.write(content)
    except (OSError, UnicodeEncodeError) as error:
        where = f"The run directory {RUNS if out is None else out}"
        raise ConfigError(
            f"{where} cannot be written: {error}. Choose another with --out.", key="out"
        ) from error
    try:
        yield folder
    except BaseException:
        if not _recorded(folder):
            with contextlib.suppress(OSError):  # the folder may also hold the user's own files
                for name in contents(folder):
                    (folder / name).unlink()
                folder.rmdir()
        raise


def digest(samples: Batch) -> str | None:
    """Return the SHA-256 of samples and their labels; None for a large memory map."""
    x, y, _ = samples
    if mapped_file(x) is not None:
        return None
    found = hashlib.sha256()
    for array in (x, y):
        found.update(f"{array.shape} {array.dtype}".encode())
        found.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return found.hexdigest()


def check_same_test(folder: Path, samples: Batch) -> None:
    """Check that samples are those that a run was tested on.

    Otherwise some of them may be samples that it was trained on: a test part is drawn from whatever
    the file holds.

    Raises:
        ConfigError: they are others.
    """
    try:
        known = json.loads((folder / RESULT).read_text(encoding="utf-8"))["test_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # a run that was cut short, or from before this was noted
    if known is not None and known != digest(samples):
        raise ConfigError(
            f"The data of {folder} have changed since the run, so its test samples can't be told "
            "from those it was trained on. Restore the data, name others with --data PATH, or "
            "train again.",
            key="data.path",
        )


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write ``result.json``."""
    text = json.dumps(result, indent=2, allow_nan=False)
    (folder / RESULT).write_text(text + "\n", encoding="utf-8")


def contents(folder: Path) -> list[str]:
    """Return the names of the run's files that exist, in their order."""
    return [file for file in FILES if (folder / file).exists()]


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


def _recorded(folder: Path) -> bool:
    """Tell whether there is more than the config and a history without rows."""
    if set(contents(folder)) - {CONFIG, HISTORY}:
        return True
    history = folder / HISTORY
    return history.exists() and history.read_bytes().count(b"\n") > 1


def _make_room(folder: Path, force: bool) -> None:
    held = contents(folder)
    if held and not force:
        raise ConfigError(
            f"{folder} already holds a run ({', '.join(held)}). Choose another folder with --out, "
            "or replace the run with --force.",
            key="out",
        )
    for file in held:
        (folder / file).unlink()
