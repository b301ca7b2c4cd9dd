"""Disks that fail: one call on a file beneath a folder goes wrong, whichever is asked for."""

import builtins
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

#: What a call does instead of its work, given the name of the call, the work, and the bytes of a
#: write. It may do the work or a part of it.
Fault = Callable[[str, Callable[..., Any], Any], Any]

#: The functions of `os` that take paths or descriptors, by the names that are counted.
_OS = (
    *("open", "close", "fsync", "replace", "rename", "unlink", "remove", "link", "symlink"),
    *("mkdir", "rmdir", "scandir", "stat", "lstat", "fstat", "chmod", "chown", "fchmod", "fchown"),
    *("truncate", "ftruncate", "utime"),
)


def raising(error: BaseException) -> Fault:
    """Return a fault that raises; a descriptor is closed all the same, as by the system."""

    def fail(name: str, work: Callable[..., Any], data: Any) -> NoReturn:
        if name == "close":
            work()
        raise type(error)(*error.args)

    return fail


def failed(number: int) -> Fault:
    """Return a fault that is an error of the system."""
    return raising(OSError(number, os.strerror(number)))


def short(name: str, work: Callable[..., Any], data: Any) -> Any:
    """Write the first half only, at least a byte, and say so."""
    return work() if data is None else work(data[: len(data) // 2 or 1])


def killed(name: str, work: Callable[..., Any], data: Any) -> None:
    """Kill this process before the call, or half-way through a write."""
    if data is not None:
        work(data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


class Calls(list[str]):
    """The names of the calls so far, in their order."""

    def __init__(self, folder: Path, at: int | None, fault: Fault, lasting: bool) -> None:
        super().__init__()
        self._folder = folder.absolute()
        self._at = at
        self._fault = fault
        self._lasting = lasting
        self._descriptors: set[int] = set()

    def is_ours(self, place: Any) -> bool:
        """Tell whether a path or a descriptor is of a file beneath the folder."""
        if isinstance(place, int):
            return place in self._descriptors
        return Path(os.fsdecode(place)).absolute().is_relative_to(self._folder)

    def call(self, name: str, work: Callable[..., Any], data: Any = None) -> Any:
        """Count a call, and do its work or let it fail."""
        self.append(name)
        fails = len(self) == self._at
        if self._lasting and self._at is not None and len(self) > self._at:
            fails = name == self[self._at - 1]
        if fails:
            return self._fault(name, work, data)
        return work() if data is None else work(data)

    def replaced(self, name: str) -> Callable[..., Any]:
        """Return a function of `os` that is counted."""
        function = getattr(os, name)

        def counted(place: Any, *others: Any, **named: Any) -> Any:
            if not self.is_ours(place):
                return function(place, *others, **named)
            result = self.call(name, lambda: function(place, *others, **named))
            if name == "open":
                self._descriptors.add(result)
            elif name == "close":
                self._descriptors.discard(place)
            return result

        return counted

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        """Open a file as `open` does, whose writes are counted."""
        if isinstance(file, int) or not self.is_ours(file):
            return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if not set(mode) & set("wxa+"):
            return self.call(
                "open",
                lambda: _open(file, mode, buffering, encoding, errors, newline, closefd, opener),
            )
        raw_mode = mode.replace("b", "").replace("t", "")
        if opener is None:
            raw = self.call("open", lambda: _Raw(self, file, raw_mode))
        else:
            raw = _Raw(self, file, raw_mode, opener=opener)  # counts by itself
        self._descriptors.add(raw.fileno())
        if buffering == 0:
            return raw
        binary = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, encoding, errors, newline, line_buffering=buffering == 1)


class _Raw(io.FileIO):
    """A file whose writes and whose end are counted."""

    def __init__(self, calls: Calls, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._calls = calls

    def write(self, data: Any) -> int:
        written: int = self._calls.call("write", super().write, memoryview(data).cast("B"))
        return written

    def close(self) -> None:
        if not self.closed:
            self._calls.call("close", super().close)


_open = io.open


@contextmanager
def failing(
    folder: Path, at: int | None = None, fault: Fault = killed, lasting: bool = False
) -> Iterator[Calls]:
    """Let the ``at``-th call on files beneath ``folder`` fail, of those within the block.

    Counted are the functions of `os`, opening by `open` or `Path.open`, and the writes and the end
    of the files that are opened for writing. Reading is not, nor what C code does.

    Args:
        folder: where the files are.
        at: which call, from 1 on; None: none, they are only counted.
        fault: what it does instead.
        lasting: whether all later calls of the same name fail, too, as on a full disk.
    """
    calls = Calls(folder, at, fault, lasting)
    with ExitStack() as stack:
        for name in _OS:
            if hasattr(os, name):
                stack.enter_context(mock.patch.object(os, name, calls.replaced(name)))
        for module in (io, builtins):
            stack.enter_context(mock.patch.object(module, "open", calls.open))
        yield calls


def each_call(
    folder: Path, work: Callable[[], object], fault: Fault, lasting: bool = False
) -> Iterator[tuple[Calls, BaseException | None]]:
    """Do the same work again and again, each time with the next of its calls failing.

    Between two, the caller may look at the files and put them back.

    Yields:
        The calls, up to and after the one that failed, and what the work raised.
    """
    at = 0
    while True:
        at += 1
        raised: BaseException | None = None
        with failing(folder, at, fault, lasting) as calls:
            try:
                work()
            except BaseException as error:
                raised = error
        if len(calls) < at:
            return
        yield calls, raised
