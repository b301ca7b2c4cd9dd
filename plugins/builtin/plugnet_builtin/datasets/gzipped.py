"""Gzipped data, unpacked as they are read, whatever they are."""

from __future__ import annotations

import gzip
import zlib
from typing import Protocol

from plugnet_builtin.datasets.byte_stream import ByteStream

#: Packed bytes that are read at a time.
_PIECE = 1 << 16

#: Gzipped data are one or more members: at most the first number, and one more for each time that
#: they hold the second number of bytes. bgzip writes members of up to 64 KiB; empty ones only cost
#: time.
MOST_MEMBERS, _MEMBER = 1000, 1024


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes | None: ...


def is_gzipped(head: bytes) -> bool:
    """Tell whether a file that begins with ``head`` is gzipped."""
    return head.startswith(b"\x1f\x8b")


class Unpacked(ByteStream):
    """What a stream of gzipped data holds; reading it takes little more than is asked for.

    Reading raises `gzip.BadGzipFile` where the data are damaged or cut short.
    """

    def __init__(self, packed: Readable) -> None:
        self._packed, self._rest = packed, b""
        self._member = zlib.decompressobj(wbits=31)
        self._members, self._count = 1, 0

    def next(self, most: int) -> bytes:
        while True:
            if self._member.eof:
                self._rest = self._member.unused_data.lstrip(b"\0")  # tapes are padded
                while not self._rest:
                    piece = self._packed.read(_PIECE)
                    if not piece:
                        return b""
                    self._rest = piece.lstrip(b"\0")
                self._begin_member()
            self._rest = self._rest or self._packed.read(_PIECE) or b""
            if not self._rest:
                raise gzip.BadGzipFile("they end within a block")
            try:
                block = self._member.decompress(self._rest, most)
            except zlib.error as error:
                raise gzip.BadGzipFile(str(error)) from None
            self._rest = self._member.unconsumed_tail
            if block:
                self._count += len(block)
                return block

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > MOST_MEMBERS + self._count // _MEMBER:
            raise gzip.BadGzipFile(
                f"they are more than {MOST_MEMBERS} members with hardly any content; unpack the "
                "file first if you trust it"
            )
        self._member = zlib.decompressobj(wbits=31)
