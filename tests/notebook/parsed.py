"""HTML read by Python's own parser: what is in it, and whether all that opens is closed."""

from __future__ import annotations

from html.parser import HTMLParser

EMPTY = {"br", "circle", "path", "polygon", "polyline"}  # of which SVG's close themselves


class Parsed(HTMLParser):
    """The elements and the texts of some HTML.

    Attributes:
        tags: the names of all elements, in order.
        attributes: those of all elements, in order.
        cells: of each row of all tables, the texts.
        headings: how many cells are ``th``.
        text: all of it but the style, joined.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.cells: list[list[str]] = []
        self.headings = 0
        self.text = ""
        self._open: list[str] = []
        self.feed(content)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append(dict(attrs))
        self._open.append(tag)
        if tag == "tr":
            self.cells.append([])
        elif tag in ("th", "td"):
            self.headings += tag == "th"
            self.cells[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in EMPTY
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            return
        self.text += data
        if self._open[-1:] in (["th"], ["td"]):
            self.cells[-1][-1] += data


def parsed(shown: object) -> Parsed:
    """Return what an object shows of itself in a notebook, which is less than 100 kB."""
    content = shown._repr_html_()  # type: ignore[attr-defined]
    assert len(content.encode()) < 100_000
    return Parsed(content)
