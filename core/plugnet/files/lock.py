"""A lock on a folder, so that one process at a time writes there.

The lock is the file ``.lock``, which names its owner, for as long as the owner lives. One on the
same host is looked up. One on another host keeps the file locked (`flock`) where the system can do
so, and otherwise, as on some network file systems, must keep changing the file's time.

Only one process may replace or remove the file: the one that makes a second file, whose name says
whose lock it is about, and then finds the first one unchanged. So it does not matter how many
processes see at once that an owner is dead. The second file is a lock of the same kind, in case its
owner dies, too.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import stat
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

#: Bytes of a lock's file that are read; it has some hundred and the folder's path.
_LONGEST = 1 << 16

_held: weakref.WeakSet[Lock] = weakref.WeakSet()
#: What the files say that belong to locks of this process which are held, or about to be.
_written: set[bytes] = set()


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
    own = {lock._content, lock._claim}
    try:
        _written.update(own)
        lock._acquire()
        guards[str(lock._path.parent)] = lock.check
        yield lock
    finally:
        guards.pop(str(lock._path.parent), None)
        lock._release()
        _written.difference_update(own)


class Lock:
    """A lock that is held; see `locked`.

    Attributes:
        folder: what is locked.
    """

    def __init__(self, folder: str, patience: float) -> None:
        self.folder = folder
        self._path = Path(folder, FILE).absolute()
        self._patience = patience
        self._real = os.path.realpath(folder)
        self._pid = os.getpid()
        self._descriptor: int | None = None  # of the file, where the system locks it
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._has_flock = self._can_flock()
        owner = {
            "pid": self._pid,
            "host": platform.node(),
            "process": process.mark(),
            "folder": self._real,
            "token": os.urandom(8).hex(),
        }
        self._claim = json.dumps(owner).encode()  # what is in a second file
        self._content = json.dumps(owner | {"has_flock": self._has_flock}).encode()

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
            while not (self._take(self._path) and self._keep()):
                time.sleep(0.001)  # its owner changed in the meantime
            self._clear()
            if not self._has_flock:
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
            if _read(self._path) == self._content:
                marker = self._marker(self._content)
                if _make(marker, self._claim):  # or else someone takes the lock over
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

    def _keep(self) -> bool:
        """Keep the file locked where the system can, and return whether it is still ours."""
        if self._has_flock:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR)
                _held.add(self)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, FileNotFoundError):  # taken before it was locked
                self._close()
                return False
        if _read(self._path) == self._content:
            return True
        self._close()
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
        content = self._content if path == self._path else self._claim
        if _make(path, content):
            return True
        found = _read(path)
        if found is None or found == content:
            return found is not None
        with contextlib.ExitStack() as stack:
            self._check_dead(path, found, stack)
            marker = self._marker(found)
            if not self._take(marker):
                return False
            stack.callback(marker.unlink, missing_ok=True)

            def unchanged() -> None:
                if _read(path) != found:
                    raise _ChangedError

            with contextlib.suppress(_ChangedError):
                save_text(path, content.decode(), unchanged)
                return True
        return False

    def _marker(self, content: bytes) -> Path:
        """Return the file that gives one process the right to replace what has that content."""
        digest = hashlib.sha256(content).hexdigest()[:16]
        return self._path.with_name(f"{FILE}-{digest}")

    def _clear(self) -> None:
        """Remove markers about former owners. Ours stays: someone may believe that we are dead."""
        for marker in self._path.parent.glob(f"{FILE}-*"):
            if marker != self._marker(self._content):
                marker.unlink(missing_ok=True)

    def _check_dead(self, path: Path, found: bytes, stack: contextlib.ExitStack) -> None:
        """Check that the owner of a file is dead, or the file gone.

        Where the system locks it, it stays locked until ``stack`` ends, so that an owner which has
        only begun cannot lock it meanwhile.

        Raises:
            LockedError: the owner lives, or it cannot be known whether it does.
        """
        owner = _Owner(found)
        is_running = owner.is_running() and not _is_left(found)
        is_elsewhere = owner.folder != self._real and owner.has_flock and self._has_flock
        if is_running and not is_elsewhere:  # else it is a copy, or was moved: flock will tell
            raise self._refused(owner)
        if owner.has_flock and self._has_flock:
            try:
                file = stack.enter_context(path.open("rb+"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except FileNotFoundError:
                return
            except BlockingIOError:
                raise self._refused(owner) from None
        elif owner.has_flock and is_running is None:  # it gives no signs of life
            raise self._refused(owner, f" If it no longer runs, delete {path}.")
        elif is_running is None:
            self._watch(path)

    def _watch(self, path: Path) -> None:
        """Wait for signs of life of a file's owner.

        Raises:
            LockedError: there is one.
        """
        before = now = _seen(path)
        end = time.monotonic() + self._patience
        while time.monotonic() < end and now is not None:
            if now != before:
                raise self._refused(_Owner(now[0]))
            time.sleep(self._patience / 300)
            now = _seen(path)

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
        folder: what it has locked; "" if the file does not say so.
    """

    def __init__(self, content: bytes) -> None:
        self.name: str | None = None
        self.folder = ""
        self.has_flock = False
        self._mark = ""
        try:
            found: Any = json.loads(content)
            self.name = f"process {found['pid']} on {found['host']}"
            self.has_flock = found.get("has_flock") is True
            self.folder = str(found["folder"])
            self._mark = str(found["process"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass  # it is being written, or its owner died at that

    def __str__(self) -> str:
        return self.name or "another process"

    def is_own(self) -> bool:
        return self._mark == process.mark()

    def is_running(self) -> bool | None:
        try:
            return process.is_running(self._mark)
        except ValueError:  # not a mark
            return None


def _is_left(content: bytes) -> bool:
    """Tell whether this process has made a file, but could not remove it at the end."""
    return _Owner(content).is_own() and content not in _written


def _make(path: Path, content: bytes) -> bool:
    """Make a file with some content; return False if there is one."""
    try:
        with path.open("xb") as file:
            try:
                file.write(content)
                file.flush()
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        return False
    return True


def _read(path: Path) -> bytes | None:
    """Return a file's content; None if there is none."""
    seen = _seen(path)
    return None if seen is None else seen[0]


def _seen(path: Path) -> tuple[bytes, int] | None:
    """Return a file's content and its time. Opening it gets these from a server, not a cache."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # it would be waited for
            raise OSError(errno.EEXIST, "This is there already, and it is not a file", str(path))
        with path.open("rb") as file:
            return file.read(_LONGEST), os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None


def _after_fork() -> None:
    """Close the copies of locked files, which would keep the locks after their owner's death."""
    for lock in _held:
        lock._close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
