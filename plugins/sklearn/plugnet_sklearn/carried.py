"""The classes that this process has registered, carried in pickles to processes that have not.

An estimator may name them, or be told to in another process, as by GridSearchCV. A class goes
into a pickle as pickle always does it: by its name, or, by cloudpickle, which joblib uses, as a
whole if it comes from the main script or a notebook.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple

from plugnet import registry


class Registration(NamedTuple):
    """A name that this process has registered: the kind of the component, the name, the class."""

    kind: str
    name: str
    cls: type[Any]


class Carried:
    """Registrations that are made anew wherever a pickle of this object is loaded."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._registrations = list(registrations)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._registrations,)


def carried(parameters: Mapping[str, Any]) -> Carried | None:
    """Return what a pickle of an estimator carries, or None if nothing was registered.

    That is each class whose name occurs in the parameters, and of the others those that pickle can
    find by their names.
    """
    entries = [entry for entry in registry.entries() if entry.distribution is None]
    if not entries:
        return None
    named = set(_texts(parameters))
    own = (
        Registration(entry.kind, entry.name, registry.view(entry.kind).get(entry.name))
        for entry in entries
    )
    return Carried([one for one in own if one.name in named or _can_be_found(one.cls)])


def _arrived(registrations: list[Registration]) -> Carried:
    """Register what is absent here; a name that is in use stays what it is."""
    for kind, name, cls in registrations:
        view = registry.view(kind)
        if name not in view:
            view.register(name)(cls)
    return Carried(registrations)


def _texts(value: Any) -> Iterator[str]:
    """Yield the strings anywhere in a value, without the kind and the distribution before them."""
    if isinstance(value, str):
        yield value.rpartition(":")[2].rpartition("/")[2]
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)


def _can_be_found(cls: type[Any]) -> bool:
    """Tell whether pickle would find a class where it says that it is written."""
    found: Any = sys.modules.get(cls.__module__)
    try:
        return reduce(getattr, cls.__qualname__.split("."), found) is cls
    except AttributeError:
        return False
