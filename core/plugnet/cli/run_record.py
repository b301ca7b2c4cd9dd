"""The small JSON files of a run: what it was made with, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from plugnet.errors import ConfigError, FileFormatError
from plugnet.files.atomic import replacing
from plugnet.files.opening import open_ordinary

MOST_BYTES = 2**20
VERSION = 1


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record, wholly or not at all.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(record, indent=2, allow_nan=False)
    with replacing(path) as file:
        file.write(f"{text}\n".encode())


def write_made_with(path: Path, identity: Mapping[str, str], files: Iterable[str]) -> None:
    """Write what `read_made_with` returns.

    Raises:
        OSError: it cannot be written.
    """
    write(path, {"version": VERSION, "identity": dict(identity), "files": sorted(files)})


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
        found = json.loads(content.decode())
        if not isinstance(found, dict):
            raise TypeError("it is not a JSON object")
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(
            f"{path} must be a file that plugnet train wrote, but {error}. Use an intact copy.",
            path=str(path),
        ) from error
    return found


def read_made_with(path: Path) -> tuple[dict[str, str], list[str]]:
    """Return what must not change if a run goes on, and the files that its hooks have made.

    See `Trainer.identity`.

    Raises:
        ConfigError: there is no such record, so it is no run that can be resumed.
        FileFormatError: it is damaged.
    """
    if not path.is_file():
        raise ConfigError(
            f"{path.parent} must be the folder of a run, to go on with it, but it has no "
            f"{path.name}. Begin it anew, without --resume.",
            key="resume",
        )
    found = read(path)
    match found:
        case {"version": 1, "identity": dict(identity), "files": list(files)}:
            known = {str(name): str(value) for name, value in identity.items()}
            return known, [name for name in files if isinstance(name, str) and is_inside(name)]
        case {"version": int(version)} if version > VERSION:
            reason = f"a newer plugnet wrote it (format {version}): pip install -U plugnet"
        case _:
            reason = "it lacks a part. Use an intact copy"
    raise FileFormatError(
        f"{path} must say what a run was made with, but {reason}.", path=str(path)
    )


def is_inside(name: str) -> bool:
    """Tell whether a name from a file leads to a file inside the folder."""
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
