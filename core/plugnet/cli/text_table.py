"""Tables of text, printed within the terminal's width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plugnet.cli.prose import NARROWEST, columns

GAP = "  "
SCALED = " (of scaled values)"  # after a loss that is not in the units of the user's targets
NARROW = 12  # characters to which texts are cut where there is no room

_ABBREVIATIONS = ("rmse", "mae", "mse", "auc")  # of metrics


def number(value: float, largest: float | None = None) -> str:
    """Return a number with digits that suit its size.

    Args:
        value: the number.
        largest: the largest magnitude of its column, whose numbers are written alike; None: its
            own.
    """
    size = abs(value) if largest is None else largest
    if size >= 1e7 or 0 < size < 0.001:
        return f"{value:.4g}"
    return f"{value:.1f}" if size >= 1000 else f"{value:.4f}"


def title(metric: str) -> str:
    """Return the name of a metric as a heading."""
    return metric.upper() if metric in _ABBREVIATIONS else metric.capitalize()


@dataclass
class _Column:
    """A column.

    Attributes:
        heading: its heading.
        is_text: whether it holds texts, which may be cut.
        largest: the largest magnitude of its numbers.
        narrowest: the width to which it may be cut.
        width: in characters.
    """

    heading: str
    is_text: bool
    largest: float
    narrowest: int = 0
    width: int = 0

    def text(self, value: Any) -> str:
        if value is None:
            return "-"
        if isinstance(value, float):
            return number(value, self.largest)
        return "".join(c if c.isprintable() else " " for c in str(value))

    def cell(self, text: str) -> str:
        """Return a text, or a part of it, as wide as the column."""
        if not self.is_text:
            return f"{text:>{self.width}}"
        cut = text if len(text) <= self.width else f"{text[: self.width - 3]}..."
        return f"{cut:<{self.width}}"


class TextTable:
    """Prints rows in columns, which are as wide as the first rows need and the terminal allows.

    Where there is no room, texts are cut, and then columns are left out.

    Attributes:
        left_out: the names of these columns.
    """

    def __init__(
        self,
        spare: Sequence[str] = (),
        headings: Mapping[str, str] | None = None,
        early: Sequence[str] = (),
    ) -> None:
        """Begin a table.

        Args:
            spare: columns that may be left out, the least important first; before that their
                headings may be cut, too.
            headings: those of columns that are not headed by their names.
            early: columns that are left out before a text is cut that may not be left out, the
                least important first.
        """
        self.left_out: list[str] = []
        self._spare, self._early = spare, early
        self._headings = headings or {}
        self._columns: dict[str, _Column] = {}

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of the columns that are printed."""
        return tuple(self._columns)

    def print(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print some rows, all with the same columns; before the first ones, the headings."""
        if rows and not self._columns:
            self._lay_out(rows)
            self._print_line([column.cell(column.heading) for column in self._columns.values()])
        for row in rows:
            self._print_line([c.cell(c.text(row[name])) for name, c in self._columns.items()])

    def _lay_out(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Find out what the columns are, how wide, and which of them are left out."""
        for name in rows[0]:
            values = [row[name] for row in rows]
            is_text = any(isinstance(value, str) for value in values)
            sizes = [abs(value) for value in values if isinstance(value, float)]
            column = _Column(self._headings.get(name, name), is_text, max(sizes, default=0.0))
            column.width = max(len(column.heading), *(len(column.text(v)) for v in values))
            if is_text:
                column.width = min(column.width, max(columns(), NARROWEST))
            least = NARROW if name in self._spare else max(NARROW, len(column.heading))
            column.narrowest = min(column.width, least) if is_text else column.width
            self._columns[name] = column
        early, spare = (
            [name for name in names if name in self._columns]
            for names in (self._early, self._spare)
        )
        while self._excess() > 0:
            long = [
                column
                for name, column in self._columns.items()
                if column.width > column.narrowest and (name in self._spare or not early)
            ]
            if long:
                max(long, key=lambda column: column.width).width -= 1
            elif early or spare:
                self.left_out.append((early or spare).pop(0))
                del self._columns[self.left_out[-1]]
            else:
                break

    def _excess(self) -> int:
        """Return by how many characters a line is wider than the terminal."""
        gaps = len(GAP) * (len(self._columns) - 1)
        widths = sum(column.width for column in self._columns.values())
        return widths + gaps - max(columns(), NARROWEST)

    def _print_line(self, cells: Sequence[str]) -> None:
        print(GAP.join(cells).rstrip())
