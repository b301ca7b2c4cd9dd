"""The state of the process, which a component must not change; and its output and warnings."""

from __future__ import annotations

import io
import logging
import os
import pickle
import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from plugnet.testing.report import fail


def global_state() -> dict[str, str]:
    """Return the process-wide state, by its name in messages."""
    numpy_random = np.random.get_state(legacy=False)  # noqa: NPY002 (to detect draws from it)
    broad_filters = [  # SciPy adds narrower ones for its own warnings
        (action, category)
        for action, message, category, module, _ in warnings.filters
        if message is None and module is None and category.__module__ == "builtins"
    ]
    return {
        "NumPy's global random generator": repr(pickle.dumps(numpy_random)),
        "Python's global random generator": repr(random.getstate()),
        "NumPy's error handling (np.seterr)": repr(sorted(np.geterr().items())),
        "NumPy's print options": repr(np.get_printoptions()),
        "the warning filters": repr(broad_filters),
        "the environment variables": repr(sorted(os.environ.items())),
        "the current directory": str(Path.cwd()),
        "the root logger": repr((logging.root.level, logging.root.handlers)),
    }


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
