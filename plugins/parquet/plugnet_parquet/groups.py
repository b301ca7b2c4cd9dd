"""Inputs that are read when they are wanted, by groups of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.pieces import PiecedArray
from plugnet.errors import DataError, FileFormatError
from plugnet_parquet.cells import matrix
from plugnet_parquet.file import opened
from plugnet_parquet.parts import Table


class Groups(PiecedArray):
    """Columns of a table, ``(N, D)``, of which a group of rows is read at a time.

    Attributes:
        table: where they lie.
        names: those of the columns.
        begins: where groups begin, see `PiecedArray`.
    """

    def __init__(self, table: Table, names: Sequence[str], dtype: np.dtype[Any]) -> None:
        """Take the table; nothing is read yet."""
        self.table, self.names, self.begins = table, names, table.begins
        self.shape, self.dtype = (table.rows, len(names)), dtype

    def read_pieces(self, numbers: Sequence[int]) -> Iterator[Array]:
        """Yield groups; see `PiecedArray`."""
        for number in numbers:
            file, index, rows = self.table.groups[number]
            try:
                with opened(file.path, file) as (reader, _):
                    found = reader.read_row_group(index, list(self.names))
                    if len(found) != rows:
                        raise ValueError(f"it announces {rows} rows where it has {len(found)}")
                    yield matrix(found, self.names, self.dtype)
            except FileFormatError as error:
                row = int(self.begins[number])
                raise DataError(f"Row {row}: {error}", row=row) from error
