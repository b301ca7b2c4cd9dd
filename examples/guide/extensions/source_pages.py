"""Pages of the site that show source files, with a number and an anchor for each line.

The files to which a page has links are kept with the page's metadata in Sphinx, which forgets them
when the page is read anew, and brings together what parallel readers have found.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from extensions.places import ROOT, Place, above_package


def link_to(env: BuildEnvironment, place: Place) -> str:
    """Return the address of a place, relative to the page that is being read."""
    env.metadata[env.docname].setdefault("guide_shown", set()).add(place.file)
    up = "../" * env.docname.count("/")
    return f"{up}{page_name(place.file)}.html#line-{place.first}"


def page_name(file: Path) -> str:
    """Return the name of the page of a file: its path in the clone, or in its package."""
    top = ROOT if file.is_relative_to(ROOT) else above_package(file)
    return f"source/{file.relative_to(top).with_suffix('').as_posix()}"


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield name, context and template of a page for each file to which there is a link."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="line", anchorlinenos=False)
    linked = (page.get("guide_shown", ()) for page in app.env.metadata.values())
    for file in sorted(set().union(*linked)):
        name = page_name(file)
        title = name.removeprefix("source/") + ".py"
        code = highlight(file.read_text(encoding="utf-8"), PythonLexer(), formatter)
        body = f'<section id="source"><h1>{title}</h1>{code}</section>'
        yield name, {"title": title, "body": body}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the pages to the site."""
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
