"""A table in one Parquet file, or in the files of a folder."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import FileFormatError, listed
from plugnet.files.opening import list_folder
from plugnet_parquet.file import File, opened

#: Cells that are read at a time when all rows are looked at, and the most rows.
_CELLS, _ROWS = 1 << 20, 1 << 15


class Group(NamedTuple):
    """A group of rows, which pyarrow reads as a whole: its file, its number there, how many."""

    file: File
    number: int
    rows: int


@dataclass(frozen=True)
class Table:
    """A table in the files of one path.

    Attributes:
        path: the file or folder.
        names: the names of the columns, the same in each file.
        types: for each column its Arrow types in the files.
        groups: the groups of rows that have any.
        size: of all files, in bytes.
    """

    path: str
    names: tuple[str, ...]
    types: dict[str, list[Any]]
    groups: Sequence[Group]
    size: int

    @classmethod
    def of(cls, path: str) -> Table:
        """Look at the files' ends, which say what is in them.

        Raises:
            FileFormatError: one cannot be read, or their columns differ.
        """
        paths = files_of(path)
        names: tuple[str, ...] = ()
        types: dict[str, list[Any]] = {}
        groups: list[Group] = []
        size = 0
        for each in paths:
            with opened(each) as (reader, file):
                schema = reader.schema_arrow
                found = tuple(schema.names)
                names = names or found
                if len(set(found)) < len(found) or sorted(found) != sorted(names):
                    raise _columns_differ(each, paths[0], found, names)
                for name in names:
                    types.setdefault(name, []).append(schema.field(name).type)
                size += file.size
                for number in range(file.metadata.num_row_groups):
                    rows = file.metadata.row_group(number).num_rows
                    groups += [Group(file, number, rows)] * (rows != 0)
        if not groups or min(group.rows for group in groups) < 0:
            raise FileFormatError(
                f"{path!r} must hold at least one row, but has none. Its columns are "
                f"{listed(names)}.",
                path=path,
            )
        return cls(path, names, types, groups, size)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.begins[-1])

    @property
    def begins(self) -> Array:
        """``(G + 1,)``, the first row of each group, and the number of rows."""
        return np.cumsum([0, *(group.rows for group in self.groups)])

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[str, int, Any]]:
        """Yield all rows, some at a time: their file, the first one's number there, and they.

        Raises:
            FileFormatError: a file is damaged, or has been replaced.
        """
        count = min(max(_CELLS // max(len(columns), 1), 1), _ROWS)
        for file, groups in itertools.groupby(self.groups, lambda group: group.file):
            with opened(file.path, file) as (reader, _):
                start = 0
                for _, number, rows in groups:  # one by one: pyarrow would keep them all
                    end = start + rows
                    read = reader.iter_batches(count, row_groups=[number], columns=[*columns])
                    for batch in read:
                        batch.validate(full=True)  # such as text, which must be UTF-8
                        if len(batch):
                            yield file.path, start, batch
                        start += len(batch)
                    if start != end:
                        raise ValueError(f"it announces {end} rows where it has {start}")


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


def _columns_differ(
    file: str, first: str, found: Sequence[str], names: Sequence[str]
) -> FileFormatError:
    if len(set(found)) < len(found):
        twice = [name for name in dict.fromkeys(found) if found.count(name) > 1]
        says = f"columns with names of their own, but it has several {listed(twice)}"
    else:
        says = f"the columns of {first!r}, {listed(names)}, but it has {listed(found)}"
    return FileFormatError(f"{file!r} must have {says}.", path=file)
