"""Opening a file that someone else wrote: only an ordinary one, and never waiting for it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from plugnet.errors import FileFormatError
from plugnet.files.advice import READING

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_ordinary(path: str | os.PathLike[str], what: str = "a readable file") -> BinaryIO:
    """Open an ordinary file for reading bytes.

    A named pipe or a device would be waited for, possibly for ever, so it is refused at once.

    Args:
        path: the file.
        what: what it should be, for the error.

    Raises:
        FileFormatError: it does not exist, is not an ordinary file, or cannot be opened.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # a Path would not take bytes
        if stat.S_ISREG(mode):
            with contextlib.ExitStack() as stack:
                file = stack.enter_context(os.fdopen(os.open(path, _FLAGS), "rb"))
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # not replaced in the meantime
                    stack.pop_all()
                    return file
    except (OSError, ValueError) as error:
        raise unreadable(path, what, error) from error
    raise _refused(path, what, f"it is {_kind(mode)}. {_instead(mode)}".strip())


def list_folder(path: str, contents: str) -> list[Path]:
    """Return the sorted paths of what a folder holds.

    Args:
        path: the folder.
        contents: what it should hold, for the error.

    Raises:
        FileFormatError: it does not exist, is not a folder, or may not be read.
    """
    try:
        return sorted(Path(path).iterdir())
    except (OSError, ValueError) as error:
        raise unreadable(path, f"a folder with {contents}", error) from error


def unreadable(path: str | os.PathLike[str], what: str, error: Exception) -> FileFormatError:
    """Return the error for a file that the system did not let us read, with what to do."""
    reason = str(getattr(error, "strerror", None) or error)
    advice = READING.get(getattr(error, "errno", None) or 0, "")
    return _refused(path, what, f"{reason} ({advice})." if advice else f"{reason}.")


def _refused(path: str | os.PathLike[str], what: str, reason: str) -> FileFormatError:
    path = os.fspath(path)
    return FileFormatError(f"{path!r} must be {what}, but: {reason}", path=path)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device or a socket"


def _instead(mode: int) -> str:
    return "" if stat.S_ISDIR(mode) else "Copy what it gives into a file first."
