"""Patterns: what a user says of a network's parameters, by their paths."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from plugnet.errors import ArgumentError, shown
from plugnet.parameter import MULTIPLIERS, Parameter, Statistic, checked


class Patterns:
    """Multipliers by patterns of paths, as ``{"*.bias": {"lr_mult": 2}}``; the last fit decides."""

    def __init__(self, given: Any) -> None:
        """Check what a user says, as far as it can be without the parameters; None: nothing.

        Raises:
            ArgumentError: it is not a dict of such dicts, or a multiplier is out of range.
        """
        given = {} if given is None else given
        if not isinstance(given, Mapping) or not all(
            isinstance(pattern, str)
            and isinstance(options, Mapping)
            and set(options) <= {*MULTIPLIERS}
            for pattern, options in given.items()
        ):
            raise ArgumentError(
                "The parameters must be a dict from patterns to dicts with any of "
                f"{', '.join(MULTIPLIERS)}, as {{'*.bias': {{'lr_mult': 2}}}}, but they are "
                f"{shown(given)}.",
                argument="parameters",
                value=given,
            )
        self._given = {
            pattern: {name: checked(name, value) for name, value in options.items()}
            for pattern, options in given.items()
        }
        self._parameters: Mapping[str, Parameter] = {}
        self._applied: dict[str, dict[str, Any]] = {}  # by path

    def apply(self, parameters: Mapping[str, Parameter]) -> None:
        """Set the multipliers of the parameters that each pattern fits; statistics have none.

        Raises:
            ArgumentError: a pattern fits none.
        """
        own = {path: p for path, p in parameters.items() if not isinstance(p, Statistic)}
        for pattern, options in self._given.items():
            fitting = [own[path] for path in _fitting(pattern, own)]
            if not fitting:
                raise ArgumentError(
                    f"The pattern '{pattern}' fits no parameter. There are "
                    f"{', '.join(own) or 'none'}.",
                    argument="parameters",
                    value=pattern,
                )
            for parameter in fitting:
                for name, value in options.items():
                    setattr(parameter, name, value)
        self._parameters = parameters
        self._applied = {path: _multipliers(p) for path, p in parameters.items()}

    def now(self) -> dict[str, dict[str, Any]]:
        """Return the patterns, with what was changed since at single parameters behind them."""
        patterns = {pattern: dict(options) for pattern, options in self._given.items()}
        for path, applied in self._applied.items():
            multipliers = _multipliers(self._parameters[path])
            if multipliers != applied:
                patterns.pop(path, None)  # so that the new one is the last
                patterns[path] = multipliers
        return patterns


def _fitting(pattern: str, paths: Mapping[str, object]) -> list[str]:
    """Return those of ``paths`` that a pattern fits; a path fits itself alone."""
    return [pattern] if pattern in paths else [p for p in paths if fnmatchcase(p, pattern)]


def _multipliers(parameter: Parameter) -> dict[str, Any]:
    return {name: getattr(parameter, name) for name in MULTIPLIERS}
