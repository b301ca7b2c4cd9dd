"""Every error a user can meet. Each says what must hold, what came and what to do.

Each also carries its culprit as attributes, so that a program can react without reading the text.
All of them are `PlugnetError`; `exit_code` is what the command line ends with.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class _Repr(reprlib.Repr):
    """Cuts what is long, and shows of an array its shape and dtype."""

    def __init__(self, length: int, items: int) -> None:
        """Set the most characters of a text or an object, and the most items of a collection."""
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = length
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = items

    def repr1(self, x: Any, level: int) -> str:
        shape = getattr(x, "shape", None)
        if isinstance(shape, tuple) and shape and (hasattr(x, "dtype") or hasattr(x, "dtypes")):
            return f"<{type(x).__name__} {tuple(shape)}{_dtype(x)}>"
        return super().repr1(x, level)


def _dtype(array: Any) -> str:
    return f" {array.dtype}" if hasattr(array, "dtype") else ""


_SHOWN = _Repr(60, 6)
_BRIEF = _Repr(1000, 12)


class PlugnetError(Exception):
    """Base of all errors that plugnet raises on purpose."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, **culprits: object) -> None:
        super().__init__(message)
        for name, culprit in culprits.items():
            setattr(self, name, culprit)


class PluginWarning(UserWarning):
    """Something about an installed plugin deserves attention; work goes on."""


class DataWarning(UserWarning):
    """The data look unusual (not scaled, one class only); work goes on."""


class TrainingWarning(UserWarning):
    """A training ended, but the network has not learnt from it."""


# The registry ------------------------------------------------------------------------------------


class RegistryError(PlugnetError):
    """Base of the errors about names and plugins. Culprits: kind, name."""

    kind: str | None
    name: str


class UnknownComponentError(RegistryError):
    """No installed plugin provides the name. Culprits: kind, name, suggestions."""

    suggestions: tuple[str, ...]


class AmbiguousNameError(RegistryError):
    """Several plugins or kinds provide the name. Culprits: kind, name, candidates."""

    candidates: tuple[str, ...]


class DisabledPluginError(RegistryError):
    """The plugin that provides the name is switched off. Culprits: kind, name, distribution."""

    distribution: str


class PluginLoadError(RegistryError):
    """The plugin that provides the name cannot be used. Culprits: kind, name, distribution."""

    distribution: str


class PluginApiError(PluginLoadError):
    """The plugin was written for another plugin API. Culprits: kind, name, distribution."""


class PluginError(PlugnetError):
    """A plugin's code fails where it is used. Culprits: kind, name, distribution."""

    kind: str
    name: str
    distribution: str | None


class RegistrationError(RegistryError):
    """A name cannot be registered: malformed or taken. Culprits: kind, name."""


class ComponentSignatureError(RegistryError, TypeError):
    """The arguments do not fit the component's constructor. Culprits: kind, name."""


class SpecError(PlugnetError, ValueError):
    """A component cannot be described, or a description not be built. Culprit: path."""

    path: str


class MissingComponentsError(SpecError):
    """A description names components that are not available. Culprits: path, missing."""

    missing: tuple[str, ...]


# Components, networks and training ---------------------------------------------------------------


class ArgumentError(PlugnetError, ValueError):
    """An argument has the wrong type or lies outside its range. Culprits: argument, value."""

    argument: str
    value: object


class ShapeError(PlugnetError, ValueError):
    """An array or a layer has the wrong shape. Culprits: expected, got; in a network also layer."""

    expected: object
    got: object
    layer: str


class CallOrderError(PlugnetError, RuntimeError):
    """A method was called before the one that must come first, as backward before forward."""


class MissingStateError(CallOrderError, AttributeError):
    """A component lacks an attribute that an earlier call would have set. Culprits: name, obj."""

    name: str
    obj: object


class BrokenStepError(PlugnetError, RuntimeError):
    """An update failed half-way, so the state is neither that before the step nor that after it.
    Culprit: iteration.
    """

    iteration: int


class DivergenceError(PlugnetError, ArithmeticError):
    """Loss or parameters are no longer finite. Culprits: iteration, loss, rate, layer (or None)."""

    exit_code: ClassVar[int] = 3
    iteration: int
    loss: float
    rate: float
    layer: str | None


class ResumeError(PlugnetError, RuntimeError):
    """A run cannot go on as it was. Culprit: differences, one line for each."""

    differences: tuple[str, ...]


class NotRecordedError(PlugnetError, KeyError):
    """A history or an evaluation has nothing of that name. Culprits: name, known."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show its repr


class HookError(PlugnetError):
    """A hook does not fit its specification. Culprits: hook ("" if there is no such), plugin."""

    hook: str
    plugin: str


# Files, data and configuration -------------------------------------------------------------------


class DataError(PlugnetError, ValueError):
    """Samples or labels break a rule. Culprit: row, the first offending one, or None."""

    row: int | None


class FileFormatError(PlugnetError, ValueError):
    """A file is damaged, of another format, or larger than allowed. Culprit: path."""

    path: str


class BudgetError(FileFormatError):
    """A file would take more memory than it may. Culprits: path, needed, limit, both in bytes."""

    needed: int
    limit: int


class LockedError(PlugnetError, RuntimeError):
    """Another process writes to a folder. Culprits: path, owner (None if it is not known)."""

    path: str
    owner: str | None


class ConfigError(PlugnetError, ValueError):
    """A setting is unknown or wrong. Culprit: key."""

    key: str


# What messages quote -----------------------------------------------------------------------------


def shown(value: object) -> str:
    """Return the ``repr`` of any value, however long or broken, short enough for a message."""
    return _SHOWN.repr(value)


def brief(value: object) -> str:
    """Return the ``repr`` of any value as `shown` does, long enough for all that is not long.

    >>> import numpy as np
    >>> brief({"x": np.zeros((100, 784)), "columns": tuple(range(15))})
    "{'columns': (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...), 'x': <ndarray (100, 784) float64>}"
    """
    return _BRIEF.repr(value)


def brief_call(value: object, arguments: Mapping[str, object]) -> str:
    """Return how an object could be made, each argument as `brief` shows it."""
    shown = ", ".join(f"{name}={brief(each)}" for name, each in arguments.items())
    return f"{type(value).__name__}({shown})"


def raised(error: BaseException) -> str:
    """Return class and text of any error, also of one whose text is long or cannot be had."""
    try:
        text = str(error)
    except (Exception, SystemExit):  # a plugin's own class of errors
        text = "(an error that cannot be shown)"
    return f"{type(error).__name__}: {shorten(text, 1000)}"


def listed(names: Sequence[object]) -> str:
    """Return names, quoted; of more than ten only the first ten, and how many follow.

    >>> listed(["cat", "dog", 3])
    "'cat', 'dog', 3"
    """
    shown = ", ".join(map(repr, names[:10]))
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, whose plural has an s unless another is given.

    >>> counted(1, "class", "classes"), counted(2, "row")
    ('1 class', '2 rows')
    """
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def shorten(text: str, length: int = 60) -> str:
    """Return ``text``, its end cut off if it is longer than ``length`` characters."""
    return text if len(text) <= length else f"{text[:length]}... ({len(text)} characters)"
