"""A file of text, plain or gzipped, from a disk or from standard input, line by line."""

from __future__ import annotations

import codecs
import contextlib
import functools
import gzip
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from plugnet.errors import FileFormatError
from plugnet.files.beginnings import looks_like
from plugnet.files.budget import Budget
from plugnet.files.opening import open_ordinary
from plugnet_builtin.datasets.byte_stream import ByteStream
from plugnet_builtin.datasets.gzipped import Unpacked, is_gzipped

#: What stands for standard input instead of a file's path.
STDIN = "-"

#: A line of this many characters is an error.
_LONGEST_LINE = 1 << 24

#: Bytes that a character takes while the line is divided into cells, most of which are short.
_BYTES = 24


def wrong(path: str, line: int | None, says: str, column: str | int | None = None) -> Exception:
    """Return the error that a line of a file, or a column of it, is wrong.

    Args:
        path: the file.
        line: its line, from 1; None: the file as a whole.
        says: what is wrong; it goes on after the line and the column.
        column: the column's name, or its index from 0.
    """
    place = shown_path(path) if line is None else f"Line {line} of {shown_path(path)}"
    if column is not None:
        place += f", column {column!r}{' (from 0)' if isinstance(column, int) else ''},"
    return FileFormatError(f"{place} {says}.", path=path, line=line, column=column)


def shown_path(path: str) -> str:
    """Return the path as a message shows it."""
    return "standard input" if path == STDIN else repr(path)


class Lines:
    """The lines of a file in UTF-8, with their ends.

    Attributes:
        budget: of the file; what is made of its lines counts to it.
        held: how many characters of lines are held at once; who lets go of them sets it to 0.
    """

    def __init__(self, path: str, stream: io.RawIOBase, budget: Budget) -> None:
        """Take the bytes of the file."""
        buffered = io.BufferedReader(stream, 1 << 16)
        self._text = io.TextIOWrapper(buffered, "utf-8-sig", "surrogateescape", newline="")
        self._path, self.budget = path, budget
        self.held = self._may_hold = 0

    def __iter__(self) -> Iterator[str]:
        """Yield the lines.

        Raises:
            FileFormatError: a line is not text, or very long; or the data are damaged.
            BudgetError: the lines held would take more memory than they may.
        """
        read = functools.partial(self._text.readline, _LONGEST_LINE)
        try:
            for number, line in enumerate(iter(read, ""), 1):
                if len(line) == _LONGEST_LINE:
                    says = f"has more than {_LONGEST_LINE} characters"
                    raise wrong(self._path, number, says)
                if not line.isascii():
                    self._check(line, number)
                if "\0" in line:  # NumPy would take it for the end of a text
                    raise wrong(self._path, number, "has the character NUL. Is it text?")
                self.held += len(line)
                if self.held > self._may_hold:
                    self.budget.renewed().spend(self.held * _BYTES, f"the cells to line {number}")
                    self._may_hold = self.budget.limit // _BYTES
                yield line
        except gzip.BadGzipFile as error:
            raise _damaged(self._path, error) from None

    def _check(self, line: str, number: int) -> None:
        try:
            line.encode()
        except UnicodeEncodeError as error:
            byte = ord(line[error.start]) - 0xDC00
            says = f"must be text in UTF-8, but has the byte 0x{byte:02x}. Save it as UTF-8"
            raise wrong(self._path, number, says) from None


@contextlib.contextmanager
def open_lines(path: str, budget: int | None = None) -> Iterator[Lines]:
    """Open a file in UTF-8.

    Args:
        path: the file; ``~`` is the home folder, ``-`` standard input.
        budget: how many bytes it may take in memory, see `plugnet.files.budget`.

    Raises:
        FileFormatError: it cannot be read, or is not text in UTF-8.
        BudgetError: it unpacks to more than it may.
    """
    with contextlib.nullcontext(sys.stdin.buffer) if path == STDIN else open_ordinary(path) as file:
        size = 0 if path == STDIN else os.fstat(file.fileno()).st_size
        text = Budget("standard input" if path == STDIN else path, size, budget)
        made = text.renewed()

        def grow(count: int) -> None:
            text.size += count
            made.size = text.size

        head, stream = _peek(_Counted(file, grow) if path == STDIN else file)
        if is_gzipped(head):
            unpack = functools.partial(text.spend, what="the unpacked text")
            try:
                head, stream = _peek(_Counted(Unpacked(stream), unpack))
            except gzip.BadGzipFile as error:
                raise _damaged(path, error) from None
        _check_text(head, path)
        yield Lines(path, stream, made)


def _peek(stream: io.RawIOBase | BinaryIO) -> tuple[bytes, _Rejoined]:
    """Return the first bytes of a stream, and a stream that has them still."""
    head = stream.read(200) or b""
    return head, _Rejoined(head, stream)


def _damaged(path: str, error: gzip.BadGzipFile) -> Exception:
    says = f"is gzipped, but its data are damaged or cut short ({error})"
    return wrong(path, None, says)


def _check_text(head: bytes, path: str) -> None:
    kind = looks_like(head)
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        len(head) > 3 and any(head) and not (any(head[::2]) and any(head[1::2]))
    )
    if is_utf16:
        kind = "text in UTF-16. Save it as UTF-8; Excel calls that 'CSV UTF-8'"
    if kind != "text":
        raise wrong(path, None, f"must be text in UTF-8, but it is {kind}")


class _Rejoined(ByteStream):
    """A stream whose first bytes, ``head``, were read already."""

    def __init__(self, head: bytes, rest: io.RawIOBase | BinaryIO) -> None:
        self._head, self._rest = head, rest

    def next(self, most: int) -> bytes:
        block = self._head[:most]
        self._head = self._head[len(block) :]
        return block or self._rest.read(most) or b""


class _Counted(ByteStream):
    """A stream that tells how many bytes each reading gave."""

    def __init__(self, stream: io.RawIOBase | BinaryIO, tell: Callable[[int], None]) -> None:
        self._stream, self._tell = stream, tell

    def next(self, most: int) -> bytes:
        block = self._stream.read(most) or b""
        self._tell(len(block))
        return block
