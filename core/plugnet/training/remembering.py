"""Remembering: what hooks keep from one call to the next, and how they get it back."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

from plugnet.registry import registry


@runtime_checkable
class Remembering(Protocol):
    """A hook that remembers."""

    def state(self) -> Mapping[str, Any]:
        """Return what it remembers, in objects that do not change later."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        ...


def hook_name(hook: object) -> str:
    """Return what a hook is called in messages and files."""
    return registry.name_of(hook) or type(hook).__name__


def states_of(hooks: Iterable[object]) -> list[dict[str, Any]]:
    """Return what hooks remember, with their names."""
    return [
        {"name": hook_name(hook), "state": hook.state()}
        for hook in hooks
        if isinstance(hook, Remembering)
    ]


def restore_hooks(hooks: Iterable[object], saved: Sequence[Mapping[str, Any]]) -> None:
    """Let hooks go on from what they remembered: each from the first of its name that is left."""
    left = list(saved)
    for hook in hooks:
        if isinstance(hook, Remembering):
            name = hook_name(hook)
            place = next((i for i, each in enumerate(left) if each["name"] == name), None)
            if place is not None:
                hook.restore(left.pop(place)["state"])


def lasting(hooks: Iterable[object]) -> list[str]:
    """Return the hooks without which a training would not be the same, with their arguments."""
    return [
        f"{hook_name(hook)}({_arguments(hook)})"
        for hook in hooks
        if not getattr(hook, "observes", False)
        and (isinstance(hook, Remembering) or hasattr(hook, "plugnet_gradients_ready"))
    ]


def _arguments(hook: object) -> str:
    """Return the arguments that a hook keeps as attributes of the same names."""
    if isinstance(hook, ModuleType):
        return ""
    kept = {name: getattr(hook, name, hook) for name in inspect.signature(type(hook)).parameters}
    plain = (str, bool, int, float, type(None), Path)
    return ", ".join(f"{name}={kept[name]!r}" for name in kept if isinstance(kept[name], plain))
