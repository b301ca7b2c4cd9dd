"""Arguments of components as nested parameters, ``optimizer__beta1``, in whatever form they are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from plugnet import registry
from plugnet.errors import PlugnetError
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

    {} for None, "auto" and whatever means no component: only `fit` refuses a wrong value.
    """
    if given is None or isinstance(given, str) and given == "auto":
        return {}
    try:
        component = registry.view(KINDS[parameter]).resolve(given)
        return component.arguments() if isinstance(component, Component) else {}
    except (PlugnetError, TypeError, ValueError, AttributeError):
        return {}


def changed(parameter: str, given: Any, changes: Mapping[str, Any]) -> Any:
    """Return a parameter's value with other arguments, in the form in which it was given.

    A name becomes a name with arguments. An object is never changed; another takes its place.

    Args:
        parameter: its name, one of `KINDS`.
        given: its value.
        changes: the new arguments.

    Raises:
        ValueError: the component that is given has no such argument.
    """
    known = arguments_of(parameter, given)
    if unknown := [name for name in changes if name not in known]:
        raise ValueError(
            f"Invalid parameter {f'{parameter}__{unknown[0]}'!r}: {parameter}={given!r} has "
            f"{', '.join(map(repr, known)) or 'no arguments'}."
        )
    if isinstance(given, Component):
        return type(given)(**{**given.arguments(), **changes})
    if isinstance(given, Mapping):  # a spec
        return {**given, "args": {**given["args"], **changes}}
    name, *args = [given] if isinstance(given, str) else given
    own = args.pop() if args and isinstance(args[-1], dict) else {}
    names = inspect.signature(registry.view(KINDS[parameter]).get(name)).parameters
    return name, {**dict(zip(names, args, strict=False)), **own, **changes}
