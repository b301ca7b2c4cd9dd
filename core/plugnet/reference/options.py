"""The options of a class: what its constructor takes, and what its docstrings say of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from plugnet.reference.documentation import Block, Code, Items, blocks

DESCRIBING = ("Args", "Arguments", "Attributes", "Parameters", "Keyword Args")


class Option(NamedTuple):
    """One argument of a constructor.

    Attributes:
        name: its name.
        type: its annotation, as it is written; "" if there is none.
        default: as it is written; None if it must be given.
        text: what the docstrings say.
    """

    name: str
    type: str
    default: str | None
    text: tuple[Block, ...]

    @property
    def declaration(self) -> str:
        """The argument as in a signature."""
        typed = f"{self.name}: {self.type}" if self.type else self.name
        if self.default is None:
            return typed
        return f"{typed} = {self.default}" if self.type else f"{typed}={self.default}"


def options(cls: type[Any]) -> tuple[Option, ...]:
    """Return the options of a class, in their order."""
    return tuple(
        Option(name, annotation(parameter.annotation), default(parameter), _text(cls, name))
        for name, parameter in inspect.signature(cls).parameters.items()
    )


def signature(name: str, declarations: list[str]) -> str:
    """Return how something is called, on one line or on a line for each argument."""
    line = f"{name}({', '.join(declarations)})"
    if len(line) <= 60:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in declarations), ")"])


def annotation(value: Any) -> str:
    """Return an annotation as it is written in the source; "" for none."""
    if value is inspect.Parameter.empty:
        return ""
    return value if isinstance(value, str) else inspect.formatannotation(value)


def default(parameter: inspect.Parameter) -> str | None:
    """Return a default as an expression; None if there is none."""
    if parameter.default is parameter.empty:
        return None
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(parameter.default))
    return "..." if text == "<factory>" else text


def description(cls: type[Any]) -> tuple[Block, ...]:
    """Return the docstring of a class without its examples, and without what is said of options."""
    names = inspect.signature(cls).parameters
    return tuple(_without_options(blocks(cls.__doc__), [*names]))


def remarks(cls: type[Any]) -> tuple[Block, ...]:
    """Return what the constructor's docstring says besides; its summary only where that is all."""
    parts = blocks(_constructors(cls))
    if any(isinstance(part, Items) and part.title in DESCRIBING for part in parts):
        parts = parts[1:]
    return tuple(_without_options(parts, [*inspect.signature(cls).parameters]))


def _constructors(cls: type[Any]) -> str | None:
    """Return the docstring of a constructor that somebody wrote."""
    own = next((each for each in cls.__mro__ if "__init__" in vars(each)), object)
    return None if own is object else vars(own)["__init__"].__doc__


def _without_options(parts: tuple[Block, ...], known: list[str]) -> Iterator[Block]:
    for part in parts:
        if isinstance(part, Items) and part.title in DESCRIBING:
            kept = [item for item in part.items if not set(_names(item[0])) & set(known)]
            if kept:
                yield Items(part.title, tuple(kept))
        elif not (isinstance(part, Code) and part.is_example):
            yield part


def _text(cls: type[Any], option: str) -> tuple[Block, ...]:
    """Return what the docstrings of a class, its constructor and its bases say of an option."""
    docs = [cls.__doc__, _constructors(cls), *(base.__doc__ for base in cls.__mro__[1:-1])]
    for part in (part for doc in docs for part in blocks(doc)):
        if isinstance(part, Items) and part.title in DESCRIBING:
            for name, text in part.items:
                if option in _names(name):
                    return text
    return ()


def _names(item: str) -> list[str]:
    """Return the names that an item is about: "a, b" or "a (int)"."""
    return [name.strip(" *") for name in item.partition(" (")[0].split(",")]
