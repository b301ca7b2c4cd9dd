"""A table in one Parquet file, or in the files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from plugnet.arrays import Array
from plugnet.errors import FileFormatError, PlugnetError, listed
from plugnet.files.beginnings import looks_like
from plugnet.files.opening import list_folder, open_ordinary

#: Cells that are read at a time when all rows are looked at, and the most rows.
_CELLS, _ROWS = 1 << 20, 1 << 15


@dataclass(frozen=True)
class Table:
    """A table in the files of one path.

    Attributes:
        path: the file or folder.
        files: its files, sorted.
        names: the names of the columns, the same in each file.
        types: for each column its Arrow types in the files.
        groups: for each group of rows its file, its number there and its rows.
        size: of all files, in bytes.
    """

    path: str
    files: Sequence[str]
    names: tuple[str, ...]
    types: dict[str, list[Any]]
    groups: Sequence[tuple[str, int, int]]
    size: int

    @classmethod
    def of(cls, path: str) -> Table:
        """Look at the files' ends, which say what is in them.

        Raises:
            FileFormatError: one cannot be read, or their columns differ.
        """
        files = files_of(path)
        names: tuple[str, ...] = ()
        types: dict[str, list[Any]] = {}
        groups: list[tuple[str, int, int]] = []
        size = 0
        for file in files:
            with opened(file) as (reader, bytes_of_file):
                schema, metadata = reader.schema_arrow, reader.metadata
                found = tuple(schema.names)
                names = names or found
                if len(set(found)) < len(found) or sorted(found) != sorted(names):
                    raise _columns_differ(file, files[0], found, names)
                for name in names:
                    types.setdefault(name, []).append(schema.field(name).type)
                size += bytes_of_file
                for number in range(metadata.num_row_groups):
                    groups.append((file, number, metadata.row_group(number).num_rows))
        groups = [group for group in groups if group[2]]
        if not groups or min(rows for _, _, rows in groups) < 0:
            raise FileFormatError(
                f"{path!r} must hold at least one row, but has none. Its columns are "
                f"{listed(names)}.",
                path=path,
            )
        return cls(path, files, names, types, groups, size)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.begins[-1])

    @property
    def begins(self) -> Array:
        """``(G + 1,)``, the first row of each group, and the number of rows."""
        return np.cumsum([0, *(rows for _, _, rows in self.groups)])

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[str, int, Any]]:
        """Yield all rows, some at a time: their file, the first one's number there, and they.

        Raises:
            FileFormatError: a file is damaged.
        """
        count = min(max(_CELLS // max(len(columns), 1), 1), _ROWS)
        starts = dict.fromkeys(self.files, 0)
        for file, number, rows in self.groups:
            with opened(file) as (reader, _):  # of several groups at once it would keep all
                found = 0
                for batch in reader.iter_batches(count, row_groups=[number], columns=[*columns]):
                    batch.validate(full=True)  # such as text, which must be UTF-8
                    if len(batch):
                        yield file, starts[file] + found, batch
                    found += len(batch)
                if found != rows:
                    raise ValueError(f"it announces {rows} rows in a group that has {found}")
            starts[file] += found


def files_of(path: str) -> list[str]:
    """Return a file, or those of a folder with the suffix .parquet.

    Raises:
        FileFormatError: the folder has none, or folders in it.
    """
    if not Path(path).is_dir():
        return [path]
    inside = [each for each in list_folder(path, "Parquet files") if each.name[0] not in "._"]
    if folders := [each.name for each in inside if each.is_dir()]:
        raise FileFormatError(
            f"{path!r} must hold the parts of one table, but it has folders, {listed(folders)}. "
            "Columns that folders' names stand for are not read: write one table, or give one "
            "of these folders.",
            path=path,
        )
    files = [str(each) for each in inside if each.suffix.lower() == ".parquet"]
    if not files:
        raise FileFormatError(f"{path!r} must hold Parquet files, but there are none.", path=path)
    return files


@contextmanager
def opened(path: str) -> Iterator[tuple[Any, int]]:
    """Open a file for reading; its size comes with it.

    Whatever is wrong with it, also within the ``with``, becomes a FileFormatError.
    """
    with open_ordinary(path, "a Parquet file") as ordinary:
        size = ordinary.seek(0, os.SEEK_END)
        ordinary.seek(0)
        head = ordinary.read(200)
    try:
        if not head.startswith(b"PAR1"):
            found = "it is encrypted" if head.startswith(b"PARE") else f"it is {looks_like(head)}"
            raise ValueError(found)
        with pq.ParquetFile(path) as reader:
            yield reader, size
    except (PlugnetError, MemoryError):
        raise
    except Exception as error:  # pyarrow raises many kinds on damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FileFormatError(
            f"{path!r} must be a Parquet file that can be read, but: {reason.rstrip('.')}.",
            path=path,
        ) from error


def _columns_differ(
    file: str, first: str, found: Sequence[str], names: Sequence[str]
) -> FileFormatError:
    if len(set(found)) < len(found):
        twice = [name for name in dict.fromkeys(found) if found.count(name) > 1]
        says = f"columns with names of their own, but it has several {listed(twice)}"
    else:
        says = f"the columns of {first!r}, {listed(names)}, but it has {listed(found)}"
    return FileFormatError(f"{file!r} must have {says}.", path=file)
