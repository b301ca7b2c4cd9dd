"""Writing a file wholly or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from plugnet.arguments import file_path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of ``path`` for writing, and put it in place at the end.

    A reader, or a process killed at any moment, sees the old file or the new one, never a part. If
    the block raises, the old file stays and the temporary one is removed.

    Raises:
        ArgumentError: ``path`` is not a path.
        OSError: the folder cannot be written, the disk is full, or ``path`` is there and no file.
    """
    target = Path(file_path("path", path))
    if target.exists() and not target.is_file():  # a folder; a device would be replaced for all
        raise OSError(errno.EEXIST, "This is there already, and it is not a file", str(target))
    writer = f"{os.getpid()}-{threading.get_ident()}"
    temporary = target.with_name(f".{target.name}.{writer}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):  # which would hide the reason
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(target)  # what the user asked for
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power loss, where the system can do so."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
