"""A lock on a folder, so that one process at a time writes there.

The lock is the file ``.lock``, which names its owner. Where the system can lock files (`flock`),
the owner keeps it locked, and the system frees it whenever the owner ends. Elsewhere, as on some
network file systems, the file itself is the lock for as long as its owner lives: a process of the
same host is looked up, and one of another host must keep changing the file's time.

Only one process may replace or remove the file of such an owner: the one that makes a second file,
whose name says whose lock it is about, and then finds the first one unchanged. So it does not
matter how many processes see at once that an owner is dead. The second file is a lock of the same
kind, in case its owner dies, too.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plugnet.arguments import file_path
from plugnet.errors import LockedError
from plugnet.files import process
from plugnet.files.advice import explain_writing
from plugnet.files.atomic import guards, save_text

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = ".lock"
#: How flock says that a file system has no locks.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
#: Seconds without a sign of life after which an owner on another host counts as dead.
_PATIENCE = 30.0

_held: weakref.WeakSet[Lock] = weakref.WeakSet()


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str], patience: float = _PATIENCE) -> Iterator[Lock]:
    """Hold the lock of a folder within the block.

    Args:
        folder: an existing folder.
        patience: seconds without a sign of life after which an owner on another host counts as
            dead, where the system cannot lock files. All processes must use the same.

    Raises:
        ArgumentError: ``folder`` is not a path.
        LockedError: another process, or another block of this one, holds it.
        OSError: the folder cannot be written.
    """
    lock = Lock(file_path("folder", folder), patience)
    try:
        lock._acquire()
        guards[str(lock._path.parent)] = lock.check
        yield lock
    finally:
        guards.pop(str(lock._path.parent), None)
        lock._release()


class Lock:
    """A lock that is held; see `locked`.

    Attributes:
        folder: what is locked.
    """

    def __init__(self, folder: str, patience: float) -> None:
        self.folder = folder
        self._path = Path(folder, FILE).absolute()
        self._patience = patience
        self._pid = os.getpid()
        self._descriptor: int | None = None  # of the file, where the system locks it
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._has_flock = self._can_flock()
        self._content = json.dumps(
            {
                "pid": self._pid,
                "host": platform.node(),
                "process": process.mark(),
                "has_flock": self._has_flock,
                "token": os.urandom(8).hex(),
            }
        ).encode()

    def check(self) -> None:
        """Check that the lock is still held. A forked process may do so for its parent.

        Raises:
            LockedError: another process has taken it over, or its file was deleted.
        """
        found = _read(self._path)
        if found != self._content:
            owner = _Owner(found or b"")
            reason = f"{owner} has taken it over" if found is not None else "its file was deleted"
            raise LockedError(
                f"{self.folder} must stay locked while it is written to, but {reason}. Choose "
                "another folder.",
                path=self.folder,
                owner=owner.name,
            )

    def _acquire(self) -> None:
        try:
            while _read(self._path) != self._content:  # or its owner changed in the meantime
                if self._has_flock:
                    self._flock()
                else:
                    self._take(self._path)
            if not self._has_flock:
                self._clear()
                self._thread = threading.Thread(target=self._beat, daemon=True)
                self._thread.start()
        except OSError as error:
            explain_writing(error, self._path)
            raise

    def _release(self) -> None:
        if os.getpid() != self._pid:  # a forked process: the lock is its parent's
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with contextlib.suppress(OSError):
            if self._has_flock:
                if self._is_in_place() and _read(self._path) in (self._content, b""):
                    self._path.unlink()
            elif _read(self._path) == self._content:
                marker = self._marker(self._content)
                if self._make(marker):  # or else someone takes the lock over
                    if _read(self._path) == self._content:
                        self._path.unlink()
                    marker.unlink()
        self._close()

    # Where the system locks files -----------------------------------------------------------------

    def _can_flock(self) -> bool:
        """Tell whether files in the folder can be locked, by a file without a name."""
        if fcntl is None:
            return False
        from tempfile import TemporaryFile  # late: it is not needed to write a file

        try:
            with TemporaryFile(dir=self._path.parent) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return False
            explain_writing(error, self._path)
            raise
        return True

    def _flock(self) -> None:
        """Lock the file and write it, if it is still the folder's after that."""
        self._close()
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        _held.add(self)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _Owner(_read(self._path) or b"")
            self._close()
            raise self._refused(owner) from None
        if not self._is_in_place():  # whoever held it has removed it
            return
        found = _read(self._path)
        if found and not _Owner(found).has_flock:
            self._await_end(self._path, found)
        os.pwrite(self._descriptor, self._content, 0)
        os.ftruncate(self._descriptor, len(self._content))

    def _is_in_place(self) -> bool:
        """Tell whether the file that is open is the one in the folder."""
        if self._descriptor is None:
            return False
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        return False

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):
                os.close(descriptor)

    # Where the file itself is the lock ------------------------------------------------------------

    def _take(self, path: Path) -> bool:
        """Make a file ours, if it has no owner or a dead one; return False to try again.

        Raises:
            LockedError: it has an owner.
        """
        if self._make(path):
            return True
        found = _read(path)
        if found is None:
            return False
        self._await_end(path, found)
        marker = self._marker(found)
        if not self._take(marker):
            return False

        def unchanged() -> None:
            if _read(path) != found:
                raise _ChangedError

        try:
            save_text(path, self._content.decode(), unchanged)
        except _ChangedError:
            return False
        finally:
            with contextlib.suppress(OSError):
                marker.unlink()
        return True

    def _make(self, path: Path) -> bool:
        """Make a file that names us; return False if there is one."""
        try:
            with path.open("xb") as file:
                try:
                    file.write(self._content)
                    file.flush()
                except BaseException:
                    path.unlink()
                    raise
        except FileExistsError:
            return False
        return True

    def _marker(self, content: bytes) -> Path:
        """Return the file that gives one process the right to replace what has that content."""
        digest = hashlib.sha256(content).hexdigest()[:16]
        return self._path.with_name(f"{FILE}-{digest}")

    def _clear(self) -> None:
        """Remove markers about former owners. Ours stays: someone may believe that we are dead."""
        for marker in self._path.parent.glob(f"{FILE}-*"):
            if marker != self._marker(self._content):
                marker.unlink(missing_ok=True)

    def _await_end(self, path: Path, found: bytes) -> None:
        """Return if the owner of a file is dead, or the file is gone.

        Raises:
            LockedError: the owner lives, or it cannot be known whether it does.
        """
        owner = _Owner(found)
        is_running = owner.is_running()
        if is_running is False:
            return
        if is_running:
            raise self._refused(owner)
        if owner.has_flock:  # it gives no signs of life
            raise self._refused(owner, f" If it no longer runs, delete {path}.")
        before = _seen(path)
        end = time.monotonic() + self._patience
        while time.monotonic() < end:
            time.sleep(self._patience / 30)
            now = _seen(path)
            if now is None:
                return
            if now != before:
                raise self._refused(_Owner(now[0]))

    def _beat(self) -> None:
        """Give signs of life, which other hosts can see, until the lock is lost or released."""
        while not self._ended.wait(self._patience / 6):
            with contextlib.suppress(OSError):
                if _read(self._path) != self._content:
                    return
                os.utime(self._path)

    def _refused(self, owner: _Owner, hint: str = "") -> LockedError:
        return LockedError(
            f"{self.folder} must have one writer at a time, but {owner} writes to it. Wait until "
            f"it ends, or choose another folder.{hint}",
            path=self.folder,
            owner=owner.name,
        )


class _ChangedError(Exception):
    """Someone else has replaced a file."""


class _Owner:
    """Who holds a lock, as its file says.

    Attributes:
        name: number and host; None if the file does not say so.
        has_flock: whether the system frees the lock.
    """

    def __init__(self, content: bytes) -> None:
        self.name: str | None = None
        self.has_flock = False
        self._mark = ""
        try:
            found: Any = json.loads(content)
            self.name = f"process {found['pid']} on {found['host']}"
            self.has_flock = found["has_flock"] is True
            self._mark = str(found["process"])
        except (ValueError, TypeError, KeyError, RecursionError):
            pass  # it is being written, or its owner died at that

    def __str__(self) -> str:
        return self.name or "another process"

    def is_running(self) -> bool | None:
        try:
            return process.is_running(self._mark)
        except ValueError:  # not a mark
            return None


def _read(path: Path) -> bytes | None:
    """Return a file's content; None if there is none."""
    seen = _seen(path)
    return None if seen is None else seen[0]


def _seen(path: Path) -> tuple[bytes, int] | None:
    """Return a file's content and its time. Opening it gets these from a server, not a cache."""
    try:
        with path.open("rb") as file:
            return file.read(), os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None


def _after_fork() -> None:
    """Close the copies of locked files, which would keep the locks after their owner's death."""
    for lock in _held:
        lock._close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
