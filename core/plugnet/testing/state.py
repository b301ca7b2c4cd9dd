"""State: what a component must not touch, and what makes it repeat itself."""

from __future__ import annotations

import copy
import io
import logging
import os
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Layer


def global_state() -> dict[str, str]:
    """Return, by what it is called in messages, the process's state that is everyone's."""
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
    """Return the filters that concern everybody: SciPy adds some for warnings of its own."""
    return [
        (action, category)
        for action, message, category, module, _ in warnings.filters
        if message is None and module is None and category.__module__ == "builtins"
    ]


def touched(before: dict[str, str]) -> str:
    """Return the names of what is not as it was before, separated by commas."""
    now = global_state()
    return ", ".join(name for name, value in before.items() if now[name] != value)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Set global state back on leaving, so that no check can spoil the next."""
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
    """Let nothing be printed or warned of; what a component says is the matter of one check."""
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            yield


def _numpy_random() -> tuple[Any, ...]:
    state: Any = np.random.get_state()  # noqa: NPY002 (to see that nobody draws from it)
    return tuple(part.tobytes() if isinstance(part, np.ndarray) else part for part in state)


class Beginning:
    """A layer's random generators and untrained parameters, as they are before a forward."""

    def __init__(self, layer: Layer) -> None:
        self._generators = [
            (generator, copy.deepcopy(generator.bit_generator.state))
            for generator in _generators(layer)
        ]
        self._kept: list[tuple[Array, Array]] = [
            (parameter.value, parameter.value.copy())
            for parameter in layer.parameters()
            if not parameter.trainable
        ]

    def restore(self) -> None:
        """Set all of them back."""
        for generator, state in self._generators:
            generator.bit_generator.state = copy.deepcopy(state)
        for array, value in self._kept:
            array[...] = value

    def drawn(self) -> bool:
        """Tell whether random numbers have been drawn since."""
        return any(repr(g.bit_generator.state) != repr(state) for g, state in self._generators)


def _generators(value: Any, seen: set[int] | None = None) -> list[np.random.Generator]:
    """Return the generators that an object holds, itself or in what it holds."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, type | ModuleType):
        return []
    seen.add(id(value))
    if isinstance(value, np.random.Generator):
        return [value]
    inside = list(getattr(value, "__dict__", {}).values())
    if isinstance(value, Mapping):
        inside += value.values()
    elif isinstance(value, list | tuple):
        inside += value
    return [generator for item in inside for generator in _generators(item, seen)]
