"""Journal: a history in a file that is only ever appended to, so that saving stays cheap."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from plugnet.arguments import integer, number
from plugnet.errors import FileFormatError
from plugnet.evaluation import Evaluation
from plugnet.files import bounded_json
from plugnet.files.opening import open_ordinary
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
            file.seek(self._size)  # over what a failed call has left
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
    size = integer("size", mark["size"], at_least=0)
    with open_ordinary(path, "the history of a run") as file:
        content = file.read(size) if size <= os.fstat(file.fileno()).st_size else b""
    if len(content) < size or hashlib.sha256(content).hexdigest() != mark["sha256"]:
        raise _damaged(path, "it does not hold what the checkpoint says")
    return content


def _parsed(content: bytes, path: Path) -> History:
    history = History()
    try:
        for line in content.splitlines():
            entry = bounded_json.parse(line, strict=False)  # a metric may be NaN
            losses = integer("losses", entry["losses"], at_least=0)
            for held, name in ((history.loss, "loss"), (history.rate, "rate")):
                held[losses:] = (number(name, value) for value in entry[name])
            before = integer("evaluations", entry["evaluations"], at_least=0)
            history.evaluations[before:] = map(evaluation_of, entry["new"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise _damaged(path, f"a line is damaged ({error})") from error
    return history


def _damaged(path: Path, reason: str) -> FileFormatError:
    return FileFormatError(
        f"{path} cannot be read as the history of a run: {reason}. Use an intact copy of it.",
        path=str(path),
    )


def evaluation_of(entry: Mapping[str, Any]) -> Evaluation:
    """Return an evaluation as it is in a file.

    Raises:
        ValueError: a value is out of range; or KeyError, TypeError: it is something else.
    """
    match entry:
        case {
            "iteration": int(iteration),
            "loss": int() | float() as loss,
            "metrics": dict(metrics),
            "part": "validation" | "test" as part,
        } if len(entry) == 4 and iteration >= 0:
            held = {str(name): float(value) for name, value in metrics.items()}
            return Evaluation(iteration, float(loss), held, part)
    raise ValueError(f"this is no evaluation: {str(entry)[:80]}")
