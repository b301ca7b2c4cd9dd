"""Streams of bytes that are made from other streams."""

from __future__ import annotations

import io
from abc import abstractmethod


class ByteStream(io.RawIOBase):
    """A stream to read; a subclass says what comes next."""

    @abstractmethod
    def next(self, most: int) -> bytes:
        """Return at least one byte, up to the given number, or b"" at the end."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        block = self.next(len(buffer))
        buffer[: len(block)] = block
        return len(block)
