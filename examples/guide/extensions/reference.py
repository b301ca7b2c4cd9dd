"""The pages of the reference: one for each installed component, one for each public module.

They are written to the folder ``reference`` before Sphinx looks for pages. It is not under version
control; only what has changed is written, and what is no longer there is removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

from extensions.places import ROOT
from plugnet.errors import PlugnetError
from plugnet.reference import api
from plugnet.reference.component import Component
from plugnet.reference.documentation import fenced, inline
from plugnet.reference.page import file_name, index, page
from plugnet.reference.plots import Picture
from plugnet.reference.proofs import Link, Proof
from plugnet.registry import registry

FOLDER = "reference"
#: A page that is in no table of contents: a hundred lines on each page would help nobody.
ORPHAN = "---\norphan: true\n---\n\n"
LONGEST = 40  # lines of a method that is shown

logger = logging.getLogger(__name__)


class Site:
    """The markup of the guide's pages: its own directives and roles."""

    def formula(self, proof: Proof) -> str:
        """Return the directive, whose links are checked as those of the chapters are."""
        code = " | ".join(link.name for link in proof.code)
        tests = " | ".join(filter(None, map(_identifier, proof.tests)))
        options = [f":code: {code}"] * bool(code) + [f":test: {tests}"] * bool(tests)
        return fenced("\n".join([*options, "", proof.formula]), "{formula}")

    def code(self, link: Link) -> str:
        """Return a link to a page of the site that shows the source."""
        return f"{{src}}`{link.name}`"

    def test(self, link: Link) -> str:
        """Return a link to a page with the test, if the test is in this clone."""
        identifier = _identifier(link)
        return f"{{test}}`{identifier}`" if identifier else f"`{link.name}`"

    def picture(self, drawn: Picture, name: str) -> str:
        """Return the picture within the page, so that it has the page's colors."""
        return fenced(f'<div class="panels">{drawn.svg}</div>', "{raw} html")

    def listing(self, links: tuple[Link, ...]) -> str:
        """Return the methods that compute the formula, as they are written."""
        whole = [link for link in links if " " not in link.name]
        short = [link for link in whole if link.place.last - link.place.first < LONGEST]
        return "\n\n".join(fenced("", f"{{listing}} {link.name}") for link in short)


def _identifier(link: Link) -> str:
    """Return a test's id as seen from this clone; "" if it is somewhere else."""
    if not link.place.file.is_relative_to(ROOT):
        return ""
    path = link.place.file.relative_to(ROOT).as_posix()
    return f"{path}::{link.name.partition('::')[2]}"


def texts() -> dict[str, str]:
    """Return all pages, by their paths in the folder; a warning for each that cannot be made."""
    made = {}
    components = []
    for component in [Component(entry) for entry in registry.entries() if not entry.always_on]:
        if text := _page(component):
            made[f"{component.entry.distribution}/{file_name(component)}.md"] = text
            components.append(component)
    for name, same in groupby(components, key=lambda each: each.entry.distribution):
        made[f"{name}/index.md"] = ORPHAN + index(str(name), same)
    for name in api.modules():
        made[f"api/{name}.md"] = ORPHAN + api.page(name, Site())
    made["api/index.md"] = f"# The public API\n\n{_links(api.modules(), '{}.md')}"
    return {"index.md": _front(components), **made}


def _page(component: Component) -> str:
    """Return the page of a component; "", with a warning, if it cannot be made."""
    try:
        text = page(component, Site())
    except PlugnetError as error:
        logger.warning("%s: %s", component.whole_name, error)
        return ""
    up = f"[The reference](../index.md) / [{component.entry.distribution}](index.md)"
    title, _, rest = text.partition("\n")
    return f"{ORPHAN}{title}\n\n{up}\n{rest}"


def _front(components: list[Component]) -> str:
    """Return the first page: by distribution, and all components by kind."""
    by_kind = index("The reference", components, folders=True)
    title, _, rest = by_kind.partition("\n")
    distributions = dict.fromkeys(str(each.entry.distribution) for each in components)
    said = (
        f"What is installed where this site was built: {len(components)} components of "
        f"{len(distributions)} distributions, with signature, formula, options, a picture where "
        "one can be drawn, and an example that has just been run. A plugin of yours gets the same "
        "pages by `plugnet plugins docs PATH`."
    )
    return f"{title}\n\n{said}\n\n{_links(distributions, '{}/index.md')}\n{rest}"


def _links(names: Iterable[str], path: str) -> str:
    return "".join(f"- [{inline(name)}]({path.format(name)})\n" for name in names)


def write(app: Sphinx) -> None:
    """Bring the folder up to date."""
    folder = Path(app.srcdir, FOLDER)
    pages = {folder / path: text for path, text in texts().items()}
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if path not in pages:
            path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
