r"""What a docstring cannot say: the ``reference.toml`` in a plugin's package.

    [activations.swirl]
    formula = '''f(x) = x \sin x'''
    code = ["forward", "derivative"]
    tests = ["tests/test_swirl.py::test_values"]

All keys are optional. ``code`` names methods of the class, ``module:Name.method`` or whole modules;
a text in quotes after one narrows it to the one line with that text. The path of a test begins at
the folder of the distribution's pyproject.toml; an installed wheel has none, and so no links to
tests. ``example`` is Python, which is run when the page is made, and its output is shown:
the file is part of the package, and believed as its code is.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from plugnet.errors import ConfigError, shown
from plugnet.reference import places
from plugnet.reference.places import NoSuchPlaceError, Place
from plugnet.registry import Entry, registry
from plugnet.registry.kinds import API_GROUP, KINDS
from plugnet.registry.names import close, did_you_mean, normalize

FILE = "reference.toml"
KEYS = ("formula", "code", "tests", "example")


class Link(NamedTuple):
    """A name, as ``places`` takes it, and where that is."""

    name: str
    place: Place


def link_to(value: Any) -> Link:
    """Return the link to a class or a function.

    Raises:
        NoSuchPlaceError: it is not written in a file.
    """
    name = name_of(value)
    return Link(name, places.code(name))


def name_of(value: Any) -> str:
    """Return the name of a class or a function, as ``places`` takes it, or that of its module.

    The module is the first that has it, of its own, which a package may have set to itself, and
    those of its methods.

    Raises:
        NoSuchPlaceError: it is not written in a file.
    """
    methods = filter(inspect.isfunction, vars(value).values())
    modules = [str(each.__module__) for each in (value, *methods)]
    for name in (*(f"{module}:{value.__qualname__}" for module in modules), *modules):
        with suppress(NoSuchPlaceError):
            places.code(name)
            return name
    raise NoSuchPlaceError(f"There is no source of {value.__qualname__}.")


class Proof(NamedTuple):
    """What there is about one component; empty where nothing is said.

    Attributes:
        formula: TeX.
        code: where the formula is computed.
        tests: what proves it.
        example: Python.
    """

    formula: str = ""
    code: tuple[Link, ...] = ()
    tests: tuple[Link, ...] = ()
    example: str = ""


def proof(entry: Entry, cls: type[Any]) -> Proof:
    """Return what the package of a component says about it.

    Raises:
        ConfigError: the file does not say it as it must, or names what is not there.
    """
    folder = _package(entry.distribution)
    if folder is None or not (folder / FILE).is_file():
        return Proof()
    file = folder / FILE
    view = KINDS[entry.kind].view
    where = f"{file}, [{view}.{entry.name}]"
    said = _tables(file, entry.distribution).get(view, {}).get(entry.name, {})
    for key, value in said.items():
        _check(where, key, value)
    return Proof(
        said.get("formula", "").strip(),
        tuple(_code(where, cls, name) for name in said.get("code", ())),
        tuple(_tests(where, said.get("tests", ()), _project(folder, entry.distribution))),
        said.get("example", "").strip(),
    )


def _package(distribution: str | None) -> Path | None:
    """Return the folder of the package that a distribution's ``plugnet.api`` names."""
    if distribution is None:
        return None
    for point in metadata.distribution(distribution).entry_points.select(group=API_GROUP):
        with suppress(ImportError, ValueError):
            spec = find_spec(point.value)
            if spec is not None and spec.submodule_search_locations:
                return Path(next(iter(spec.submodule_search_locations)))
    return None


def _tables(file: Path, distribution: str | None) -> dict[str, dict[str, Any]]:
    """Return the tables of the file by view and name, which are the distribution's."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{file} must be a TOML file, but {error}. Mend that line.", key=FILE
        ) from error
    views = {kind.view: registry.view(kind.name) for kind in KINDS.values()}
    for view, tables in content.items():
        if view not in views:
            raise _unknown(f"{file}: a table", view, views, "begins with one of the kinds")
        names = {each.name for each in views[view].entries() if each.distribution == distribution}
        if not isinstance(tables, Mapping):
            raise _wrong(f"{file}: {view}", "is a table of tables", tables, f"[{view}.NAME]")
        for name, table in tables.items():
            if name not in names:
                rule = f"names one of the {view} of {distribution}"
                raise _unknown(f"{file}: a table of {view}", name, names, rule)
            if not isinstance(table, Mapping):
                raise _wrong(f"{file}, {view}.{name}", "is a table", table, f"[{view}.{name}]")
    return content


def _check(where: str, key: str, value: object) -> None:
    """Raise ConfigError unless a key is known and its value of the right type."""
    if key not in KEYS:
        raise _unknown(f"{where}: a key", key, KEYS, "is one that plugnet knows")
    if key in ("formula", "example"):
        if not isinstance(value, str) or not value.strip():
            raise _wrong(f"{where}: {key}", "is a text", value, f"{key} = '''...'''")
    elif not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(f"{where}: {key}", "is a list of texts", value, f'{key} = ["..."]')


def _code(where: str, cls: type[Any], name: str) -> Link:
    """Return the place of a method of the class, which a base may define, or of any function."""
    function, space, text = name.partition(" ")
    first = function.partition(".")[0]
    owner = next((each for each in cls.__mro__ if first in vars(each)), cls)
    try:
        if ":" not in function and (first in vars(owner) or first == function):
            name = f"{name_of(owner)}.{function}{space}{text}"
        return Link(name, places.code(name))
    except NoSuchPlaceError as error:
        advice = 'a method of the class, "module:Name.method", or one with \' "text"\' after it'
        raise _wrong(f"{where}: code", "names what is there", name, advice, error) from error


def _tests(where: str, names: list[str], project: Path | None) -> Iterator[Link]:
    """Yield the places of tests; of an installed wheel, which has no project, none."""
    if project is None:
        return
    for name in names:
        try:
            yield Link(name, places.test(name, project))
        except NoSuchPlaceError as error:
            advice = '"tests/test_file.py::test_name", without what stands in brackets'
            raise _wrong(f"{where}: tests", "names what is there", name, advice, error) from None


def _project(package: Path, distribution: str | None) -> Path | None:
    """Return the folder around a package whose pyproject.toml is the distribution's, or None."""
    for folder in package.parents:
        with suppress(OSError, ValueError, LookupError, TypeError):  # anybody may have written it
            content = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
            if normalize(content["project"]["name"]) == distribution:
                return folder
    return None


def _unknown(where: str, came: str, known: Any, rule: str) -> ConfigError:
    hint = did_you_mean(close(came, known)) or f"There are: {', '.join(sorted(known))}."
    return ConfigError(f"{where} {rule}, but there is {shown(came)}. {hint}", key=came)


def _wrong(
    where: str, rule: str, came: object, example: str, error: Exception | None = None
) -> ConfigError:
    why = f" ({error})" if error else ""
    return ConfigError(f"{where} {rule}, but it is {shown(came)}{why}. Write {example}.", key=where)
