"""A table in a text file: its columns' names, and its rows in blocks."""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from plugnet.errors import counted, listed
from plugnet_builtin.datasets.table_cells import is_number
from plugnet_builtin.datasets.table_delimiter import find_delimiter, read_cells
from plugnet_builtin.datasets.table_header import is_header
from plugnet_builtin.datasets.table_text import Lines, open_lines, wrong

#: Cells of a block, so that it stays in the processor's cache, and bounds of its rows.
_CELLS = 8192
_FEWEST_ROWS, _MOST_ROWS = 64, 4096

#: Cells of a block in any case, if it has more than one row; and of the first rows.
_MOST_CELLS = 1 << 18

#: Rows by which a header and trailing delimiters are told.
_FIRST_ROWS = 1024

#: How many more blank lines than rows there may be; a file of nothing else would take long.
_BLANK_LINES = 1000

#: Lines from which the delimiter is found out.
_FIRST_LINES = 20

#: What pandas calls a column of row numbers when it reads one without a name.
_INDEX = re.compile(r"(Unnamed: 0(\.\d+)*)?")


@dataclass(frozen=True)
class Block:
    """Some rows of a table.

    Attributes:
        path: the file.
        names: the columns' names, or their indices from 0 if there is no header.
        lines: the line numbers of the N rows, from 1.
        rows: their cells, N lists.
    """

    path: str
    names: Sequence[str | int]
    lines: Sequence[int]
    rows: Sequence[Sequence[str]]

    def column(self, position: int) -> list[str]:
        """Return the cells of a column, without spaces around."""
        return [row[position].strip() for row in self.rows]

    def wrong(self, row: int, column: int, says: str) -> Exception:
        """Return the error that a cell is wrong; ``says`` goes on after its place."""
        return wrong(self.path, self.lines[row], says, self.names[column])


class Table:
    """An open file with a table.

    Attributes:
        path: the file.
        budget: of the file; what is made of its rows counts to it.
        width: how many columns there are, without empty ones after trailing delimiters.
        header: the columns' names, once `find_header` found some; else ().
    """

    def __init__(self, path: str, lines: Lines, delimiter: str | None, header: bool | None) -> None:
        """Read the first rows; see `open_table`."""
        self.path, self.budget = path, lines.budget
        self.header: tuple[str, ...] = ()
        self._lines = lines
        rest = iter(lines)
        first_lines = list(itertools.islice(rest, _FIRST_LINES))
        self._delimiter = delimiter or find_delimiter(first_lines, path)
        self._rows = self._read(itertools.chain(first_lines, rest))
        self._first = list(itertools.islice(self._rows, 1))
        if not self._first:
            raise wrong(path, None, "must be a table, but all its lines are blank")
        fits = _MOST_CELLS // len(self._first[0][1])
        self._first += itertools.islice(self._rows, min(fits, _FIRST_ROWS))
        self._has_header = header
        self._align_header()
        self._cells = len(self._first[0][1])
        self.width = min(self._cells, max(_width(row) for _, row in self._first))

    @property
    def first(self) -> list[str]:
        """The cells of the first line."""
        return [cell.strip() for cell in self._first[0][1][: self.width]]

    @property
    def names(self) -> Sequence[str | int]:
        """The columns' names, or their indices if there is no header."""
        return self.header or range(self.width)

    @property
    def index(self) -> list[int]:
        """The positions of columns of row numbers, as pandas and R write them: the first, nameless
        or with the name that pandas gives a nameless one.
        """
        names = itertools.takewhile(_INDEX.fullmatch, self.header)
        return [position for position, _ in enumerate(names)]

    def find_header(
        self,
        targets: Collection[int],
        others: Collection[str | int],
        columns: Sequence[str] = (),
    ) -> None:
        """Find out whether the first line names the columns.

        Args:
            targets: the positions of columns with labels.
            others: columns that are not inputs, by name or index; -1 is the last.
            columns: the names of the inputs, if they are known.

        Raises:
            FileFormatError: that is unclear, or a name is missing or doubled.
        """
        line, first, known = self._first[0][0], self.first, set(columns)
        header = self._has_header
        if header is None and any(cell in known and not is_number(cell) for cell in first):
            header = True
        elif header is None:
            rest = [row for _, row in self._first[1:] if len(row) == self._cells]
            header = is_header(first, rest, targets, self.places(others))
            is_like_header = known and known <= set(first)
            if header is None and known and not is_like_header:
                says = (
                    f"has none of the columns' names, {listed(columns)}. Add a header with these "
                    "names"
                )
                raise wrong(self.path, line, says)
            if header is None or (is_like_header and not header):
                says = (
                    "may be a sample or may name the columns. Say header=True if it names them, "
                    "header=False if it is a sample"
                )
                raise wrong(self.path, line, says)
        if header:
            self._check_names(line, first)
            self.header = tuple(first)
            del self._first[0]
        if not self._first:
            raise wrong(self.path, line, "is the header, and no samples follow")

    def position(self, column: str | int) -> int:
        """Return where a column is, given its name, or its index from 0; -1 is the last.

        Raises:
            FileFormatError: there is no such column.
        """
        if isinstance(column, str) and column in self.header:
            return self.header.index(column)
        if isinstance(column, int) and -self.width <= column < self.width:
            return column % self.width
        found = f"it has {self.width} column{'s' * (self.width > 1)}"
        found = f"its columns are {listed(self.header)}" if self.header else found
        raise wrong(self.path, None, f"must have the column {column!r}, but {found}")

    def places(self, columns: Collection[str | int]) -> set[int]:
        """Return the positions of those of ``columns`` that there are; see `position`."""
        wanted, width = set(columns), self.width
        names = {at for at, name in enumerate(self.header) if name in wanted}
        return names | {at % width for at in wanted if isinstance(at, int) and -width <= at < width}

    def blocks(self) -> Iterator[Block]:
        """Yield all rows, some thousands at a time.

        Raises:
            FileFormatError: a row has more or fewer cells than the first.
        """
        rows = itertools.chain(self._first, self._rows)
        size = min(max(_CELLS // self._cells, _FEWEST_ROWS), _MOST_ROWS)
        size = min(size, max(_MOST_CELLS // self._cells, 1))
        while found := list(itertools.islice(rows, size)):
            lines, cells = zip(*found, strict=True)
            if set(map(len, cells)) != {self._cells}:
                line, row = next(each for each in found if len(each[1]) != self._cells)
                says = f"has {counted(len(row), 'cell')} where the first line has {self._cells}"
                raise wrong(self.path, line, says)
            if self.width < self._cells:
                self._check_empty(found)
            yield Block(self.path, self.names, lines, cells)
            self._lines.held = 0

    def _check_empty(self, rows: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Check that nothing is in the columns that were empty so far."""
        for line, row in rows:
            if "".join(row[self.width :]).strip():
                says = f"has {self._cells} cells, but the lines before it have {self.width}"
                raise wrong(self.path, line, says)

    def _read(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the line numbers and the cells of all lines that are not blank."""
        reader = read_cells(lines, self._delimiter)
        line, spare = 1, _BLANK_LINES
        try:
            for row in reader:
                if self._delimiter == " " and row and not row[-1]:
                    row.pop()
                if len(row) > 1 or (row and row[0].strip()):
                    spare += 1
                    yield line, row
                elif not (spare := spare - 1):
                    raise wrong(
                        self.path, line, "is blank, and there are more blank lines than rows"
                    )
                line = reader.line_num + 1
        except csv.Error as error:
            says = f"cannot be read ({error}). A quotation mark may lack its other one"
            raise wrong(self.path, line, says) from None

    def _align_header(self) -> None:
        """Let the header have as many cells as the rows.

        R leaves out the name of the row numbers; and either the header or the rows alone may end
        with a delimiter.
        """
        if len(self._first) < 2 or self._has_header is False:
            return
        (_, first), (_, second) = self._first[:2]
        more = len(second) - len(first)
        if abs(more) != 1 or (self._has_header is None and any(map(is_number, first))):
            return
        if more == 1:
            first.insert(0 if second[-1].strip() else len(first), "")
            self._has_header = True
        elif not first[-1].strip():
            first.pop()

    def _check_names(self, line: int, names: Sequence[str]) -> None:
        seen = set()
        for position, name in enumerate(names):
            if position and not name:
                says = "must have a name. Name it, or say header=False if the line is a sample"
                raise wrong(self.path, line, says, position)
            if name in seen:
                raise wrong(self.path, line, "has a name that occurs twice. Rename one", name)
            seen.add(name)


def _width(row: Sequence[str]) -> int:
    """Return how many cells there are without blank ones at the end, at least 1."""
    return next((at for at in range(len(row), 1, -1) if row[at - 1].strip()), 1)


@contextlib.contextmanager
def open_table(
    path: str, delimiter: str | None, header: bool | None, budget: int | None = None
) -> Iterator[Table]:
    """Open a table; find its header before anything else.

    Args:
        path: the file; see `table_text.open_lines`.
        delimiter: what stands between two cells; None: it is found out.
        header: whether the first line names the columns; None: it is found out.
        budget: how many bytes the file may take in memory, see `plugnet.files.budget`.

    Raises:
        FileFormatError: the file is not a table.
        BudgetError: it would take more memory than it may.
    """
    with open_lines(path, budget) as lines:
        yield Table(path, lines, delimiter, header)
