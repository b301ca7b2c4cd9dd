"""What a copy of a component is made from: its class and its arguments, and never its buffers."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from plugnet.errors import SpecError


class Describable(ABC):
    """What gives its constructor's arguments by name: every component."""

    @abstractmethod
    def arguments(self) -> dict[str, object]:
        """Return them."""


class Description(NamedTuple):
    """A component as class and arguments, in which descriptions stand for further components."""

    cls: type[Any]
    arguments: dict[str, Any]


def describe(value: Any) -> Any:
    """Return the description of a component, and anything else with those of all that it holds.

    Raises:
        SpecError: a constructor takes ``*args`` or ``**kwargs``, which no attribute can keep.
    """
    if isinstance(value, Describable):
        _check_signature(type(value))
        arguments = {name: describe(held) for name, held in value.arguments().items()}
        return Description(type(value), arguments)
    if isinstance(value, list | tuple):
        return _like(value, [describe(item) for item in value])
    if isinstance(value, dict):
        return type(value)((key, describe(item)) for key, item in value.items())
    return value


def rebuild(value: Any) -> Any:
    """Return new components for the descriptions in ``value``."""
    if isinstance(value, Description):
        return value.cls(**{name: rebuild(item) for name, item in value.arguments.items()})
    if isinstance(value, list | tuple):
        return _like(value, [rebuild(item) for item in value])
    if isinstance(value, dict):
        return type(value)((key, rebuild(item)) for key, item in value.items())
    return value


def _like(value: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    """Return a list or tuple of the type of ``value``, perhaps a named one."""
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def _check_signature(cls: type[Any]) -> None:
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise SpecError(
                f"The constructor of {cls.__name__} takes '{parameter}', and such a component "
                "cannot be copied or described. Name every argument.",
                path="",
            )
