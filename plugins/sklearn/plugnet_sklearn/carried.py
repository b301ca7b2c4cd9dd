"""The classes that this process has registered, carried in pickles to processes that have not.

An estimator may name them, or be told to in another process, as by GridSearchCV. Each class goes
into the pickle as bytes of its own, by cloudpickle: by its name where it can be imported, and as a
whole if it comes from the main script, a notebook or a function. So one that cannot be loaded
somewhere is missed only there where the estimator names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import cloudpickle

from plugnet import registry
from plugnet.errors import RegistrationError, raised


class Registration(NamedTuple):
    """A name that this process has registered.

    Attributes:
        kind: of the component.
        name: under which it is registered.
        origin: where the class is written, for errors.
        pickled: the class.
        is_named: whether the estimator cannot do without it.
    """

    kind: str
    name: str
    origin: str
    pickled: bytes
    is_named: bool


class Carried:
    """Registrations that are made anew wherever a pickle of this object is loaded."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._registrations = list(registrations)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._registrations,)


def carried(parameters: Mapping[str, Any]) -> Carried | None:
    """Return what a pickle of an estimator carries, or None if nothing was registered.

    That is each class whose name occurs in the parameters, and of the others those that can be
    pickled.
    """
    entries = [entry for entry in registry.entries() if entry.distribution is None]
    if not entries:
        return None
    named = set(_texts(parameters))
    packed = (_packed(entry.kind, entry.name, entry.name in named) for entry in entries)
    return Carried([one for one in packed if one is not None])


def _packed(kind: str, name: str, is_named: bool) -> Registration | None:
    """Return a registration, or None if nobody names it and its class cannot be pickled."""
    cls = registry.view(kind).get(name)
    try:
        pickled = cloudpickle.dumps(cls)
    except Exception:  # of any kind: a class in a notebook may hold on to anything
        if is_named:
            raise
        return None
    return Registration(kind, name, f"{cls.__module__}.{cls.__qualname__}", pickled, is_named)


def _arrived(registrations: list[Registration]) -> Carried:
    """Register what is absent here; a name that is in use stays what it is.

    Raises:
        RegistrationError: a class that the estimator names cannot be loaded.
    """
    for one in registrations:
        view = registry.view(one.kind)
        if one.name in view:
            continue
        try:
            view.register(one.name)(cloudpickle.loads(one.pickled))
        except Exception as error:  # of any kind: a module is run
            if one.is_named:
                raise RegistrationError(
                    f"This estimator names the {one.kind} {one.name!r}, whose class {one.origin} "
                    f"cannot be loaded here: {raised(error)}. Make its module importable, or "
                    "register the name before.",
                    kind=one.kind,
                    name=one.name,
                ) from error
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
