"""Arguments of components as nested parameters, ``optimizer__beta1``, in whatever form they are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from plugnet import registry
from plugnet.errors import ArgumentError, PlugnetError, shown
from plugnet.interfaces import Component

#: The parameters that mean a component, each with its kind.
KINDS: Final = {
    "activation": "activation",
    "initializer": "initializer",
    "loss": "loss",
    "optimizer": "optimizer",
    "policy": "lr_policy",
    "regularizer": "regularizer",
}


def arguments_of(parameter: str, given: Any) -> dict[str, Any]:
    """Return the arguments of the component that a parameter's value means, defaults included.

    {} for None, "auto" and whatever means no component: only `fit` refuses a wrong value. An
    argument that has no default and is not given is left out.
    """
    if isinstance(given, Component):
        return given.arguments()
    try:
        _, names, own = _taken_apart(parameter, given)
    except (PlugnetError, LookupError, TypeError, ValueError):
        return {}
    return {name: default for name, default in names.items() if default is not _NONE} | own


def changed(parameter: str, given: Any, changes: Mapping[str, Any]) -> Any:
    """Return a parameter's value with other arguments, in the form in which it was given.

    A name becomes a name with arguments. An object is never changed; another takes its place.

    Args:
        parameter: its name, one of `KINDS`.
        given: its value.
        changes: the new arguments.

    Raises:
        ValueError: what is given means no component, or one that has no such argument.
        RegistryError: it names no component.
    """
    if isinstance(given, Component):
        _check(parameter, given, given.arguments(), changes)
        return type(given)(**{**given.arguments(), **changes})
    if given is None or given == "auto":
        _check(parameter, given, {}, changes)
    try:
        name, names, own = _taken_apart(parameter, given)
    except (LookupError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"{parameter} must be a name, a tuple of a name and its arguments, a spec or an object "
            f"to have the argument {next(iter(changes))!r}, but it is {shown(given)}.",
            argument=parameter,
            value=given,
        ) from error
    _check(parameter, given, names, changes)
    if isinstance(given, Mapping):  # a spec
        return {**given, "args": {**own, **changes}}
    return name, {**own, **changes}


_NONE = inspect.Parameter.empty


def _taken_apart(parameter: str, given: Any) -> tuple[str, dict[str, object], dict[str, Any]]:
    """Return a component's name, its arguments' defaults, and the arguments that are given."""
    args: list[Any] = []
    if isinstance(given, Mapping):  # a spec
        name, own = given["name"], dict(given["args"])
    else:
        name, *args = [given] if isinstance(given, str) else given
        own = dict(args.pop()) if args and isinstance(args[-1], dict) else {}
    signature = inspect.signature(registry.view(KINDS[parameter]).get(name))
    names = {each.name: each.default for each in signature.parameters.values()}
    return name, names, {**dict(zip(names, args, strict=False)), **own}


def _check(
    parameter: str, given: Any, known: Mapping[str, Any], changes: Mapping[str, Any]
) -> None:
    """Check that a component has the arguments that change."""
    if unknown := [name for name in changes if name not in known]:
        raise ValueError(
            f"Invalid parameter {f'{parameter}__{unknown[0]}'!r}: {parameter}={given!r} has "
            f"{', '.join(map(repr, known)) or 'no arguments'}."
        )
