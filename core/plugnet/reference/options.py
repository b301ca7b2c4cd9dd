"""The options of a class: what its constructor takes, and what its docstrings say of each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, ForwardRef, TypeGuard

from plugnet.files.toml_text import toml
from plugnet.reference.documentation import Block, Code, Items, blocks

DESCRIBING = ("Args", "Arguments", "Attributes", "Parameters", "Keyword Args")


def options(cls: type[Any]) -> Items:
    """Return the options of a class as they are declared, each with what is said of it."""
    parameters = inspect.signature(cls).parameters.items()
    return Items("", tuple((_declared(each), _text(cls, name)) for name, each in parameters))


def signature(name: str, function: Callable[..., Any]) -> str:
    """Return how a function or a class is called, on one line or on a line for each argument.

    That is not known of some classes whose constructor is written in C; then it is the name alone.
    """
    try:
        called = inspect.signature(function)
    except ValueError:
        return name
    declared = [*_declarations(called)]
    returned = "" if isinstance(function, type) else _annotation(called.return_annotation)
    end = f") -> {returned}" if returned else ")"
    line = f"{name}({', '.join(declared)}{end}"
    if len(line) <= 60 or not declared:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in declared), end])


def _declarations(called: inspect.Signature) -> Iterator[str]:
    """Yield the arguments as they are declared, and the marks between them."""
    before = None
    for parameter in called.parameters.values():
        kind = parameter.kind
        if before is parameter.POSITIONAL_ONLY is not kind:
            yield "/"
        if kind is parameter.KEYWORD_ONLY and before not in (kind, parameter.VAR_POSITIONAL):
            yield "*"
        yield _declared(parameter)
        before = kind
    if before is inspect.Parameter.POSITIONAL_ONLY:
        yield "/"


def _declared(parameter: inspect.Parameter) -> str:
    text = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
    type_ = _annotation(parameter.annotation)
    if type_:
        text += f": {type_}"
    if parameter.default is not parameter.empty:
        text += (" = " if type_ else "=") + _default(parameter.default)
    return text


def _annotation(value: Any) -> str:
    """Return an annotation as it is written in the source; "" for none."""
    if value is inspect.Signature.empty:
        return ""
    if isinstance(value, ForwardRef):  # of a named tuple
        return value.__forward_arg__
    return value if isinstance(value, str) else inspect.formatannotation(value)


def _default(value: Any) -> str:
    """Return a default as an expression."""
    if isinstance(value, str):
        return toml(value)  # which has double quotes
    if isinstance(value, type):
        return inspect.formatannotation(value)
    text = repr(value)
    return "..." if "<" in text or "\n" in text else text  # such as that of a factory


def description(cls: type[Any]) -> tuple[Block, ...]:
    """Return the docstring of a class without its examples, and without what is said of options."""
    return tuple(_without_options(blocks(cls.__doc__), cls))


def remarks(cls: type[Any]) -> tuple[Block, ...]:
    """Return what the constructor's docstring says besides; its summary only where that is all."""
    parts = blocks(_constructors(cls))
    if any(map(_describes, parts)):
        parts = parts[1:]
    return tuple(_without_options(parts, cls))


def _constructors(cls: type[Any]) -> str | None:
    """Return the docstring of a constructor that somebody wrote."""
    return None if cls.__init__ is object.__init__ else cls.__init__.__doc__


def _without_options(parts: tuple[Block, ...], cls: type[Any]) -> Iterator[Block]:
    known = inspect.signature(cls).parameters.keys()
    for part in parts:
        if _describes(part):
            kept = [item for item in part.items if known.isdisjoint(_names(item[0]))]
            if kept:
                yield Items(part.title, tuple(kept))
        elif not (isinstance(part, Code) and part.is_example):
            yield part


def _text(cls: type[Any], option: str) -> tuple[Block, ...]:
    """Return what the docstrings of a class, its constructor and its bases say of an option."""
    docs = [cls.__doc__, _constructors(cls), *(base.__doc__ for base in cls.__mro__[1:-1])]
    parts = (part for doc in docs for part in blocks(doc) if _describes(part))
    items = (item for part in parts for item in part.items)
    return next((text for name, text in items if option in _names(name)), ())


def _describes(part: Block) -> TypeGuard[Items]:
    """Tell whether a part is a list of options or attributes."""
    return isinstance(part, Items) and part.title in DESCRIBING


def _names(item: str) -> list[str]:
    """Return the names that an item is about: "a, b" or "a (int)"."""
    return [name.strip(" *") for name in item.partition(" (")[0].split(",")]
