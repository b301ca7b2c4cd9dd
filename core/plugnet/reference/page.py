"""A component as one page of Markdown, and an index of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from plugnet.reference.component import Component, word
from plugnet.reference.documentation import Text, code_span, fenced, inline, markdown
from plugnet.reference.example import example
from plugnet.reference.options import description, options, remarks, signature
from plugnet.reference.places import NoSuchPlaceError
from plugnet.reference.plots import Picture, picture
from plugnet.reference.proofs import Link, Proof, link_to
from plugnet.reference.strangers import guarded
from plugnet.registry import registry
from plugnet.registry.kinds import KINDS

#: How a component of each kind is named: in Python, and in a configuration.
NAMED = {
    "layer": ("Network([..., {}, ...])", "[network]\nlayers = [{}]"),
    "activation": ("Network([..., {}, ...])", "[network]\nlayers = [{}]"),
    "loss": ("Trainer(network, loss={})", "[training]\nloss = {}"),
    "initializer": (
        '("fc", {{"outputs": 50, "initializer": {}}})',
        '[network]\nlayers = [["fc", {{ outputs = 50, initializer = {} }}]]',
    ),
    "lr_policy": ("Trainer(network, policy={})", "[training]\npolicy = {}"),
    "optimizer": ("Trainer(network, optimizer={})", "[training]\noptimizer = {}"),
    "regularizer": ("Trainer(network, regularizer={})", "[training]\nregularizer = {}"),
    "metric": ("Trainer(network, metrics=[{}])", "[training]\nmetrics = [{}]"),
    "dataset": ("registry.datasets.resolve({}).load()", "[data]\nreader = {}"),
    "hook": ("Trainer(network, hooks=[{}])", "[training]\nhooks = [{}]"),
}


class Markup(Protocol):
    """How formulas, links and pictures are written: it depends on who reads the pages."""

    def formula(self, proof: Proof) -> str:
        """Return a displayed formula with links to its code and its tests."""

    def code(self, link: Link) -> str:
        """Return a link to code, for a sentence."""

    def test(self, link: Link) -> str:
        """Return a link to a test, for a sentence."""

    def picture(self, drawn: Picture, name: str) -> str:
        """Return a picture; its file, if it needs one, begins with the name."""

    def listing(self, links: tuple[Link, ...]) -> str:
        """Return what the links lead to, as it is written; "" where a link is enough."""


def file_name(component: Component) -> str:
    """Return the name of a component's page, without a suffix."""
    return f"{component.entry.kind}-{component.entry.name}"


def page(component: Component, markup: Markup) -> str:
    """Return the page of a component.

    Raises:
        ConfigError: its example or what its package says of it is wrong.
        PluginError: its code raises something.
        RegistryError: it cannot be loaded.
    """
    with guarded(component.entry):
        return "\n\n".join(filter(None, _parts(component, markup))) + "\n"


def _parts(component: Component, markup: Markup) -> Iterator[str]:
    entry, cls, proof = component.entry, component.cls, component.proof
    kind = word(entry.kind)
    yield f"# {inline(entry.name)} ({kind})"
    article = "An" if kind[0] in "aeiou" else "A"
    provider = f"{inline(entry.provider)}, for the plugin API v{entry.api}"
    yield f"{article} {kind} of {provider}."
    yield fenced(signature(entry.name, cls), "python")
    yield markdown(description(cls))
    if proof.formula:
        yield markup.formula(proof)
    if drawn := picture(component):
        yield markup.picture(drawn, file_name(component))
        yield inline(drawn.description)
    if said := markdown((options(cls), *remarks(cls))).strip():
        yield "## Options"
        yield said
    yield "## How to name it"
    in_python, in_toml = NAMED[entry.kind]
    yield fenced(in_python.format(component.in_python), "python")
    if component.in_toml:
        yield fenced(in_toml.format(component.in_toml), "toml")
    yield _other_names(component)
    if shown := example(component):
        yield "## Example"
        yield fenced(shown, "pycon")
    yield "## Source"
    yield _source(component, markup)
    yield markup.listing(proof.code)


def _other_names(component: Component) -> str:
    aliases = registry.info(component.whole_name).aliases
    own = f"Also called {_listed(map(code_span, aliases))} here. " if aliases else ""
    others = component.synonyms
    return own + (f"Elsewhere it is called {_listed(map(code_span, others))}." if others else "")


def _source(component: Component, markup: Markup) -> str:
    """Return where the class is, and, unless they are below a formula, its code and its tests."""
    proof = component.proof
    try:
        said = f"The class is {markup.code(link_to(component.cls))}."
    except NoSuchPlaceError:  # it is not written in Python, or not in a file
        said = f"The class is {code_span(component.cls.__qualname__)}."
    if proof.code and not proof.formula:
        said += f" Computed in {_listed(map(markup.code, proof.code))}."
    if proof.tests and not proof.formula:
        said += f" Tested by {_listed(map(markup.test, proof.tests))}."
    return said


def _listed(words: Iterable[str]) -> str:
    """Return words with commas, and with "and" before the last."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


# The index ---------------------------------------------------------------------------------------


def index(title: str, components: Iterable[Component], folders: bool = False) -> str:
    """Return an index by kind of components, each with a link to its page and its summary.

    Args:
        title: the heading.
        components: in any order.
        folders: whether each distribution has a folder of its own.
    """
    listed = sorted(components, key=lambda each: each.entry.order)
    parts = [f"# {title}"]
    for kind in KINDS:
        if lines := [_line(each, folders) for each in listed if each.entry.kind == kind]:
            parts += [f"## {word(kind, plural=True).capitalize()}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _line(component: Component, folders: bool) -> str:
    folder = f"{component.entry.distribution}/" if folders else ""
    link = f"[{inline(component.entry.name)}]({folder}{file_name(component)}.md)"
    with guarded(component.entry):
        first = next(iter(description(component.cls)), None)
    return f"- {link}: {inline(first.text)}" if isinstance(first, Text) else f"- {link}"
