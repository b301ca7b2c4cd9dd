"""What a copy of a component is made from: its class and its arguments, and never its buffers."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable


@runtime_checkable
class Describable(Protocol):
    """What gives its constructor's arguments by name: every component."""

    def arguments(self) -> dict[str, object]:
        """Return them."""


class Description(NamedTuple):
    """A component as class and arguments, in which descriptions stand for further components."""

    cls: type[Any]
    arguments: dict[str, Any]


def describe(value: Any) -> Any:
    """Return the description of a component, and anything else with those of all that it holds."""
    if isinstance(value, Describable) and not isinstance(value, type):
        return Description(
            type(value), {name: describe(argument) for name, argument in value.arguments().items()}
        )
    if type(value) in (list, tuple):
        return type(value)(map(describe, value))
    if type(value) is dict:
        return {key: describe(item) for key, item in value.items()}
    return value


def rebuild(value: Any) -> Any:
    """Return new components for the descriptions in ``value``."""
    if isinstance(value, Description):
        return value.cls(**{name: rebuild(item) for name, item in value.arguments.items()})
    if type(value) in (list, tuple):
        return type(value)(map(rebuild, value))
    if type(value) is dict:
        return {key: rebuild(item) for key, item in value.items()}
    return value
