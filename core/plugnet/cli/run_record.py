"""The small JSON files of a run: what it was made with, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from plugnet.errors import FileFormatError
from plugnet.files import bounded_json
from plugnet.files.atomic import save_text
from plugnet.files.opening import open_ordinary

MOST_BYTES = 2**22
VERSION = 1


class Record(NamedTuple):
    """What a run was made with.

    Attributes:
        config: the settings, as `plugnet.cli.config_file` writes them.
        identity: what must not change if it goes on; see `Trainer.identity`.
        files: the names of the files that its hooks have made.
        notes: what has changed nevertheless.
    """

    config: str
    identity: Mapping[str, str]
    files: Sequence[str] = ()
    notes: Sequence[str] = ()

    def write(self, path: Path) -> None:
        """Write it, wholly or not at all.

        Raises:
            OSError: it cannot be written.
        """
        write(
            path,
            {
                "version": VERSION,
                "config": self.config,
                "identity": dict(self.identity),
                "files": sorted(self.files),
                "notes": list(self.notes),
            },
        )

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return what `write` wrote.

        Raises:
            FileFormatError: it is missing, damaged or of a newer format.
        """
        match read(path):
            case {
                "version": 1,
                "config": str(config),
                "identity": dict(identity),
                "files": list(files),
                "notes": list(notes),
            } if all(isinstance(text, str) for text in (*identity.values(), *files, *notes)):
                return cls(config, identity, [name for name in files if _is_inside(name)], notes)
            case {"version": int(version)} if version > VERSION:
                reason = f"a newer plugnet wrote it (format {version}): pip install -U plugnet"
            case _:
                reason = "it lacks a part. Use an intact copy"
        raise FileFormatError(
            f"{path} must say what a run was made with, but {reason}.", path=str(path)
        )


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object, wholly or not at all.

    Raises:
        OSError: it cannot be written.
    """
    save_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read(path: Path) -> dict[str, Any]:
    """Return what `write` wrote.

    Raises:
        FileFormatError: it is missing or damaged.
    """
    with open_ordinary(path, "a file that plugnet train wrote") as file:
        content = file.read(MOST_BYTES + 1)
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        found = bounded_json.parse(content)
        if not isinstance(found, dict):
            raise TypeError("it is not a JSON object")
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(
            f"{path} must be a file that plugnet train wrote, but {error}. Use an intact copy.",
            path=str(path),
        ) from error
    return found


def _is_inside(name: str) -> bool:
    """Tell whether a name from a file leads to a file inside the folder."""
    path = Path(name)
    return bool(path.parts) and not path.anchor and ".." not in path.parts
