"""What plugnet saves: named arrays, and a JSON document that says what they are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from plugnet.arrays import Array
from plugnet.errors import FileFormatError
from plugnet.files import safetensors

VERSION = 2
KEY = "plugnet"  # of the document in the file's metadata


def write(
    path: str | os.PathLike[str], arrays: Mapping[str, Array], document: Mapping[str, Any]
) -> None:
    """Write both to one safetensors file, wholly or not at all.

    Raises:
        FileFormatError: an array has a dtype that the format lacks.
        OSError: the file cannot be written.
    """
    text = json.dumps({"version": VERSION, **document})
    safetensors.write(path, arrays, {KEY: text})


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and the document that `write` wrote.

    Raises:
        FileFormatError: the file is missing or damaged, or another program or a newer plugnet
            wrote it.
    """
    arrays, metadata = safetensors.read(path)
    if KEY not in metadata:
        raise _refused(path, "another program wrote it: it does not describe a network")
    if "sha256" not in metadata:
        raise _refused(path, "its SHA-256 digest is missing")
    try:
        document = json.loads(metadata[KEY])
        version = document.pop("version")
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise _refused(path, f"its description is damaged ({error})") from error
    if version != VERSION:
        raise _refused(path, f"its version is {version}, and this plugnet reads {VERSION}")
    return arrays, document


def _refused(path: str | os.PathLike[str], reason: str) -> FileFormatError:
    return FileFormatError(
        f"{os.fspath(path)} cannot be loaded: {reason}. Use a file that Network.save or "
        "Trainer.save of this version wrote.",
        path=os.fspath(path),
    )
