"""What an object holds: which objects, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from plugnet.testing.report import require

T = TypeVar("T")


class Snapshot:
    """The objects that a value holds at one moment, and their contents."""

    def __init__(self, value: Any) -> None:
        self._value = value
        # Keeps the held objects alive, so that no new object can reuse an id.
        self._before = {path: (item, _state(item)) for path, item in _contents(value)}

    def require_unchanged(self, call: str, advice: str) -> None:
        """Fail if anything has changed: "forward changes _x. advice"."""
        now = {path: _state(item) for path, item in _contents(self._value)}
        before = {path: state for path, (_, state) in self._before.items()}
        paths = [path for path in before | now if before.get(path) != now.get(path)]
        names = ", ".join(dict.fromkeys(path.strip(".") for path in paths))
        require(not paths, f"{call} changes {names}. {advice}")


def find_instances(value: Any, kind: type[T]) -> list[T]:
    """Return the instances of a class within a value, at any depth."""
    found = {id(item): item for _, item in _contents(value) if isinstance(item, kind)}
    return list(found.values())


def _contents(
    value: Any, path: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield a value and everything within it, each with its path."""
    seen = set() if seen is None else seen
    yield path, value
    if id(value) in seen or isinstance(value, type | ModuleType):
        return
    seen.add(id(value))
    for name, item in parts(value).items():
        yield from _contents(item, f"{path}.{name}", seen)


def parts(value: Any) -> Mapping[Any, Any]:
    """Return what a value holds, by name, key or place."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    own = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return own | getattr(value, "__dict__", {})


def _state(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return id(value), value.tobytes()
    if isinstance(value, np.random.Generator):
        return id(value), repr(value.bit_generator.state)
    if isinstance(value, int | float | str | bytes | np.generic):
        return repr(value)
    return id(value)
