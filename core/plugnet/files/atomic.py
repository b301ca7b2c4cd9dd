"""Writing a file wholly or not at all."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from plugnet.arguments import file_path
from plugnet.files import process
from plugnet.files.advice import WRITING, explain_writing

#: The name of a temporary file. It holds its writer's mark, and is short, whatever the target's is.
_TEMPORARY = re.compile(r"\.plugnet-(\w+-\d+-\w+)-\w+\.tmp")

#: The folders that this process has locked, each with a check that it still has.
guards: dict[str, Callable[[], None]] = {}

#: The folders that this process has freed of what dead writers left.
_swept: set[str] = set()


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], check: Callable[[], None] | None = None
) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of ``path`` for writing, and put it in place at the end.

    A reader, or a process killed at any moment, sees the old file or the new one, never a part. If
    the block raises, the old file stays and the temporary one is removed; the next process that
    writes to the folder removes that of a process which was killed. The new file has the
    permissions of the old one. If ``path`` is a link, the file that it leads to is replaced.

    In a folder that this process has locked, it is checked first that the lock still holds.

    Args:
        path: the file.
        check: called when all is written, right before the old file is replaced; if it raises, the
            old file stays.

    Raises:
        ArgumentError: ``path`` is not a path.
        OSError: the file cannot be written, or ``path`` is there and not a file.
    """
    given = file_path("path", path)
    named = Path(given)
    temporary = folder = descriptor = None
    try:
        target, old = _target(named)
        folder = target.parent
        _sweep(folder)
        descriptor = _open_folder(folder)  # before the old file is gone
        temporary = folder / f".plugnet-{process.mark()}-{os.urandom(4).hex()}.tmp"
        mode = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o777
        opener = functools.partial(os.open, mode=mode)
        with open(temporary, "xb", opener=opener) as file:
            if old is not None:
                _keep_permissions(file.fileno(), old, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        for each in (*_guards_of(folder), *filter(None, [check])):
            each()
        temporary.replace(target)
        if descriptor is not None:
            _sync_folder(descriptor)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):  # which would hide the reason
                temporary.unlink()
        if isinstance(error, OSError) and _is_ours(error, named, folder, temporary):
            explain_writing(error, given)
        raise
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):  # nothing was written through it
                os.close(descriptor)


def _guards_of(folder: Path) -> Iterator[Callable[[], None]]:
    """Yield the checks of the locks on a folder and on those that it is in."""
    if guards:
        whole = folder.absolute()
        for each in (whole, *whole.parents):
            if str(each) in guards:
                yield guards[str(each)]


def save_text(
    path: str | os.PathLike[str], text: str, check: Callable[[], None] | None = None
) -> None:
    """Write ``text`` in UTF-8, its line ends as they are, wholly or not at all; see `replacing`.

    Raises:
        ArgumentError: ``path`` is not a path.
        UnicodeEncodeError: UTF-8 cannot hold the text.
        OSError: the file cannot be written.
    """
    content = text.encode()
    with replacing(path, check) as file:
        file.write(content)


def _target(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return the file behind links, and its status, None if there is none yet."""
    old = None
    with contextlib.suppress(FileNotFoundError):
        old = path.stat()
    if old is not None:
        if not stat.S_ISREG(old.st_mode):  # a folder; a device would be replaced for all
            raise OSError(errno.EEXIST, "This is there already, and it is not a file", str(path))
        if os.access(path, os.F_OK) and not os.access(path, os.W_OK):  # replacing gets round it
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return (path.resolve() if path.is_symlink() else path), old


def _sweep(folder: Path) -> None:
    """Remove what writers left that are surely dead, once per process."""
    key = str(folder.absolute())
    if key not in _swept:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                temporary = _TEMPORARY.fullmatch(entry.name)
                if temporary and process.is_running(temporary[1]) is False:
                    with contextlib.suppress(OSError):
                        Path(entry).unlink()
            _swept.add(key)


def _open_folder(folder: Path) -> int | None:
    """Open a folder whose names are to survive a power loss, where the system can do so."""
    if not hasattr(os, "O_DIRECTORY"):
        return None
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # one may write files to it but not list them
        return None


def _sync_folder(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise


def _keep_permissions(descriptor: int, old: os.stat_result, mode: int) -> None:
    """Give a new file owner, group and mode of the old one, as far as this user may."""
    if hasattr(os, "fchown"):
        for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with contextlib.suppress(OSError):
                os.fchown(descriptor, owner, group)
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, mode)  # last, because a new owner resets bits


def _is_ours(error: OSError, *ours: Path | None) -> bool:
    """Tell whether an error is one of writing; the block may also read other files."""
    if error.filename is None:
        return error.errno in WRITING
    return error.filename in map(str, ours)
