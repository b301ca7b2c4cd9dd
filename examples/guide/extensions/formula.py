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

import textwrap
from collections import Counter
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
        counts(self.env)["formulas"] += 1
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
        names = filter(None, map(str.strip, self.options.get(option, "").split("|")))
        return [link for name in names for link in linked(self, name, find)]


class Listing(SphinxDirective):
    """The source of a function, as it stands in the file."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return a link to the function above its lines."""
        name = self.arguments[0]
        link = linked(self, name, places.code)
        if not link:
            return []
        above = nodes.paragraph("", "", *link, nodes.Text(", from the source"))
        text = textwrap.dedent(places.code(name).text)
        block = nodes.literal_block(text, text, language="python")
        return [nodes.container("", above, block, classes=["listing"])]


class Link(SphinxRole):
    """A function or a test in a sentence."""

    def __init__(self, find: Find) -> None:
        super().__init__()
        self.find = find

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        return linked(self, self.text, self.find), []


def linked(here: SphinxDirective | SphinxRole, name: str, find: Find) -> list[nodes.Node]:
    """Return a link to the place, which is counted; a warning and nothing where it is not there."""
    try:
        place = find(name)
    except NoSuchPlaceError as error:
        location = here.get_location()
        logger.warning("%s names no such place: %s", name, error, location=location)
        return []
    is_test = find is places.test
    here.env.note_dependency(str(place.file))
    counts(here.env)["links to tests" if is_test else "links to code"] += 1
    label = place.name.rpartition(".")[2] if is_test else place.name
    text = nodes.literal(label, label)
    return [nodes.reference("", "", text, refuri=link_to(here.env, place), internal=True)]


def _listed(words: str, links: list[nodes.Node]) -> list[nodes.Node]:
    listed: list[nodes.Node] = []
    for link in links:
        listed += [nodes.Text(", " if listed else words), link]
    return listed


def counts(env: BuildEnvironment) -> Counter[str]:
    """Return how many of each kind this page has, which Sphinx keeps with the page's metadata."""
    found: Counter[str] = env.metadata[env.docname].setdefault("guide_counts", Counter())
    return found


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of displayed formulas without links, and count the cells."""
    for block in doctree.findall(nodes.math_block):
        if not block.get("linked"):
            logger.warning("Write a displayed formula as {formula}, with links.", location=block)
    containers = doctree.findall(nodes.container)
    counts(app.env)["cells"] += sum(node.get("nb_element") == "cell_code" for node in containers)


def report(app: Sphinx, error: Exception | None) -> None:
    """Say at the end what was run and checked."""
    if error is None:
        pages = (page.get("guide_counts", {}) for page in app.env.metadata.values())
        total: Counter[str] = sum(map(Counter, pages), Counter())
        logger.info("guide: %s", ", ".join(f"{total[kind]} {kind}" for kind in KINDS))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add directives, roles and checks."""
    app.add_directive("formula", Formula)
    app.add_directive("listing", Listing)
    app.add_role("src", Link(places.code))
    app.add_role("test", Link(places.test))
    app.connect("doctree-read", check)
    app.connect("build-finished", report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
