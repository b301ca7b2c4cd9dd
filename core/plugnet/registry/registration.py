"""Components that the running program registers itself, for as long as it runs."""

from __future__ import annotations

from typing import Any

from plugnet.errors import RegistrationError
from plugnet.registry.discovery import Entry
from plugnet.registry.index import Index
from plugnet.registry.kinds import KINDS
from plugnet.registry.names import Name


def register(index: Index, name: str, kind: str | None, cls: type[Any], replace: bool) -> None:
    """Add a class to an index.

    Raises:
        RegistrationError: it is of no kind or another one, or the name is taken.
    """
    kind = _kind(name, kind, cls)
    value = f"{cls.__module__}:{cls.__qualname__}"
    with index.lock:
        same_name = index.matching(Name(kind, None, name))
        for taken in same_name:
            if taken.value == value and taken.distribution is not None:
                return  # declared as an entry point as well: one and the same
            if taken.value != value and not replace and not index.disabler(taken):
                raise RegistrationError(
                    f"The {kind} '{name}' is {taken.value} of {taken.provider} already, so "
                    f"{value} cannot take the name. Choose another, or say replace=True.",
                    kind=kind,
                    name=name,
                )
        entry = Entry(kind, name, value, None)
        index.withdraw(kind, name)
        index.registered[kind, name] = entry
        index.loader.classes[entry] = cls


def unregister(index: Index, name: Name) -> None:
    """Remove a class that `register` added.

    Raises:
        RegistrationError: it was not registered by the program.
    """
    entry = index.find(name)
    if entry.distribution is not None:
        raise RegistrationError(
            f"The {entry.kind} '{entry.name}' belongs to {entry.provider}, so it cannot be "
            "unregistered. Uninstall the plugin, or switch it off with registry.disable().",
            kind=entry.kind,
            name=entry.name,
        )
    index.withdraw(entry.kind, entry.name)


def _kind(name: str, kind: str | None, cls: type[Any]) -> str:
    """Return the kind to register a class as."""
    if not isinstance(cls, type):
        raise RegistrationError(
            f"Only a class can be registered, but '{name}' would be a {type(cls).__name__}.",
            kind=kind,
            name=name,
        )
    if kind is not None and kind not in KINDS:
        raise RegistrationError(
            f"The kind must be one of {', '.join(KINDS)}, but it is {kind!r}.", kind=kind, name=name
        )
    implemented = [
        known.name
        for known in KINDS.values()
        if issubclass(cls, known.interface) and (known.interface is not object or kind == "hook")
    ]
    if kind in implemented:
        return kind
    if kind is None and len(implemented) == 1:
        return implemented[0]
    wanted = f"plugnet.interfaces.{KINDS[kind].interface.__name__}" if kind else "one interface"
    raise RegistrationError(
        f"To be registered as '{name}', {cls.__qualname__} must implement {wanted}, but it "
        f"implements {', '.join(implemented) or 'none'}. Derive it from the interface of its kind"
        f"{'' if kind else ', or name the kind'}.",
        kind=kind,
        name=name,
    )
