"""The public API: a page for each module that ``plugnet``'s docstring names."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import plugnet
from plugnet.reference.documentation import blocks, code_span, fenced, inline, markdown
from plugnet.reference.options import signature
from plugnet.reference.page import Markup
from plugnet.reference.places import NoSuchPlaceError, code
from plugnet.reference.proofs import Link

#: Special methods that are part of a class's use.
SPECIAL = ("__call__", "__getitem__", "__iter__", "__len__", "__next__")
_MODULE = re.compile(r"`(?:plugnet\.)?(\w+)`|plugnet\.(\w[\w.]*\w)")


class Member(NamedTuple):
    """A method or property of a class, and the function that is written for it."""

    name: str
    mark: str
    function: Callable[..., Any]


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
        home = _homes().get(_key(value), name)
        if home != name:
            parts.append(f"See [{code_span(f'{home}.{public}')}]({home}.md).")
        elif inspect.isfunction(inspect.unwrap(value)):
            parts += _function(public, inspect.unwrap(value), "", markup)
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
    values = {name: getattr(module, name) for name in names if not name.startswith("_")}
    return {name: value for name, value in values.items() if not isinstance(value, TypeVar)}


def _targets(node: ast.AST) -> list[ast.Name]:
    """Return the names that an assignment sets."""
    if isinstance(node, ast.Assign):
        return [target for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target]
    return []


@cache
def _homes() -> dict[str, str]:
    """Return on which page each class and function is described: that of its module, or the first.

    The keys are those of `_key`.
    """
    homes: dict[str, str] = {}
    for name in modules():
        for value in _public(import_module(name)).values():
            if key := _key(value):
                own = getattr(value, "__module__", "")
                homes[key] = own if own in modules() else homes.get(key, name)
    return homes


def _key(value: Any) -> str:
    """Return what tells a class or function from others; of anything else, "" for none."""
    if isinstance(value, type) or inspect.isfunction(inspect.unwrap(value)):
        return f"{value.__module__}:{value.__qualname__}"
    return ""


# Its parts ---------------------------------------------------------------------------------------


def _class(name: str, cls: type[Any], markup: Markup) -> Iterator[str]:
    """Yield a class: how it is made, what it is, its attributes and its methods."""
    try:
        called = inspect.signature(cls)
        yield fenced(
            signature(f"class {name}", called.replace(return_annotation=called.empty)), "python"
        )
    except ValueError:  # made by a class of C
        yield fenced(f"class {name}", "python")
    bases = [base.__name__ for base in cls.__bases__ if base.__module__.startswith("plugnet")]
    if bases:
        yield f"Derived from {', '.join(map(code_span, bases))}."
    yield _source(cls, markup)
    yield markdown(blocks(cls.__doc__))
    owners = [cls, *(base for base in cls.__mro__[1:] if _is_hidden(base))]
    if said := [line for owner in owners for line in _attributes(owner)]:
        yield "\n".join(said)
    for member in _members(owners):
        yield f"### {inline(f'{name}.{member.name}')}"
        yield from _function(member.name, member.function, member.mark, markup)


def _is_hidden(base: type[Any]) -> bool:
    """Tell whether a base is plugnet's and on no page: then its methods are the class's."""
    return base.__module__.startswith("plugnet") and _key(base) not in _homes()


def _members(owners: list[type[Any]]) -> Iterator[Member]:
    seen: set[str] = set()
    for owner in owners:
        for name, value in vars(owner).items():
            marks = {classmethod: "@classmethod\n", staticmethod: "@staticmethod\n"}
            mark = marks.get(type(value), "")
            function = getattr(value, "__func__", value)
            if isinstance(value, property | cached_property):
                function = value.fget if isinstance(value, property) else value.func
                mark = "@property\n"
            function = inspect.unwrap(function) if callable(function) else None
            if not inspect.isfunction(function) or function.__code__.co_filename.startswith("<"):
                continue  # a value, or made by a decorator
            is_public = not name.startswith("_") or (name in SPECIAL and function.__doc__)
            if is_public and name not in seen:
                seen.add(name)
                yield Member(name, mark, function)


def _function(name: str, function: Any, mark: str, markup: Markup) -> Iterator[str]:
    """Yield how a function is called, where it is, and what it does."""
    called = inspect.signature(function)
    yield fenced(mark + signature(f"def {name}", called), "python")
    yield _source(function, markup)
    yield markdown(blocks(inspect.getdoc(function)))


def _source(value: Any, markup: Markup) -> str:
    name = f"{value.__module__}:{value.__qualname__}"
    try:
        return markup.code(Link(name, code(name)))
    except NoSuchPlaceError:
        return ""


def _attributes(cls: type[Any]) -> Iterator[str]:
    """Yield a line for each attribute of a class that is described by comments with ``#:``."""
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    for node in definition.body:
        for target in _targets(node):
            if comment := _comment(source.splitlines(), node.lineno):
                yield f"- {code_span(_shown(node, target))}: {inline(comment)}"


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
    above: list[str] = []
    for text in reversed(lines[: line - 1]):
        if not text.strip().startswith("#"):
            break
        above.insert(0, text.strip())
    return " ".join(text.lstrip("#: ") for text in above) if above and above[0][:2] == "#:" else ""


def _shown(node: ast.AST, target: ast.Name) -> str:
    annotation = f": {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else ""
    value = getattr(node, "value", None)
    return target.id + annotation + (f" = {ast.unparse(value)}" if value is not None else "")
