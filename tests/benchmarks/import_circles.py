"""Finds circles of imports: modules that import each other, directly or through others.

Every import counts, also one in a function or under TYPE_CHECKING. It leads to the module that is
imported or that holds the imported name, and not to the packages around that module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path


def circles(packages: Iterable[Path]) -> list[list[str]]:
    """Return the circles among the modules of these packages, the largest first.

    Args:
        packages: the folders of top-level packages.
    """
    graph = imports(packages)
    reached = {name: _reached(name, graph) for name in graph}
    found = {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in graph
        if name in reached[name]
    }
    return sorted(map(sorted, found), key=lambda circle: (-len(circle), circle))


def imports(packages: Iterable[Path]) -> dict[str, set[str]]:
    """Return for each module of these packages which others of them it imports, by dotted name."""
    modules: dict[str, _Module] = {}
    for package in packages:
        for path in package.rglob("*.py"):
            module = _Module(path, package.parent)
            modules[module.name] = module
    return {name: module.imported(modules) - {name} for name, module in modules.items()}


class _Module:
    """A source file, and what its import statements name."""

    def __init__(self, path: Path, root: Path) -> None:
        parts = path.relative_to(root).with_suffix("").parts
        self.is_package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.tree = ast.parse(path.read_bytes())

    def imported(self, modules: Mapping[str, _Module]) -> set[str]:
        """Return the names of the modules, among these, that this one imports."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(node)
                hidden = modules[origin]._hidden() if origin in modules else set()
                for alias in node.names:
                    submodule = f"{origin}.{alias.name}"
                    is_module = submodule in modules and alias.name not in hidden
                    found.add(submodule if is_module else origin)
        return found & modules.keys()

    def _origin(self, node: ast.ImportFrom) -> str:
        """Return the dotted name after `from`, made absolute."""
        if not node.level:
            return node.module or ""
        parents = self.name.split(".")
        parents = parents[: len(parents) + self.is_package - node.level]
        return ".".join([*parents, node.module] if node.module else parents)

    def _hidden(self) -> set[str]:
        """Return the names that a package imports from elsewhere, and that hide its submodules.

        For example, `from plugnet import registry` gives the object of that name that
        plugnet/__init__.py imports, and not the package plugnet.registry.
        """
        found: set[str] = set()
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom):
                found |= {
                    name
                    for alias in node.names
                    if (name := alias.asname or alias.name)
                    and f"{self._origin(node)}.{alias.name}" != f"{self.name}.{name}"
                }
        return found


def _reached(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Return the modules that a module imports, directly or through others."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - found
        found |= new
        ahead += new
    return found
