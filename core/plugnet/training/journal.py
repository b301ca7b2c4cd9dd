"""Journal: a history in a file that is only ever appended to, so that saving stays cheap."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from plugnet.errors import FileFormatError
from plugnet.evaluation import Evaluation
from plugnet.training.history import History


class Journal:
    """Losses, rates and evaluations, a line of JSON for each time they were saved.

    A checkpoint keeps a mark: how many bytes of the file belong to it, and their SHA-256. So all
    checkpoints of a run share one file, and what was written after a mark does not matter.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Begin a new file at the first `append`."""
        self.path = Path(path)
        self._losses = self._evaluations = 0  # how many are in the file
        self._content = hashlib.sha256()
        self._size = 0

    def rewind(self, history: History, iteration: int) -> None:
        """Write anew, at the next `append`, what came after an iteration: it may change."""
        self._losses = min(self._losses, iteration)
        kept = sum(evaluation.iteration < iteration for evaluation in history.evaluations)
        self._evaluations = min(self._evaluations, kept)

    def append(self, history: History) -> dict[str, Any]:
        """Write what is new, through to the disk, and return the mark.

        Raises:
            OSError: it cannot be written; what was marked before stays.
        """
        new = history.evaluations[self._evaluations :]
        entry = {
            "losses": self._losses,
            "evaluations": self._evaluations,
            "loss": history.loss[self._losses :],
            "rate": history.rate[self._losses :],
            "new": [asdict(evaluation) for evaluation in new],
        }
        line = json.dumps(entry).encode() + b"\n"
        with self.path.open("r+b" if self._size else "wb") as file:
            file.truncate(self._size)  # what a killed process wrote after its last mark
            file.seek(self._size)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._content.update(line)
        self._size += len(line)
        self._losses, self._evaluations = len(history.loss), len(history.evaluations)
        return {"file": self.path.name, "size": self._size, "sha256": self._content.hexdigest()}


def read(folder: Path, mark: Mapping[str, Any]) -> History:
    """Return losses, rates and evaluations up to a mark.

    Raises:
        FileFormatError: the file is missing or damaged.
    """
    path = folder / Path(str(mark["file"])).name
    return _parsed(_content(path, mark), path)


def _content(path: Path, mark: Mapping[str, Any]) -> bytes:
    """Return the bytes that a mark means."""
    try:
        with path.open("rb") as file:
            content = file.read(int(mark["size"]))
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    if hashlib.sha256(content).hexdigest() != mark["sha256"]:
        raise _damaged(path, "it does not hold what the checkpoint says")
    return content


def _parsed(content: bytes, path: Path) -> History:
    history = History()
    try:
        for line in content.splitlines():
            entry = json.loads(line)
            for held, name in ((history.loss, "loss"), (history.rate, "rate")):
                held[entry["losses"] :] = map(float, entry[name])
            history.evaluations[entry["evaluations"] :] = (Evaluation(**e) for e in entry["new"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, f"a line is damaged ({error})") from error
    return history


def _damaged(path: Path, reason: str) -> FileFormatError:
    return FileFormatError(
        f"{path} cannot be read as the history of a run: {reason}. Use an intact copy of it.",
        path=str(path),
    )
