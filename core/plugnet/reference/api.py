"""The public API: a page for each module that ``plugnet``'s docstring names."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from itertools import takewhile
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import plugnet
from plugnet.reference.documentation import blocks, code_span, fenced, inline, markdown
from plugnet.reference.options import signature
from plugnet.reference.page import Markup
from plugnet.reference.proofs import link_to

#: Special methods that are part of a class's use.
SPECIAL = ("__call__", "__getitem__", "__iter__", "__len__", "__next__")
_MODULE = re.compile(r"`(?:plugnet\.)?(\w+)`|plugnet\.(\w[\w.]*\w)")


def modules() -> tuple[str, ...]:
    """Return the names of the public modules, ``plugnet`` itself first."""
    named = [one or other for one, other in _MODULE.findall(plugnet.__doc__ or "")]
    return tuple(dict.fromkeys(["plugnet", *(f"plugnet.{name}" for name in named)]))


def page(name: str, markup: Markup) -> str:
    """Return the page of a public module."""
    module = import_module(name)
    parts = [f"# {inline(name)}", markdown(blocks(module.__doc__))]
    for public, value in _public(module).items():
        parts.append(f"## {inline(public)}")
        home = _homes()[value] if isinstance(value, type | FunctionType) else name
        if home != name:
            parts.append(f"See [{code_span(f'{home}.{public}')}]({home}.md).")
        elif isinstance(value, FunctionType):
            parts += _function(public, value, "", markup)
        elif isinstance(value, type):
            parts += _class(public, value, markup)
        elif public == "registry":
            parts.append(f"The one object of {code_span('Registry')}:")
            parts += _class("Registry", type(value), markup)
        else:
            parts += _variable(module, public)
    return "\n\n".join(filter(None, parts)) + "\n"


# What is public ----------------------------------------------------------------------------------


def _public(module: ModuleType) -> dict[str, Any]:
    """Return what a module defines or gives on, ``from x import y as y``, in its order."""
    names = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ImportFrom):
            names += [alias.name for alias in node.names if alias.asname == alias.name]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        else:
            names += [target.id for target in _targets(node)]
    public = [name for name in names if not name.startswith("_")]
    values = {name: inspect.unwrap(getattr(module, name)) for name in public}
    return {name: value for name, value in values.items() if not isinstance(value, TypeVar)}


def _targets(node: ast.AST) -> list[ast.Name]:
    """Return the names that an assignment sets."""
    if isinstance(node, ast.Assign):
        return [target for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target]
    return []


@cache
def _homes() -> dict[type | FunctionType, str]:
    """Return on which page each class and function is: that of its module, or the first."""
    homes: dict[type | FunctionType, str] = {}
    for name in modules():
        for value in _public(import_module(name)).values():
            if isinstance(value, type | FunctionType):
                own = value.__module__
                homes.setdefault(value, own if own in modules() else name)
    return homes


# Its parts ---------------------------------------------------------------------------------------


def _class(name: str, cls: type[Any], markup: Markup) -> Iterator[str]:
    """Yield a class: how it is made, what it is, its attributes and its methods."""
    yield fenced(signature(f"class {name}", cls), "python")
    bases = [base.__name__ for base in cls.__bases__ if base.__module__.startswith("plugnet")]
    if bases:
        yield f"Derived from {', '.join(map(code_span, bases))}."
    yield markup.code(link_to(cls))
    yield markdown(blocks(cls.__doc__))
    owners = [cls, *(base for base in cls.__mro__[1:] if _is_hidden(base))]
    if said := [line for owner in owners for line in _attributes(owner)]:
        yield "\n".join(said)
    for own in dict.fromkeys(own for owner in owners for own in vars(owner)):
        mark, function = _method(inspect.getattr_static(cls, own))
        if function and (own[0] != "_" or (own in SPECIAL and function.__doc__)):
            yield f"### {inline(f'{name}.{own}')}"
            yield from _function(own, function, mark, markup)


def _is_hidden(base: type[Any]) -> bool:
    """Tell whether a base is plugnet's and on no page: then its methods are the class's."""
    return base.__module__.startswith("plugnet") and base not in _homes()


def _method(value: Any) -> tuple[str, FunctionType | None]:
    """Return the decorator of a method or property, and its function; None for anything else."""
    mark = ""
    if isinstance(value, classmethod | staticmethod):
        mark = f"@{type(value).__name__}\n"
    elif isinstance(value, property | cached_property):
        mark = "@property\n"
        value = value.fget if isinstance(value, property) else value.func
    function = inspect.unwrap(value)
    is_written = isinstance(function, FunctionType) and function.__code__.co_filename[0] != "<"
    return mark, function if is_written else None  # the others are made by a decorator


def _function(name: str, function: Any, mark: str, markup: Markup) -> Iterator[str]:
    """Yield how a function is called, where it is, and what it does."""
    yield fenced(mark + signature(f"def {name}", function), "python")
    yield markup.code(link_to(function))
    yield markdown(blocks(inspect.getdoc(function)))


def _attributes(cls: type[Any]) -> Iterator[str]:
    """Yield a line for each attribute of a class that is described by comments with ``#:``."""
    source = textwrap.dedent(inspect.getsource(cls))
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    for node in definition.body:
        if _targets(node) and (comment := _comment(source.splitlines(), node.lineno)):
            yield f"- {code_span(ast.unparse(node))}: {inline(comment)}"


def _variable(module: ModuleType, name: str) -> Iterator[str]:
    """Yield a constant or an alias of a type as it is written, and what its comment says."""
    source = inspect.getsource(module)
    for node in ast.parse(source).body:
        if any(target.id == name for target in _targets(node)):
            yield fenced(ast.get_source_segment(source, node) or name, "python")
            yield inline(_comment(source.splitlines(), node.lineno))
        elif isinstance(node, ast.ImportFrom) and name in [alias.asname for alias in node.names]:
            yield from _variable(import_module(node.module or ""), name)


def _comment(lines: list[str], line: int) -> str:
    """Return the comment that begins with ``#:`` above a line, counted from 1."""
    before = (text.strip() for text in reversed(lines[: line - 1]))
    above = [*takewhile(lambda text: text.startswith("#"), before)][::-1]
    is_meant = above and above[0].startswith("#:")
    return " ".join(text.lstrip("#: ") for text in above) if is_meant else ""
