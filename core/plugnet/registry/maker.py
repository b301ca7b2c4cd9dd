"""Calling a component's class: arguments that are components, and errors that help."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from plugnet.errors import ComponentSignatureError
from plugnet.registry.discovery import Entry
from plugnet.registry.names import shown
from plugnet.registry.suggestions import close, did_you_mean

NEVER = 1 << 30  # more positional arguments than anybody passes


class Maker:
    """A registered class, ready to be called.

    Attributes:
        entry: what the registry knows about the class.
        cls: the class.
    """

    __slots__ = ("_components", "_first", "cls", "entry")

    def __init__(
        self, entry: Entry, cls: type[Any], resolvers: dict[type, Callable[[Any], Any]]
    ) -> None:
        """Look up, once, which of the constructor's arguments are components.

        Args:
            entry: what the registry knows about the class.
            cls: the class.
            resolvers: for each interface, what turns a description into a component.
        """
        self.entry = entry
        self.cls = cls
        self._components = [
            (position, argument, resolvers[interface])
            for position, argument, interface in component_arguments(cls, set(resolvers))
        ]
        self._first = min((position for position, _, _ in self._components), default=NEVER)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return a new object of the class.

        Raises:
            ComponentSignatureError: the arguments do not fit the constructor. Whatever else the
                constructor raises comes as it is, with a note on what was being built.
        """
        try:
            if self._components and (kwargs or len(args) > self._first):
                args, kwargs = self._resolve(args, kwargs)
            return self.cls(*args, **kwargs)
        except Exception as error:
            if isinstance(error, TypeError):
                self._check(args, kwargs)
            where = f"{self.cls.__module__}:{self.cls.__qualname__}"
            error.add_note(f"while building {self.entry.kind} '{self.entry.name}' ({where})")
            raise

    def signature(self) -> str:
        """Return how the class is called, without annotations: "fc(inputs, outputs)"."""
        signature = inspect.signature(self.cls)
        parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        return f"{self.entry.name}{inspect.Signature(parameters)}"

    def misfit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """Return why the arguments do not fit the constructor, or None if they do."""
        signature = inspect.signature(self.cls)
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            known = signature.parameters
            hints = [
                f" Unknown keyword '{key}': {did_you_mean(found)}"
                for key in kwargs
                if key not in known and (found := close(key, known))
            ]
            return f"{error}.{''.join(hints)}"
        return None

    def _resolve(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Replace descriptions of components by components."""
        positional = list(args)
        for position, argument, resolver in self._components:
            if position < len(positional):
                positional[position] = resolver(positional[position])
            elif argument in kwargs:
                kwargs[argument] = resolver(kwargs[argument])
        return tuple(positional), kwargs

    def _check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise ComponentSignatureError if the arguments do not fit the constructor."""
        misfit = self.misfit(args, kwargs)
        if misfit is None:
            return
        passed = [shown(value) for value in args]
        passed += [f"{key}={shown(value)}" for key, value in kwargs.items()]
        raise ComponentSignatureError(
            f"{self.entry.kind} '{self.entry.name}' cannot be built from these arguments: "
            f"{misfit}\n  Signature: {self.signature()}\n  You passed: ({', '.join(passed)})",
            kind=self.entry.kind,
            name=self.entry.name,
        ) from None


def component_arguments(cls: type[Any], interfaces: set[type]) -> list[tuple[int, str, type]]:
    """Return position, name and interface of each constructor argument that is a component.

    The position of an argument that can only be given by keyword is NEVER.
    """
    function = inspect.unwrap(cls.__init__)
    names = {interface.__name__: interface for interface in interfaces}
    names |= getattr(function, "__globals__", {})
    found = []
    for position, parameter in enumerate(inspect.signature(cls).parameters.values()):
        interface = _interface(parameter.annotation, names, interfaces)
        if interface is not None:
            by_keyword = parameter.kind is parameter.KEYWORD_ONLY
            found.append((NEVER if by_keyword else position, parameter.name, interface))
    return found


def _interface(annotation: Any, names: dict[str, Any], interfaces: set[type]) -> type | None:
    """Return the interface that an annotation names, alone or in a union."""
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, names)  # the plugin's own source, imported already
        except Exception:  # a name that only the type checker sees, so no interface of ours
            return None
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    members = typing.get_args(annotation) if union else (annotation,)
    found = [member for member in members if isinstance(member, type) and member in interfaces]
    return found[0] if len(found) == 1 else None
