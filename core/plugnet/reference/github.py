"""Pages that read well on GitHub: relative links to lines, and pictures in files of their own."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from plugnet.reference.component import Component
from plugnet.reference.documentation import code_span, fenced
from plugnet.reference.page import file_name, index, page
from plugnet.reference.places import Place
from plugnet.reference.plots import Picture
from plugnet.reference.proofs import Link, Proof

#: How each file of a distribution begins, so that no other file is ever overwritten.
MARK = "<!-- Made by plugnet plugins docs for {},"
HEAD = f"{MARK} from docstrings and reference.toml: change those instead. -->\n"


class GitHub:
    """The markup of pages in a folder.

    Attributes:
        files: the pictures, by the names of their files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.files: dict[str, str] = {}

    def formula(self, proof: Proof) -> str:
        """Return a block of mathematics, as GitHub draws it, with links below it."""
        said = []
        if proof.code:
            said.append(f"Computed in {', '.join(map(self.code, proof.code))}")
        if proof.tests:
            said.append(f"tested by {', '.join(map(self.test, proof.tests))}")
        return "\n\n".join(filter(None, [fenced(proof.formula, "math"), " · ".join(said)]))

    def code(self, link: Link) -> str:
        """Return a link to lines of code; of what is installed, the name alone."""
        return self._link(link.place.name, link.place)

    def test(self, link: Link) -> str:
        """Return a link to a test."""
        return self._link(link.place.name.rpartition(".")[2], link.place)

    def picture(self, drawn: Picture, name: str) -> str:
        """Return the picture, whose file is to be written."""
        self.files[f"{name}.svg"] = f"{drawn.svg}\n"
        text = drawn.description.replace("[", "(").replace("]", ")")
        return f"![{text}]({name}.svg)"

    def listing(self, links: tuple[Link, ...]) -> str:
        """Return nothing: a link leads to the lines themselves."""
        return ""

    def _link(self, name: str, place: Place) -> str:
        if {"site-packages", "dist-packages"} & {*place.file.parts}:
            return code_span(name)
        way = os.path.relpath(place.file.resolve(), self.folder).replace(os.sep, "/")
        return f"[{code_span(name)}]({quote(way)}#L{place.first})"


def files(distribution: str, components: list[Component], folder: Path) -> dict[str, bytes]:
    """Return the files of the reference of its components, by their names in a folder."""
    markup = GitHub(folder)
    pages = {f"{file_name(each)}.md": page(each, markup) for each in components}
    texts = {"index.md": index(distribution, components), **pages, **markup.files}
    head = HEAD.format(distribution)
    return {name: f"{head}{text}".encode(errors="backslashreplace") for name, text in texts.items()}
