"""Pages of the site that show source files, with a number and an anchor for each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from extensions.places import ROOT, Place


def link_to(env: BuildEnvironment, place: Place) -> str:
    """Return the address of a place, relative to the page that is being read."""
    shown(env).setdefault(env.docname, set()).add(place.file)
    up = "../" * env.docname.count("/")
    return f"{up}{page_name(place.file)}.html#line-{place.first}"


def page_name(file: Path) -> str:
    """Return the name of the page of a file: its path in the clone, or in its package."""
    if file.is_relative_to(ROOT):
        return f"source/{file.relative_to(ROOT).with_suffix('').as_posix()}"
    top = file.parent
    while (top / "__init__.py").exists():
        top = top.parent
    return f"source/{file.relative_to(top).with_suffix('').as_posix()}"


def shown(env: BuildEnvironment) -> dict[str, set[Path]]:
    """Return the files to which each page has links."""
    found: dict[str, set[Path]] = env.__dict__.setdefault("guide_shown", {})
    return found


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield name, context and template of a page for each file to which there is a link."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="line", anchorlinenos=False)
    for file in sorted(set().union(*shown(app.env).values())):
        name = page_name(file)
        title = name.removeprefix("source/") + ".py"
        code = highlight(file.read_text(encoding="utf-8"), PythonLexer(), formatter)
        body = f'<section id="source"><h1>{title}</h1>{code}</section>'
        yield name, {"title": title, "body": body}, "page.html"


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is read anew."""
    shown(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader has found."""
    shown(env).update({name: shown(other)[name] for name in docnames if name in shown(other)})


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the pages to the site."""
    app.connect("html-collect-pages", pages)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
