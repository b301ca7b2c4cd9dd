"""Processes, told apart from others that had or will have the same number."""

from __future__ import annotations

import functools
import os
import platform
import zlib
from pathlib import Path

_UNKNOWN = "0"


def mark() -> str:
    """Return a short text that no other process has: host, number and start, as "a1-42-b2"."""
    pid = os.getpid()
    return f"{_host()}-{pid}-{_start(pid)}"


def is_running(mark: str) -> bool | None:
    """Tell whether the process with that mark is running; None if it cannot be known from here."""
    host, pid, start = mark.split("-")
    if host != _host() or os.name != "posix":
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's, or not a number of a process
        pass
    now = _start(int(pid))
    return None if _UNKNOWN in (now, start) else now == start


@functools.cache
def _host() -> str:
    """Return a name for the host and its numbers of processes, of which each container has its own.

    It stays the same when the system starts anew, so that what died with it can be recognised.
    """
    try:
        numbers = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbers = ""  # not Linux: one for all
    return _short(platform.node() + numbers)


def _start(pid: int) -> str:
    """Return when a process started; another text if it is dead but not yet collected."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (OSError, ValueError):
        return _UNKNOWN
    threads, start = fields[16], fields[18]
    if state in "ZX" and int(threads) <= 1:  # a thread that is ending may still be writing
        return "dead"
    return _short(boot + start)


def _short(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
