"""Inputs that are read when they are wanted, by groups of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.data.pieces import PiecedArray
from plugnet.errors import DataError, FileFormatError
from plugnet_parquet.cells import matrix
from plugnet_parquet.parts import Table, opened


class Groups(PiecedArray):
    """Columns of a table, ``(N, D)``, of which a group of rows is read at a time.

    Attributes:
        table: where they lie.
        columns: their names.
        begins: where groups begin, see `PiecedArray`.
    """

    def __init__(self, table: Table, columns: Sequence[str], dtype: np.dtype[Any]) -> None:
        """Take the table; nothing is read yet."""
        self.table, self.columns, self.begins = table, columns, table.begins
        self.shape, self.dtype = (table.rows, len(columns)), dtype

    def read_pieces(self, numbers: Sequence[int]) -> Iterator[Array]:
        """Yield groups; see `PiecedArray`."""
        for number in numbers:
            file, index, rows = self.table.groups[number]
            try:
                with opened(file) as (reader, _):
                    found = reader.read_row_group(index, list(self.columns))
                    if len(found) != rows:
                        raise ValueError("it has been replaced since it was looked at")
                    yield matrix(found, self.columns, self.dtype)
            except FileFormatError as error:
                row = int(self.begins[number])
                raise DataError(f"Row {row}: {error}", row=row) from error
