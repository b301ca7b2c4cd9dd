"""One Parquet file that someone else wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from plugnet.errors import FileFormatError, PlugnetError
from plugnet.files.beginnings import looks_like
from plugnet.files.opening import open_ordinary


class File(NamedTuple):
    """A file whose end was read, which says what is in it.

    Attributes:
        path: the file.
        size: in bytes.
        changed: when it was changed, in ns.
        metadata: what its end says, as pyarrow has it.
    """

    path: str
    size: int
    changed: int
    metadata: Any


@contextmanager
def opened(path: str, known: File | None = None) -> Iterator[tuple[Any, File]]:
    """Open a file for reading.

    Whatever is wrong with it, also within the ``with``, becomes a FileFormatError.

    Args:
        path: the file.
        known: what was found when it was opened before: it must be the same file, whose end is not
            read again.
    """
    with open_ordinary(path, "a Parquet file") as ordinary:
        status = os.fstat(ordinary.fileno())
        head = ordinary.read(200)
    try:
        if not head.startswith(b"PAR1"):
            found = "it is encrypted" if head.startswith(b"PARE") else f"it is {looks_like(head)}"
            raise ValueError(found)
        if known is not None and known[1:3] != (status.st_size, status.st_mtime_ns):
            raise ValueError("it has been replaced since it was looked at. Read it again")
        with pq.ParquetFile(path, metadata=None if known is None else known.metadata) as reader:
            yield reader, File(path, status.st_size, status.st_mtime_ns, reader.metadata)
    except (PlugnetError, MemoryError):
        raise
    except Exception as error:  # pyarrow raises many kinds on damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FileFormatError(
            f"{path!r} must be a Parquet file that can be read, but: {reason.rstrip('.')}.",
            path=path,
        ) from error
