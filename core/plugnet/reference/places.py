"""Where a named function stands: from ``module:Class.method`` or a test's id to a file's lines."""

from __future__ import annotations

import ast
import importlib.util
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class NoSuchPlaceError(LookupError):
    """A link names a function, a test or a line that is not there."""


@dataclass(frozen=True)
class Place:
    """Lines of a source file, from the first to the last, both counted from 1."""

    file: Path
    name: str
    first: int
    last: int

    @property
    def text(self) -> str:
        """The lines themselves."""
        lines = _read(self.file).split("\n")
        return "\n".join(lines[self.first - 1 : self.last])


def code(reference: str) -> Place:
    """Return where the code stands that ``module:Class.method`` names, or ``module`` alone.

    A text in quotes after it must stand in the function, once; the place is then its line.

    Raises:
        NoSuchPlaceError: there is no such module, function or text.
    """
    path, _, text = reference.partition(" ")
    module, _, name = path.partition(":")
    place = _named(_module_file(module), name)
    return _line(place, text.strip().strip('"')) if text else place


def test(identifier: str, project: Path) -> Place:
    """Return where the test stands that pytest would call ``tests/file.py::test_name``.

    Args:
        identifier: its path begins at the project.
        project: the folder with its pyproject.toml.

    Raises:
        NoSuchPlaceError: there is no such file or test.
    """
    path, _, name = identifier.partition("::")
    file = (project / path).resolve()
    if not file.is_file():
        raise NoSuchPlaceError(f"There is no file {path}.")
    return _named(file, name.partition("[")[0].replace("::", "."))


def _module_file(module: str) -> Path:
    """Return the file of a module, found without importing what it is in."""
    package, *names = module.split(".")
    try:
        spec = importlib.util.find_spec(package)
        for name in names:
            within = spec and spec.submodule_search_locations
            spec = PathFinder.find_spec(f"{package}.{name}", within) if within else None
            package = f"{package}.{name}"
    except Exception:  # a finder of a stranger's
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise NoSuchPlaceError(f"There is no module {module}.")
    return Path(spec.origin)


def _named(file: Path, name: str) -> Place:
    """Return the lines of a function or class, decorators included; of the whole file without."""
    if not name:
        lines = _read(file).count("\n")
        return Place(file, file.name, 1, max(1, lines))
    node: ast.AST = _parsed(file, file.stat().st_mtime_ns)
    for part in name.replace("<locals>.", "").split("."):
        inside = {each.name: each for each in _definitions(node)}
        if part not in inside:
            raise NoSuchPlaceError(f"There is no {name} in {file.name}: {part} is missing.")
        node = inside[part]
    assert isinstance(node, DEFINITIONS)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return Place(file, name, first, node.end_lineno or node.lineno)


def _definitions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield what is defined right in a node, or there within if, try, with or a loop."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, DEFINITIONS):
            yield each
        elif not isinstance(each, ast.expr):
            yield from _definitions(each)


@lru_cache(maxsize=512)
def _parsed(file: Path, _changed: int) -> ast.Module:
    """Return a file's syntax, which is kept until the file is changed."""
    try:
        return ast.parse(_read(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last: it nests
        raise NoSuchPlaceError(f"{file} cannot be read: {error}.") from error


def _read(file: Path) -> str:
    """Return a source file's text, in the encoding that it names."""
    try:
        with tokenize.open(file) as opened:
            return opened.read()
    except (OSError, SyntaxError, ValueError) as error:
        raise NoSuchPlaceError(f"{file} cannot be read: {error}.") from error


def _line(place: Place, text: str) -> Place:
    numbered = enumerate(place.text.split("\n"), place.first)
    found = [number for number, line in numbered if text in line]
    if len(found) != 1:
        raise NoSuchPlaceError(
            f"{text!r} stands {len(found)} times in {place.name}, where it must stand once."
        )
    return Place(place.file, place.name, found[0], found[0])
