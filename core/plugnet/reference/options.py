"""The options of a class: what its constructor takes, and what its docstrings say of each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, ForwardRef, NamedTuple

from plugnet.files.toml_text import toml
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
        return _declared(self.name, self.type, self.default)


def options(cls: type[Any]) -> tuple[Option, ...]:
    """Return the options of a class, in their order."""
    return tuple(
        Option(name, annotation(parameter.annotation), default(parameter), _text(cls, name))
        for name, parameter in inspect.signature(cls).parameters.items()
    )


def signature(name: str, called: inspect.Signature, first: tuple[str, ...] = ()) -> str:
    """Return how something is called, on one line or on a line for each argument.

    Args:
        name: what is called.
        called: with what, and what it returns.
        first: what stands before the arguments, such as ``self``.
    """
    declared = [*first, *_declarations(called)]
    returned = annotation(called.return_annotation)
    end = f") -> {returned}" if returned else ")"
    line = f"{name}({', '.join(declared)}{end}"
    if len(line) <= 60 or not declared:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in declared), end])


def _declarations(called: inspect.Signature) -> Iterator[str]:
    """Yield the arguments as they are declared, and the marks between them."""
    marks: dict[Any, str] = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    before = None
    for name, parameter in called.parameters.items():
        kind = parameter.kind
        if before is parameter.POSITIONAL_ONLY is not kind:
            yield "/"
        if kind is parameter.KEYWORD_ONLY and before not in (kind, parameter.VAR_POSITIONAL):
            yield "*"
        whole = marks.get(kind, "") + name
        yield _declared(whole, annotation(parameter.annotation), default(parameter))
        before = kind
    if before is inspect.Parameter.POSITIONAL_ONLY:
        yield "/"


def _declared(name: str, type_: str, value: str | None) -> str:
    typed = f"{name}: {type_}" if type_ else name
    if value is None:
        return typed
    return f"{typed} = {value}" if type_ else f"{typed}={value}"


def annotation(value: Any) -> str:
    """Return an annotation as it is written in the source; "" for none."""
    if value is inspect.Signature.empty:
        return ""
    if isinstance(value, ForwardRef):  # of a named tuple
        return value.__forward_arg__
    return value if isinstance(value, str) else inspect.formatannotation(value)


def default(parameter: inspect.Parameter) -> str | None:
    """Return a default as an expression; None if there is none."""
    if parameter.default is parameter.empty:
        return None
    value = parameter.default
    if isinstance(value, str):
        return toml(value)  # which has double quotes
    if isinstance(value, type):
        return inspect.formatannotation(value)
    return "..." if "<" in repr(value) else repr(value)  # such as that of a factory


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
