"""What the parameters were when a training took them, to tell which have changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from plugnet.errors import ArgumentError, brief
from plugnet.interfaces import Component


class Taken:
    """The values of some parameters at one time."""

    def __init__(self, parameters: Mapping[str, Any], names: Iterable[str]) -> None:
        """Keep what is needed to tell them from others.

        Args:
            parameters: all, by name.
            names: those that matter.
        """
        self._keys = {name: _key(parameters[name]) for name in names}
        self._shown = {name: brief(parameters[name]) for name in names}

    def changed(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return the names of those that have another value now."""
        return [name for name, key in self._keys.items() if _key(parameters[name]) != key]

    def check(
        self, parameters: Mapping[str, Any], names: Iterable[str], goes_on: str, advice: str
    ) -> None:
        """Check that parameters have not changed which count at the beginning only.

        Args:
            parameters: all, by name, as they are now.
            names: those that count at the beginning.
            goes_on: what goes on with what, for the error.
            advice: how to begin anew.

        Raises:
            ArgumentError: one has changed.
        """
        changed = self.changed(parameters)
        for name in names:
            if name in changed:
                raise ArgumentError(
                    f"{goes_on}, so {name} must stay {self._shown[name]}, but it has become "
                    f"{brief(parameters[name])}. Set it back, or {advice}.",
                    argument=name,
                    value=parameters[name],
                )


def _key(value: Any) -> Any:
    """Return what is equal for equal values: components by their arguments, arrays by numbers."""
    if isinstance(value, Component):
        return type(value), _key(value.arguments())
    if isinstance(value, Mapping):
        return {key: _key(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_key(item) for item in value]
    if hasattr(value, "keys") and hasattr(value, "items"):  # a pandas Series
        return _key(dict(value.items()))
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
