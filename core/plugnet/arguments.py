"""Checks of constructor arguments, with the same messages everywhere."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from numbers import Integral, Real
from pathlib import Path

from plugnet.errors import ArgumentError, shown


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
        ArgumentError: it is not; a bool, a string and NaN are not numbers.
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


def pair(
    argument: str, value: object, *, at_least: float = -math.inf, at_most: float = math.inf
) -> tuple[int, int]:
    """Return ``value`` as (height, width) if it is one integer for both or a pair of integers.

    Raises:
        ArgumentError: it is neither, or an integer is out of bounds.
    """
    sizes = value if isinstance(value, Sequence) and not isinstance(value, str) else (value, value)
    if len(sizes) != 2:
        raise _error(argument, value, "an integer or a pair (height, width)", {})
    height, width = (integer(argument, size, at_least=at_least, at_most=at_most) for size in sizes)
    return height, width


def flag(argument: str, value: object) -> bool:
    """Return ``value`` if it is True or False.

    Raises:
        ArgumentError: it is neither.
    """
    if isinstance(value, bool):
        return value
    raise _error(argument, value, "True or False", {})


def file_path(argument: str, value: object) -> str:
    """Return a path as a string, which a spec can hold, if ``value`` is a string or path-like.

    A leading ``~`` becomes the home folder, ``~name`` that of the user, if there is such a user.

    Raises:
        ArgumentError: it is neither, it is empty or it contains a null character.
    """
    if isinstance(value, str | os.PathLike):
        found = os.fsdecode(value)
        if found and "\0" not in found:
            with suppress(RuntimeError):  # no such user, so it is a name like any other
                return str(Path(found).expanduser()) if found[0] == "~" else found
            return found
    raise _error(argument, value, "a path, a string or a pathlib.Path", {})


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
        f"'{argument}' must be {kind}{limits and ' ' + limits}, but it is {shown(value)}.",
        argument=argument,
        value=value,
    )
