r"""Formulas that lead to the lines that compute them and to the tests that prove them.

    ```{formula} softmax-gradient
    :code: plugnet_builtin.softmax_with_loss:SoftmaxWithLoss.backward
    :test: tests/builtin/test_losses.py::test_the_gradient
    \frac{\partial L}{\partial x} = \frac{p - t}{N}
    ```

Several links are separated by ``|``. A text in quotes after a function narrows its link to the one
line with that text. What is not there is a warning, and so an error of the build; a displayed
formula without such links is one, too. ```{listing} NAME``` shows the function itself, and the
roles ``{src}`NAME` `` and ``{test}`ID` `` are links in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from extensions import places
from extensions.places import NoSuchPlaceError, Place
from extensions.source_pages import link_to

Find = Callable[[str], Place]

logger = logging.getLogger(__name__)
KINDS = ("cells", "formulas", "links to code", "links to tests")


class Formula(SphinxDirective):
    """A displayed formula with links below it."""

    has_content = True
    optional_arguments = 1  # a name, for links to it
    option_spec: ClassVar[dict[str, Any]] = {
        "code": directives.unchanged_required,
        "test": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the formula, and below it where it is computed and proved."""
        text = "\n".join(self.content)
        math = nodes.math_block(text, text, linked=True, nowrap=False, number=None)
        self.set_source_info(math)
        count(self.env, "formulas")
        code = self._links("code", places.code)
        test = self._links("test", places.test)
        if not (code and test):
            logger.warning("A formula needs :code: and :test:.", location=self.get_location())
        below = nodes.paragraph("", "", *_listed("computed in ", code), classes=["proof"])
        below += _listed(" · tested by ", test)
        box = nodes.container("", math, below, classes=["formula"])
        if self.arguments:
            box["names"] = [nodes.fully_normalize_name(self.arguments[0])]
            self.state.document.note_explicit_target(box, box)
        return [box]

    def _links(self, option: str, find: Find) -> list[nodes.Node]:
        names = [name.strip() for name in self.options.get(option, "").split("|")]
        links = [linked(self.env, name, find, self.get_location()) for name in filter(None, names)]
        return [link for link in links if link is not None]


class Listing(SphinxDirective):
    """The source of a function, as it stands in the file."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return a link to the function above its lines."""
        name = self.arguments[0]
        link = linked(self.env, name, places.code, self.get_location())
        if link is None:
            return []
        lines = places.code(name).text.splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        text = "\n".join(line[indent:] for line in lines)
        block = nodes.literal_block(text, text, language="python")
        return [
            nodes.container(
                "",
                nodes.paragraph("", "", link, nodes.Text(", from the source")),
                block,
                classes=["listing"],
            )
        ]


class Link(SphinxRole):
    """A function or a test in a sentence."""

    def __init__(self, find: Find) -> None:
        super().__init__()
        self.find = find

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        link = linked(self.env, self.text, self.find, self.get_location())
        return ([link] if link is not None else []), []


def linked(env: BuildEnvironment, name: str, find: Find, location: str) -> nodes.reference | None:
    """Return a link to the place, which is counted; a warning and None where it is not there."""
    try:
        place = find(name)
    except NoSuchPlaceError as error:
        logger.warning("%s names no such place: %s", name, error, location=location)
        return None
    env.note_dependency(str(place.file))
    count(env, "links to tests" if find is places.test else "links to code")
    label = place.name.rpartition(".")[2] if find is places.test else place.name
    text = nodes.literal(label, label)
    return nodes.reference("", "", text, refuri=link_to(env, place), internal=True)


def _listed(words: str, links: list[nodes.Node]) -> list[nodes.Node]:
    listed: list[nodes.Node] = [nodes.Text(words)]
    for number, link in enumerate(links):
        listed += [nodes.Text(", "), link] if number else [link]
    return listed


def count(env: BuildEnvironment, kind: str, number: int = 1) -> None:
    """Add to what this page has of a kind."""
    page = counts(env).setdefault(env.docname, dict.fromkeys(KINDS, 0))
    page[kind] += number


def counts(env: BuildEnvironment) -> dict[str, dict[str, int]]:
    """Return how many of each kind each page has."""
    found: dict[str, dict[str, int]] = env.__dict__.setdefault("guide_counts", {})
    return found


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of displayed formulas without links, and count the cells."""
    for block in doctree.findall(nodes.math_block):
        if not block.get("linked"):
            logger.warning("Write a displayed formula as {formula}, with links.", location=block)
    cells = sum(node.get("nb_element") == "cell_code" for node in doctree.findall(nodes.container))
    if cells:
        count(app.env, "cells", cells)


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget a page that is read anew."""
    counts(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Take over what a parallel reader has counted."""
    counts(env).update({name: counts(other)[name] for name in docnames if name in counts(other)})


def report(app: Sphinx, error: Exception | None) -> None:
    """Say at the end what was run and checked."""
    if error is None:
        pages = counts(app.env).values()
        totals = [f"{sum(page[kind] for page in pages)} {kind}" for kind in KINDS]
        logger.info("guide: %s", ", ".join(totals))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add directives, roles and checks."""
    app.add_directive("formula", Formula)
    app.add_directive("listing", Listing)
    app.add_role("src", Link(places.code))
    app.add_role("test", Link(places.test))
    app.connect("doctree-read", check)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
