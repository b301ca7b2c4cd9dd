"""The house in the guide: `{walk}` shows what a piece of work enters, `{files}` what there is."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import house
from extensions.places import ROOT, above_package

#: The packages of the repository, the core first.
PACKAGES = [ROOT / "core/plugnet", *sorted((ROOT / "plugins").glob("*/plugnet_*"))]


class Walk(SphinxDirective):
    """The files that a piece of work enters, in their order, with the functions that it calls."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Do the work in a fresh process, and list what it entered."""
        command = [sys.executable, str(house.__file__), self.arguments[0]]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        called: dict[str, list[str]] = {}
        for file, name in json.loads(shown):
            called.setdefault(file, []).append(name)
        lines = []
        for file, names in called.items():
            module, said = _module(Path(file)), house.sentence(Path(file))
            named = (f"{{src}}`{module}:{name}`" for name in names if "<locals>" not in name)
            package = module.rpartition(".")[0]
            lines.append(f"1. `{package}` {{src}}`{module}`: {said} {', '.join(named)}")
        return self.parse_text_to_nodes("\n".join(lines))


class Files(SphinxDirective):
    """All files, folder by folder, each with the first sentence of its docstring."""

    def run(self) -> list[nodes.Node]:
        """Return a rubric and a list for each folder."""
        shown: list[nodes.Node] = []
        for package in PACKAGES:
            files = sorted(package.rglob("*.py"), key=lambda file: (file.parent, file))
            for folder, inside in groupby(files, key=lambda file: file.parent):
                shown.append(nodes.rubric("", folder.relative_to(ROOT).as_posix()))
                lines = [f"- {{src}}`{_module(file)}`: {house.sentence(file)}" for file in inside]
                shown += self.parse_text_to_nodes("\n".join(lines))
        return shown


def _module(file: Path) -> str:
    """Return the dotted name of a file's module."""
    parts = file.relative_to(above_package(file)).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives."""
    app.add_directive("walk", Walk)
    app.add_directive("files", Files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
