"""Tables and folds as HTML. What goes in is plain text, unless it is said to be markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice

#: How many characters of a text are shown.
LONGEST = 140
#: How many rows a table has, and how many characters of markup: a text may grow when it is escaped.
MOST_ROWS = 60
ROOM = 40_000

#: Sizes follow the notebook's, and colors are its own, so that it is legible in light and in dark.
_STYLE = """<style>
div.plugnet{max-width:100%;margin:.2em 0}
div.plugnet p{margin:.2em 0}
div.plugnet .scroll{overflow-x:auto}
div.plugnet .scroll table{border-collapse:collapse;margin:.2em 0 .5em;width:auto;color:inherit}
div.plugnet .scroll caption{text-align:left;padding:0 0 .2em;color:inherit}
div.plugnet .scroll th,div.plugnet .scroll td{text-align:left;vertical-align:baseline;\
padding:.15em 1.2em .15em 0;border:0;border-bottom:1px solid rgba(128,128,128,.4);\
white-space:nowrap;max-width:none;color:inherit;font-weight:normal}
div.plugnet .scroll thead th,div.plugnet .scroll tfoot *{font-weight:bold}
div.plugnet .scroll .number{text-align:right;font-variant-numeric:tabular-nums}
div.plugnet .scroll td.text{white-space:normal;overflow-wrap:anywhere}
div.plugnet details{margin:.3em 0}
div.plugnet details>*:not(summary){margin-left:1.1em}
div.plugnet summary{cursor:pointer}
div.plugnet .curves{display:flex;flex-wrap:wrap;gap:.5em 1.5em}
div.plugnet svg{width:400px;max-width:100%;height:auto}
</style>"""


def page(name: str, said: str, *parts: str) -> str:
    """Return the markup of an object: its name, what is said of it in a line, and the rest.

    Args:
        name: what it is, such as "Network".
        said: a text.
        parts: markup.
    """
    heading = f"<p><strong>{text(name)}</strong> {text(said, 3 * LONGEST)}</p>"
    return f'<div class="plugnet">{_STYLE}{heading}{"".join(parts)}</div>'


def table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    whole: str,
    total: Sequence[str] = (),
    numbers: Sequence[int] = (),
    room: int = ROOM,
) -> str:
    """Return a table. Its first column names the rows. No more rows are asked for than are shown.

    Args:
        caption: what it shows.
        headings: of the columns.
        rows: the texts of each row's cells.
        whole: how many rows there are, in words, for the last one where there is no room for all.
        total: the last row, set apart.
        numbers: the columns with numbers, from 0.
        room: how many characters of markup the rows may take.
    """
    shown: list[str] = []
    for cells in rows:
        row = _row(cells, numbers)
        room -= len(row)
        if room < 0 or len(shown) == MOST_ROWS:
            left = f"… and the rest of {text(whole)}"
            shown.append(f'<tr><td colspan="{len(headings)}">{left}</td></tr>')
            break
        shown.append(row)
    head = "".join(
        f'<th scope="col"{_class(index, numbers)}>{text(heading)}</th>'
        for index, heading in enumerate(headings)
    )
    foot = f"<tfoot>{_row(total, numbers)}</tfoot>" if total else ""
    return _scrolling(
        caption, f"<thead><tr>{head}</tr></thead><tbody>{''.join(shown)}</tbody>{foot}"
    )


def facts(caption: str, said: Mapping[str, str]) -> str:
    """Return a table of two columns, whose texts may be longer than a line: what, and how it is."""
    rows = "".join(
        f'<tr><th scope="row">{text(what)}</th><td class="text">{text(how, 3 * LONGEST)}</td></tr>'
        for what, how in islice(said.items(), MOST_ROWS)
    )
    return _scrolling(caption, f"<tbody>{rows}</tbody>")


def folded(label: str, *parts: str) -> str:
    """Return markup that shows when its label, a text, is clicked."""
    return f"<details><summary>{text(label)}</summary>{''.join(parts)}</details>"


def text(value: str, most: int = LONGEST) -> str:
    """Return a text as markup, on one line and cut to ``most`` characters.

    What cannot be printed becomes a space: a surrogate would be refused on the way to the browser,
    and a mark for right to left would turn what follows.
    """
    cut = value if len(value) <= most else f"{value[: most - 1]}…"
    return escape("".join(c if c.isprintable() else " " for c in cut))


def _scrolling(caption: str, content: str) -> str:
    """Return a table that scrolls by itself where it is too wide, by the keyboard as well."""
    said = text(caption)
    return (
        f'<div class="scroll" role="group" aria-label="{said}" tabindex="0">'
        f"<table><caption>{said}</caption>{content}</table></div>"
    )


def _row(cells: Sequence[str], numbers: Sequence[int]) -> str:
    first, *others = cells
    rest = "".join(
        f"<td{_class(index, numbers)}>{text(cell)}</td>" for index, cell in enumerate(others, 1)
    )
    return f'<tr><th scope="row">{text(first)}</th>{rest}</tr>'


def _class(index: int, numbers: Sequence[int]) -> str:
    return ' class="number"' if index in numbers else ""
