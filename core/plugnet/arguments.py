"""Checks of constructor arguments, worded alike everywhere."""

from __future__ import annotations

import math
import os
import reprlib
from numbers import Integral, Real

from plugnet.errors import ArgumentError

_SHOWN = reprlib.Repr()  # no value, however long, makes a message unreadable
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 60


def number(
    argument: str,
    value: object,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
) -> float:
    """Return ``value`` as a float if it is a finite number within the bounds.

    Raises:
        ArgumentError: it is not; a bool, a text and NaN are not numbers.
    """
    bounds = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    if isinstance(value, Real) and not isinstance(value, bool):
        found = _as_float(value)
        if math.isfinite(found) and at_least <= found <= at_most and above < found < below:
            return found
    raise _error(argument, value, "a finite number", bounds)


def integer(
    argument: str, value: object, *, at_least: float = -math.inf, at_most: float = math.inf
) -> int:
    """Return ``value`` as an int if it is an integer within the bounds.

    Raises:
        ArgumentError: it is not; a bool is not an integer.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        found = int(value)
        if at_least <= found <= at_most:
            return found
    raise _error(argument, value, "an integer", {"at least": at_least, "at most": at_most})


def flag(argument: str, value: object) -> bool:
    """Return ``value`` if it is True or False.

    Raises:
        ArgumentError: it is neither.
    """
    if isinstance(value, bool):
        return value
    raise _error(argument, value, "True or False", {})


def file_path(argument: str, value: object) -> str:
    """Return a path as text, as a spec can hold it, if ``value`` is text or path-like.

    Raises:
        ArgumentError: it is neither, or can name no file: it is empty or has a null character.
    """
    if isinstance(value, str | os.PathLike):
        found = os.fsdecode(value)
        if found and "\0" not in found:
            return found
    raise _error(argument, value, "a path, as text or a pathlib.Path", {})


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:  # an int beyond the largest float
        return math.inf


def _error(argument: str, value: object, kind: str, bounds: dict[str, float]) -> ArgumentError:
    limits = " and ".join(
        f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)
    )
    return ArgumentError(
        f"'{argument}' must be {kind}{limits and ' ' + limits}, but it is {_SHOWN.repr(value)}.",
        argument=argument,
        value=value,
    )
