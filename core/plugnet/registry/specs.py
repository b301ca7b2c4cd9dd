"""Specs: a component as JSON, ``{"kind", "name", "provider", "version", "args"}``.

They are written and checked here, and built again in `building`, from registered names only: no
other text in a file leads to an import.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from plugnet.errors import (
    MissingComponentsError,
    RegistryError,
    SpecError,
    UnknownComponentError,
    shorten,
    shown,
)
from plugnet.interfaces import Component
from plugnet.registry import messages
from plugnet.registry.index import Index
from plugnet.registry.kinds import DESCRIBABLE, PUBLISHED
from plugnet.registry.loading import Found
from plugnet.registry.names import DISTRIBUTION, PATTERN, Name, matches, normalize

DEEPEST: Final = 100  # levels of nesting
MOST_MISSING: Final = 50  # components that an error names
#: What a file may put into a command: nothing that a shell or pip would take for something else.
VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.!+]{0,60}")
KEYS: Final = ("kind", "name", "provider", "version", "args")


def is_spec(value: object) -> bool:
    """Tell whether ``value`` is a dict that means a component."""
    return isinstance(value, Mapping) and value.keys() >= {"kind", "name", "args"}


def write(index: Index, component: Component, path: str = "", depth: int = 0) -> dict[str, Any]:
    """Return the spec of a component.

    Raises:
        SpecError: its class is not registered, or an argument cannot be written as JSON.
    """
    cls = type(component)
    entry = index.entry_of(cls)
    if entry is None:
        raise _error(
            path,
            f"{cls.__module__}.{cls.__qualname__} has no registered name, so it cannot be "
            "described. Register it with @registry.register(name), or as an entry point",
        )
    try:
        arguments = component.arguments()
    except AttributeError as error:
        raise _error(
            path,
            f"{cls.__qualname__} must keep every argument of its constructor as an attribute of "
            f"the same name, but {error}",
        ) from error
    walk = _Walk(lambda value: isinstance(value, Component), partial(write, index))
    return {
        "kind": entry.kind,
        "name": entry.name,
        "provider": entry.distribution,
        "version": entry.version,
        "args": walk.items(arguments, _inside(path, depth), depth),
    }


def check(index: Index, specs: Iterable[Any], kind: str | None = None) -> None:
    """Check specs before anything is built.

    Args:
        index: says what there is.
        specs: what `write` returned.
        kind: the kind that they must be of; None: any.

    Raises:
        SpecError: one of them is not a spec, or its arguments do not fit.
        MissingComponentsError: components are not available; up to fifty of them are named.
    """
    specs = list(specs)
    missing: dict[str, str] = {}  # what is missing, and why
    for number, spec in enumerate(specs):
        path = "" if len(specs) == 1 else f"[{number}]"
        said = spec.get("kind") if isinstance(spec, Mapping) else kind
        if kind and not (isinstance(said, str) and said == kind):
            raise _error(path, f"the kind must be {kind}, but it is {shown(said)}")
        _check(index, missing, spec, path)
    if missing:
        raise _missing_error(missing)


def _missing_error(missing: Mapping[str, str]) -> MissingComponentsError:
    lines = [f"\n  {what}: {why}" for what, why in missing.items()]
    text = f"Components are needed that are not available:{''.join(lines)}"
    return MissingComponentsError(text, path="spec", missing=tuple(missing))


def _check(index: Index, missing: dict[str, str], spec: Any, path: str, depth: int = 0) -> None:
    """Check one spec and those inside it, and add what is not available to ``missing``."""
    _check_form(spec, path)
    inside = _inside(path, depth)
    _Walk(is_spec, partial(_check, index, missing)).items(spec["args"], inside, depth)
    saved = f" (saved with {_saved(spec)})" if _saved(spec) else ""
    what = f"{spec['kind']} '{spec['name']}'{saved}"
    if what in missing:
        return
    try:
        found, note = look_up(index, spec)
    except RegistryError as error:
        missing[what] = _why_missing(index, spec, error)
        if len(missing) == MOST_MISSING:  # to say why takes some milliseconds each
            raise _missing_error(missing) from error
        return
    if why := found.misfit((), spec["args"]):
        text = f"{found.entry} cannot be built: {why} Its signature is {found.signature}. {note}"
        raise _error(inside, text.rstrip(". "))


def _check_form(spec: Any, path: str) -> None:
    """Raise SpecError unless ``spec`` has the form of one."""
    if not isinstance(spec, Mapping):
        raise _error(path, f"a spec must be a dict, but it is {shown(spec)}")
    if unknown := [key for key in spec if key not in KEYS]:
        raise _error(path, f"a spec has the keys {', '.join(KEYS)}, but not {shown(unknown[0])}")
    kind, name, provider, version, args = map(spec.get, KEYS)
    printable = isinstance(version, str) and version.isprintable()
    named = isinstance(args, dict) and all(isinstance(key, str) for key in args)
    rules = {
        "kind": (isinstance(kind, str) and kind in DESCRIBABLE, " or ".join(DESCRIBABLE)),
        "name": (matches(PATTERN, name), "a registered name, such as 'fc'"),
        "provider": (provider is None or matches(DISTRIBUTION, provider), "a distribution or None"),
        "version": (version is None or printable, "a printable string or None"),
        "args": (named, "a dict whose keys are strings"),
    }
    for key, (holds, wanted) in rules.items():
        if not holds:
            came = shown(spec[key]) if key in spec else "missing"
            raise _error(path, f"the {key} must be {wanted}, but it is {came}")


def look_up(index: Index, spec: Mapping[str, Any]) -> tuple[Found, str]:
    """Return the class that a spec means, and a note if it was saved with another version."""
    name, provider, version = spec["name"], spec.get("provider"), spec.get("version")
    found = index.locate(f"{provider}/{name}" if provider else name, spec["kind"])
    if not version or version == found.entry.version:
        return found, ""
    return found, f"The spec was saved with {_saved(spec)}; installed is {found.entry.version}."


def _saved(spec: Mapping[str, Any]) -> str:
    """Return the provider and version that a spec records."""
    return shorten(" ".join(filter(None, (spec.get("provider"), spec.get("version")))))


def _why_missing(index: Index, spec: Mapping[str, Any], error: RegistryError) -> str:
    """Return why a component is not available, and what to do."""
    if not isinstance(error, UnknownComponentError):
        return str(error)
    provider = spec.get("provider", "")
    if provider is None:
        return (
            "it was registered at run time by the program that saved it. Run that registration "
            "first, or put the class into a module and give it an entry point."
        )
    distribution = normalize(provider) or None
    listing = index.listing()
    name = Name(spec["kind"], distribution, spec["name"])
    why = " ".join(messages.hints(name, listing)) or "no installed plugin provides it."
    version = spec.get("version") or ""
    if not (distribution and matches(VERSION, version)):
        return why
    command = f"pip install {distribution}=={version}"
    installed = {e.distribution: e.version for e in listing if e.distribution}
    if distribution in installed:
        return f"{distribution} {installed[distribution]} does not provide it. Run: {command}"
    if distribution in PUBLISHED.values():
        return f"'{distribution}' is not installed. Run: {command}"
    return f"{why} If you trust who makes it, run: {command}"


class _Walk(NamedTuple):
    """Goes through arguments, either way, and checks that they are what JSON can hold.

    Attributes:
        is_component: whether a value is a component, or the spec of one.
        visit: what to do with it, its path and its depth; what it returns takes its place.
    """

    is_component: Callable[[object], bool]
    visit: Callable[[Any, str, int], Any]

    def items(self, values: Mapping[str, Any], path: str, depth: int) -> dict[str, Any]:
        """Return a dict with everything in it visited."""
        return {key: self.value(values[key], f"{path}.{key}", depth + 1) for key in values}

    def value(self, value: Any, path: str, depth: int) -> Any:
        """Return a value with everything in it visited."""
        if isinstance(value, np.generic):
            value = value.item()
        is_finite = type(value) is float and math.isfinite(value)
        if value is None or type(value) in (bool, int, str) or is_finite:
            return value
        if depth > DEEPEST:  # or in itself
            raise _error(path, f"a spec may be nested at most {DEEPEST} levels deep")
        if self.is_component(value):
            return self.visit(value, path, depth)
        if isinstance(value, list | tuple):
            return [self.value(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return self.items(value, path, depth)
        raise _error(
            path,
            "a spec holds strings, finite numbers, booleans, None, lists, dicts whose keys are "
            f"strings and registered components, but here is {shown(value)}, of type "
            f"{type(value).__name__}",
        )


def _inside(path: str, depth: int) -> str:
    """Return the path of a spec's arguments; a component inside another is named by its own."""
    return path if depth else f"{path}.args".lstrip(".")


def _error(path: str, text: str) -> SpecError:
    where = path or "spec"
    return SpecError(f"{shorten(where, 200)}: {text}.", path=where)
