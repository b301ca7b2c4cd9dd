"""Specs: a component as JSON, ``{"kind", "name", "provider", "version", "args"}``, and back.

Only registered names are built, and only after all is checked: no text in a file leads to an
import.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
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
from plugnet.registry.building import call, is_spec, misfit, signature
from plugnet.registry.index import Found, Index
from plugnet.registry.kinds import KINDS
from plugnet.registry.names import DISTRIBUTION, PATTERN, Name, normalize

DEEPEST: Final = 100  # levels of nesting
#: Hooks are not components and have no spec, so a file cannot bring one in.
DESCRIBABLE: Final = [kind.name for kind in KINDS.values() if kind.interface is not object]
KEYS: Final = ("kind", "name", "provider", "version", "args")


# From a component to its spec --------------------------------------------------------------------


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

    def written(value: Any, path: str, depth: int) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Component):
            _check_depth(path, depth)
            return write(index, value, path, depth)
        return _each(list(value) if isinstance(value, tuple) else value, path, depth, written)

    args = {
        name: written(value, f"{path or 'args'}.{name}", depth + 1)
        for name, value in arguments.items()
    }
    return {
        "kind": entry.kind,
        "name": entry.name,
        "provider": entry.distribution,
        "version": entry.version,
        "args": args,
    }


# From a spec to a component ----------------------------------------------------------------------


class Plan(NamedTuple):
    """A spec that has been checked wholly: what is to be built, and from what.

    Attributes:
        found: the class.
        args: its arguments, in which plans stand for components.
        note: what to add to the error if building fails after all.
    """

    found: Found
    args: dict[str, Any]
    note: str

    def build(self) -> Any:
        """Build the component, those inside it first."""
        args = {name: _built(value) for name, value in self.args.items()}
        try:
            return call(self.found, (), args)
        except Exception as error:
            if self.note:
                error.add_note(self.note)
            raise


def _built(value: Any) -> Any:
    if isinstance(value, Plan):
        return value.build()
    if isinstance(value, list):
        return [_built(item) for item in value]
    if isinstance(value, dict):
        return {key: _built(item) for key, item in value.items()}
    return value


class Reader:
    """Checks specs before anything is built, and collects all that is missing."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._missing: dict[str, str] = {}  # what is missing, and why

    def read(self, specs: Iterable[Any], kind: str | None) -> list[Plan]:
        """Return what some specs mean.

        Args:
            specs: what `write` returned.
            kind: the kind that they must be of; None: any.

        Raises:
            SpecError: one of them is not a spec, or its arguments do not fit.
            MissingComponentsError: components are not available; all of them are named.
        """
        specs = list(specs)
        roots = [""] if len(specs) == 1 else [f"[{i}]" for i in range(len(specs))]
        plans = [self._plan(spec, kind, root) for spec, root in zip(specs, roots, strict=True)]
        if self._missing:
            count = len(self._missing)
            lines = (f"\n  {what}: {why}" for what, why in self._missing.items())
            raise MissingComponentsError(
                f"{count} component{'s are' if count > 1 else ' is'} needed but not available:"
                + "".join(lines),
                path="spec",
                missing=tuple(self._missing),
            )
        return [plan for plan in plans if plan is not None]

    def _plan(self, spec: Any, kind: str | None, root: str, depth: int = 0) -> Plan | None:
        """Return what one spec means, or None if its component is missing."""
        _check_form(spec, kind, root)
        # "args.initializer.scale": a component inside another is named by the argument alone.
        path = root if depth else f"{root}.args".lstrip(".")
        args = {
            name: self._value(value, f"{path}.{name}", depth + 1)
            for name, value in spec["args"].items()
        }
        kind, name, provider = spec["kind"], spec["name"], spec.get("provider")
        version = spec.get("version")
        saved = shorten(" ".join(filter(None, (provider, version))))
        try:
            found = self._index.locate(f"{provider}/{name}" if provider else name, kind)
        except RegistryError as error:
            what = f"{kind} '{name}'" + (f" (saved with {saved})" if saved else "")
            self._missing[what] = self._why(spec, error)
            return None
        note = ""
        if version and version != found.entry.version:
            note = f"The spec was saved with {saved}; installed is {found.entry.version}."
        if why := misfit(found, (), args):
            text = f"{kind} '{name}' cannot be built: {why} Its signature is {signature(found)}."
            raise _error(path, f"{text} {note}".rstrip(". "))
        return Plan(found, args, note)

    def _value(self, value: Any, path: str, depth: int) -> Any:
        """Return an argument, in which specs have become plans."""
        if is_spec(value):
            _check_depth(path, depth)
            return self._plan(value, None, path, depth)
        return _each(value, path, depth, self._value)

    def _why(self, spec: Mapping[str, Any], error: RegistryError) -> str:
        """Return why a component is not available, and what to do."""
        if not isinstance(error, UnknownComponentError):
            return str(error)
        provider = spec.get("provider")
        if "provider" in spec and provider is None:
            return (
                "it was registered at run time by the program that saved it. Run that "
                "registration first, or put the class into a module and give it an entry point."
            )
        name = Name(spec["kind"], provider and normalize(provider), spec["name"])
        hints = messages.hints(name, self._index.listing())
        return " ".join(hints) or "no installed plugin provides it."


def _check_form(spec: Any, kind: str | None, path: str) -> None:
    """Raise SpecError unless ``spec`` has the form of one."""
    if not isinstance(spec, Mapping):
        raise _error(path, f"a spec must be a dict, but it is {shown(spec)}")
    if unknown := [key for key in spec if key not in KEYS]:
        raise _error(path, f"a spec has the keys {', '.join(KEYS)}, but not {shown(unknown[0])}")
    if absent := [key for key in ("kind", "name", "args") if key not in spec]:
        raise _error(path, f"the spec has no {absent[0]!r}")
    name, provider, version = spec["name"], spec.get("provider"), spec.get("version")
    kinds = [kind] if kind else DESCRIBABLE
    if spec["kind"] not in kinds:
        raise _error(
            path, f"the kind must be {' or '.join(kinds)}, but it is {shown(spec['kind'])}"
        )
    if not isinstance(name, str) or not PATTERN.fullmatch(name):
        raise _error(path, f"{shown(name)} cannot be a registered name")
    is_text = isinstance(provider, str) and DISTRIBUTION.fullmatch(provider)
    if provider is not None and not is_text:
        raise _error(path, f"{shown(provider)} cannot be a provider, which is a distribution")
    if version is not None and not (isinstance(version, str) and version.isprintable()):
        raise _error(path, f"the version must be a string or None, but it is {shown(version)}")
    if not isinstance(spec["args"], dict) or not all(isinstance(k, str) for k in spec["args"]):
        raise _error(path, "the args must be a dict whose keys are strings")


# What both ways share ----------------------------------------------------------------------------


def _each(value: Any, path: str, depth: int, convert: Callable[[Any, str, int], Any]) -> Any:
    """Return a list or a dict with everything in it converted, or one of JSON's simple values."""
    if isinstance(value, list):
        _check_depth(path, depth)
        return [convert(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        _check_depth(path, depth)
        return {key: convert(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    raise _error(
        path,
        "a spec holds strings, finite numbers, booleans, None, lists, dicts whose keys are strings "
        f"and registered components, but here is {shown(value)}, of type {type(value).__name__}",
    )


def _check_depth(path: str, depth: int) -> None:
    """Raise SpecError if something is nested too deep, or in itself."""
    if depth > DEEPEST:
        raise _error(path, f"a spec may be nested at most {DEEPEST} levels deep")


def _error(path: str, text: str) -> SpecError:
    where = path or "spec"
    return SpecError(f"{shorten(where, 200)}: {text}.", path=where)
