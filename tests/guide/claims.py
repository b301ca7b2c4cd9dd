"""What the guide's formulas and the reference say of code and tests: claims, to be measured."""

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "examples/guide"
if str(GUIDE) not in sys.path:
    sys.path.insert(0, str(GUIDE))

from extensions import places as places  # noqa: E402 # from the guide, which is no package


def _root(package: Path) -> Path:
    """Return the folder of the pyproject.toml that a package is in."""
    return ROOT if package.name == "plugnet_builtin" else package.parent


#: The packages with components, and the folder of the pyproject.toml of each.
PACKAGES = {
    package: _root(package)
    for package in sorted(ROOT.glob("plugins/*/plugnet_*"))
    if package.is_dir() and "plugnet.api" in (_root(package) / "pyproject.toml").read_text()
}

_FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,}|:{3,})(?:\{(?P<directive>[^}]+)\})?(?P<rest>.*)")
_OPTION = re.compile(r"\s*:(?P<key>[\w-]+):\s*(?P<value>.*)")
#: Directives whose lines are shown as they stand.
_VERBATIM = {"code-cell", "code-block", "code", "listing", "literalinclude", "raw"}


@dataclass(frozen=True)
class Claim:
    """That this code computes what a formula says, and that these tests prove it.

    Attributes:
        where: the file that says so, relative to the clone.
        name: which formula or component of the file.
        code: places of code, as `places.code` takes them.
        tests: ids of tests, as `places.test` takes them.
    """

    where: str
    name: str
    code: tuple[str, ...]
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where}, {self.name}"


def all_claims() -> list[Claim]:
    """Return those of all chapters and of the reference of all distributions."""
    pages = [claim for page in sorted(GUIDE.glob("*.md")) for claim in of_page(page)]
    return pages + [claim for package in PACKAGES for claim in of_reference(package)]


def of_page(page: Path) -> list[Claim]:
    """Return what the ``{formula}`` directives of a page claim."""
    where = page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name
    return list(_formulas(where, page.read_text(encoding="utf-8").splitlines()))


def of_reference(package: Path) -> list[Claim]:
    """Return what the tables of a package's reference.toml claim."""
    where = (package / "reference.toml").relative_to(ROOT).as_posix()
    components = registered(package)
    return [
        Claim(
            where,
            name,
            tuple(of_class(components[name], link) for link in table["code"]),
            tuple(test.removeprefix("../../") for test in table["tests"]),  # this clone's
        )
        for name, table in tables(package).items()
    ]


def tables(package: Path) -> dict[str, dict[str, Any]]:
    """Return the tables of a package's reference.toml by view and name: ``losses.hinge``."""
    views = tomllib.loads((package / "reference.toml").read_text(encoding="utf-8"))
    return {f"{view}.{name}": table for view, own in views.items() for name, table in own.items()}


def registered(package: Path) -> dict[str, str]:
    """Return ``module:Class`` of each component that a package's distribution registers."""
    file = PACKAGES[package] / "pyproject.toml"
    groups = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["entry-points"]
    return {
        f"{view}.{name}": place
        for group, entries in groups.items()
        for view in [group.removeprefix("plugnet.")]
        if view not in (group, "api")
        for name, place in entries.items()
    }


def of_class(component: str, link: str) -> str:
    """Return a link as `places.code` takes it: a bare method is one of the component's class.

    Raises:
        NoSuchPlaceError: the class has no such method.
    """
    path, space, text = link.partition(" ")
    if ":" in path:
        return link
    owner = next((one for one in _class(component).__mro__ if path in vars(one)), None)
    if owner is None:
        raise places.NoSuchPlaceError(f"{component} has no method {path}.")
    return f"{owner.__module__}:{owner.__qualname__}.{path}{space}{text}"


@cache
def _class(component: str) -> type[Any]:
    module, _, name = component.partition(":")
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def _formulas(where: str, lines: list[str]) -> Iterator[Claim]:
    """Yield what the directives claim, within other directives, too."""
    rest = iter(enumerate(lines, 1))
    around: list[str] = []  # the fences of the directives that a line is within
    for number, line in rest:
        opened = _FENCE.fullmatch(line)
        if opened is None:
            continue
        fence, directive, words = opened["fence"], opened["directive"], opened["rest"].strip()
        if around and fence.startswith(around[-1]) and not (directive or words):
            around.pop()
        elif directive == "formula":
            options = takewhile(bool, map(_OPTION.fullmatch, _inside(rest, fence)))
            found = {option["key"]: option["value"] for option in options if option}
            links = (_links(found.get(key, "")) for key in ("code", "test"))
            yield Claim(where, words or f"line {number}", *links)
        elif fence[0] == ":" or directive not in {None, *_VERBATIM}:
            around.append(fence)
        elif fence not in words:  # not a span of code within a line
            _inside(rest, fence)


def _inside(rest: Iterator[tuple[int, str]], fence: str) -> list[str]:
    """Return the lines up to the fence that closes this one."""
    closing = re.compile(rf"\s*{fence[0]}{{{len(fence)},}}\s*")
    return [line for _, line in takewhile(lambda each: not closing.fullmatch(each[1]), rest)]


def _links(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (link.strip() for link in text.split("|"))))
