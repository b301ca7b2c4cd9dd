"""A file of text, plain or gzipped, from a disk or from standard input, line by line."""

from __future__ import annotations

import codecs
import contextlib
import functools
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from plugnet.errors import FileFormatError
from plugnet_builtin.datasets.untrusted_file import looks_like, open_file, unpack_limit

#: What stands for standard input instead of a file's path.
STDIN = "-"

#: A line of this many characters is an error.
_LONGEST_LINE = 1 << 24


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


@contextlib.contextmanager
def open_lines(path: str) -> Iterator[Iterator[str]]:
    """Open a file in UTF-8 and give its lines, with their ends.

    Args:
        path: the file; ``~`` is the home folder, ``-`` standard input.

    Raises:
        FileFormatError: it cannot be read, is not text in UTF-8, or unpacks to far more than its
            size.
    """
    with _open(path) as file:
        stream = _Rejoined(file.read(200), file)
        if stream.head.startswith(b"\x1f\x8b"):
            unpacked = _Unpacked(stream, path)
            stream = _Rejoined(unpacked.read(200), unpacked)
        _check_text(stream.head, path)
        buffered = io.BufferedReader(cast(io.RawIOBase, stream), 1 << 16)
        yield _lines(io.TextIOWrapper(buffered, "utf-8-sig", "surrogateescape", newline=""), path)


def _open(path: str) -> contextlib.AbstractContextManager[BinaryIO]:
    return contextlib.nullcontext(sys.stdin.buffer) if path == STDIN else open_file(path)


def _check_text(head: bytes, path: str) -> None:
    kind = looks_like(head)
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        len(head) > 3 and any(head) and not (any(head[::2]) and any(head[1::2]))
    )
    if is_utf16:
        kind = "text in UTF-16. Save it as UTF-8; Excel calls that 'CSV UTF-8'"
    if kind != "text":
        raise wrong(path, None, f"must be text in UTF-8, but it is {kind}")


def _lines(text: io.TextIOWrapper, path: str) -> Iterator[str]:
    read = functools.partial(text.readline, _LONGEST_LINE)
    for number, line in enumerate(iter(read, ""), 1):
        if len(line) == _LONGEST_LINE:
            raise wrong(path, number, f"has more than {_LONGEST_LINE} characters")
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError as error:
                byte = ord(line[error.start]) - 0xDC00
                says = f"must be text in UTF-8, but has the byte 0x{byte:02x}. Save it as UTF-8"
                raise wrong(path, number, says) from None
        yield line


class _Rejoined(io.RawIOBase):
    """A stream of which the first bytes, ``head``, were read already.

    Attributes:
        head: those bytes.
        count: how many bytes were read from here.
    """

    def __init__(self, head: bytes, rest: BinaryIO | io.RawIOBase) -> None:
        self.head, self.count = head, 0
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        block = self.head[self.count : self.count + len(buffer)]
        block = block or self._rest.read(len(buffer)) or b""
        buffer[: len(block)] = block
        self.count += len(block)
        return len(block)


class _Unpacked(io.RawIOBase):
    """What gzipped data hold, as long as they unpack to a size in proportion to their own."""

    def __init__(self, packed: _Rejoined, path: str) -> None:
        self._packed, self._path, self._count = packed, path, 0
        self._file = gzip.GzipFile(fileobj=packed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            block = self._file.read1(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            says = f"is gzipped, but its data are damaged or cut short ({error})"
            raise wrong(self._path, None, says) from None
        buffer[: len(block)] = block
        self._count += len(block)
        if self._count > unpack_limit(self._packed.count):
            says = (
                "unpacks to far more than its size, as if made to fill the memory. Unpack it first"
            )
            raise wrong(self._path, None, says)
        return len(block)
