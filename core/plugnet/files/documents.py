"""What plugnet saves: named arrays, and a JSON document that says what they are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from plugnet.arrays import Array
from plugnet.errors import FileFormatError
from plugnet.files import bounded_json, safetensors
from plugnet.files.budget import Budget
from plugnet.files.migrations import MIGRATIONS

#: The version that is written. Older ones are read, too: see `plugnet.files.migrations`.
VERSION = 3
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


def read(
    path: str | os.PathLike[str], budget: int | None = None
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and the document that `write` of this or an older plugnet wrote.

    Args:
        path: the file.
        budget: how many bytes of memory it may take; None: see `Budget`.

    Raises:
        FileFormatError: the file is missing or damaged, or another program or a newer plugnet
            wrote it.
        BudgetError: it would take more memory than it may.
    """
    arrays, metadata = safetensors.read(path, budget)
    if KEY not in metadata:
        raise _refused(path, "another program wrote it: it does not describe a network")
    if "sha256" not in metadata:
        raise _refused(path, "its SHA-256 digest is missing")
    text = metadata[KEY].encode(errors="surrogatepass")
    spent = Budget(path, len(text) + sum(array.nbytes for array in arrays.values()), budget)
    spent.spend(bounded_json.COST * len(text), "The description")
    try:
        document = bounded_json.parse(text, strict=False)  # a metric may be NaN
        version = document.pop("version")
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise _refused(path, f"its description is damaged ({error})") from error
    if type(version) is not int or version < 1:
        raise _refused(path, f"its format is {version!r}, which no plugnet has written")
    if version > VERSION:
        raise FileFormatError(
            f"{os.fspath(path)} cannot be loaded: it was written by a newer plugnet (format "
            f"{version}); this one reads up to {VERSION}: pip install -U plugnet.",
            path=os.fspath(path),
        )
    try:
        for older in range(version, VERSION):
            arrays, document = MIGRATIONS[older](arrays, document)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise _refused(path, f"its description of format {version} is damaged ({error})") from error
    return arrays, document


def _refused(path: str | os.PathLike[str], reason: str) -> FileFormatError:
    return FileFormatError(
        f"{os.fspath(path)} cannot be loaded: {reason}. Use an intact copy of a file that "
        "Network.save, Model.save or Trainer.save wrote.",
        path=os.fspath(path),
    )
