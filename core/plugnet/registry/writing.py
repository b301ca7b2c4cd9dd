"""From a component to its spec: ``{"kind", "name", "provider", "version", "args"}``, JSON only."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from plugnet.errors import SpecError
from plugnet.interfaces import Component
from plugnet.registry.index import Index
from plugnet.registry.names import shorten, shown

DEEPEST: Final = 100  # levels of nesting


def write(index: Index, component: Component, path: str = "", depth: int = 0) -> dict[str, Any]:
    """Return the spec of a component.

    Raises:
        SpecError: its class is not registered, or an argument cannot be written as JSON.
    """
    cls = type(component)
    entry = index.entry_of(cls)
    if entry is None:
        raise spec_error(
            path,
            f"{cls.__module__}.{cls.__qualname__} has no registered name, so it cannot be "
            "described. Register it with @registry.register(name), or as an entry point",
        )
    try:
        arguments = component.arguments()
    except AttributeError as error:
        raise spec_error(
            path,
            f"{cls.__qualname__} must keep every argument of its constructor as an attribute of "
            f"the same name, but {error}",
        ) from error
    return {
        "kind": entry.kind,
        "name": entry.name,
        "provider": entry.distribution,
        "version": entry.version,
        "args": {
            name: _write(index, value, f"{path or 'args'}.{name}", depth + 1)
            for name, value in arguments.items()
        },
    }


def _write(index: Index, value: Any, path: str, depth: int) -> Any:
    """Return a value as JSON has it: tuples as lists, NumPy's numbers as Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Component):
        check_depth(path, depth)
        return write(index, value, path, depth)
    if isinstance(value, list | tuple):
        check_depth(path, depth)
        return [_write(index, item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        check_depth(path, depth)
        return {k: _write(index, item, f"{path}.{k}", depth + 1) for k, item in value.items()}
    return simple(value, path)


def simple(value: Any, path: str) -> Any:
    """Return a value that is one of JSON's simple ones."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    raise spec_error(
        path,
        "a spec holds texts, finite numbers, booleans, None, lists, dicts with text keys and "
        f"registered components, but here is {shown(value)}, of type "
        f"{type(value).__name__}",
    )


def check_depth(path: str, depth: int) -> None:
    """Raise SpecError if something is nested too deep, or in itself."""
    if depth > DEEPEST:
        raise spec_error(path, f"a spec may be nested at most {DEEPEST} levels deep")


def spec_error(path: str, text: str) -> SpecError:
    """Return the error for what is wrong at a path."""
    where = path or "spec"
    return SpecError(f"{shorten(where, 200)}: {text}.", path=where)
