"""The pages of the built site, and their links, read without a browser."""

from __future__ import annotations

import os
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

#: The folder that sphinx-build has made, or None.
FOLDER = Path(os.environ["PLUGNET_SITE"]).resolve() if "PLUGNET_SITE" in os.environ else None


class Page(HTMLParser):
    """The ids and the addresses of links on a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep ids and links."""
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(str(values["id"]))
        if tag == "a" and values.get("name"):
            self.ids.add(str(values["name"]))
        for name in ("href", "src"):
            if values.get(name) and tag in ("a", "img", "script", "link"):
                self.links.append(str(values[name]))


def pages() -> list[str]:
    """Return the paths of all pages, relative to the site."""
    if FOLDER is None:
        return []
    return sorted(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.html"))


@cache
def read(name: str) -> Page:
    """Return what a page has."""
    assert FOLDER is not None
    return Page(FOLDER / name)


def broken_links(name: str) -> list[str]:
    """Return the links of a page that lead to no file, no anchor, or out by anything but https."""
    assert FOLDER is not None
    broken = []
    for link in read(name).links:
        path, anchor = urldefrag(link)
        if path.startswith("https://") or link.startswith("data:"):
            continue
        target = (FOLDER / name).parent / unquote(path.partition("?")[0]) if path else FOLDER / name
        if not target.is_file():
            broken.append(link)
        elif anchor and target.suffix == ".html":
            found = read(target.resolve().relative_to(FOLDER).as_posix())
            if unquote(anchor) not in found.ids:
                broken.append(link)
    return broken
