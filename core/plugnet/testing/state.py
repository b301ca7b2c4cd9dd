"""State: that of the process, which a component must not change, and that of objects."""

from __future__ import annotations

import io
import logging
import os
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from plugnet.testing.report import fail, require

T = TypeVar("T")


def global_state() -> dict[str, str]:
    """Return the process-wide state, by its name in messages."""
    return {
        "NumPy's global random generator": repr(_numpy_random()),
        "Python's global random generator": repr(random.getstate()),
        "NumPy's error handling (np.seterr)": repr(sorted(np.geterr().items())),
        "NumPy's print options": repr(np.get_printoptions()),
        "the warning filters": repr(_broad_filters()),
        "the environment variables": repr(sorted(os.environ.items())),
        "the current directory": str(Path.cwd()),
        "the root logger": repr((logging.root.level, logging.root.handlers)),
    }


def _broad_filters() -> list[tuple[str, Any]]:
    """Return the filters for all modules; SciPy adds narrower ones for its own warnings."""
    return [
        (action, category)
        for action, message, category, module, _ in warnings.filters
        if message is None and module is None and category.__module__ == "builtins"
    ]


def changed_since(before: dict[str, str]) -> str:
    """Return the names of the process-wide state that has changed, separated by commas."""
    now = global_state()
    return ", ".join(name for name, value in before.items() if now[name] != value)


@contextmanager
def preserved_global_state() -> Iterator[None]:
    """Restore global state on exit, so that no check can affect the next."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    environment, folder = dict(os.environ), Path.cwd()
    with np.errstate(), np.printoptions(), warnings.catch_warnings():
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
            if environment != dict(os.environ):
                os.environ.clear()
                os.environ.update(environment)
            if folder != Path.cwd():
                os.chdir(folder)


@contextmanager
def silent() -> Iterator[None]:
    """Suppress output and warnings, which a separate check covers."""
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            yield


@contextmanager
def warnings_as_failures(where: str, flags: Sequence[str]) -> Iterator[None]:
    """Fail if NumPy raises one of the floating-point flags, or anything warns."""
    kinds: dict[str, Any] = dict.fromkeys(flags, "raise")
    with warnings.catch_warnings(), np.errstate(**kinds):
        warnings.simplefilter("error")
        try:
            yield
        except (FloatingPointError, Warning) as error:
            fail(f"{where}: {type(error).__name__}: {error}.")


def _numpy_random() -> tuple[Any, ...]:
    state: Any = np.random.get_state()  # noqa: NPY002 (to detect draws from it)
    return tuple(part.tobytes() if isinstance(part, np.ndarray) else part for part in state)


class Snapshot:
    """The objects that a value holds at one moment, and their contents."""

    def __init__(self, value: Any) -> None:
        self._value = value
        # Keeps the held objects alive, so that no new object can reuse an id.
        self._before = {path: (item, _state(item)) for path, item in _contents(value)}

    def require_unchanged(self, call: str, advice: str) -> None:
        """Fail if anything has changed: "forward changes _x. advice"."""
        now = {path: _state(item) for path, item in _contents(self._value)}
        before = {path: state for path, (_, state) in self._before.items()}
        paths = [path for path in before | now if before.get(path) != now.get(path)]
        names = ", ".join(dict.fromkeys(path.strip(".") for path in paths))
        require(not paths, f"{call} changes {names}. {advice}")


def find_instances(value: Any, kind: type[T]) -> list[T]:
    """Return the instances of a class within a value, at any depth."""
    found = {id(item): item for _, item in _contents(value) if isinstance(item, kind)}
    return list(found.values())


def _contents(
    value: Any, path: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield a value and everything within it, each with its path."""
    seen = set() if seen is None else seen
    yield path, value
    if id(value) in seen or isinstance(value, type | ModuleType):
        return
    seen.add(id(value))
    for name, item in _parts(value).items():
        yield from _contents(item, f"{path}.{name}", seen)


def _parts(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    own = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return own | getattr(value, "__dict__", {})


def _state(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return id(value), value.tobytes()
    if isinstance(value, np.random.Generator):
        return id(value), repr(value.bit_generator.state)
    if isinstance(value, int | float | str | bytes | np.generic):
        return repr(value)
    return id(value)
