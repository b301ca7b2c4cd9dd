"""The clone's plugin packages, for a guide that is built where they are not installed."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from extensions.places import ROOT
from plugnet.cli.plugins.source_folder import as_if_installed, read_project


def use_the_clones_plugins() -> None:
    """Let this process and those it starts find each package of the clone's folder ``plugins``.

    One that is installed stays the one that is found.
    """
    folders = [file.parent for file in sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    before = len(sys.path)
    stack = ExitStack()
    for folder in [folder for folder in folders if not _is_installed(folder)]:
        stack.enter_context(as_if_installed(folder))
    atexit.register(stack.close)
    added = sys.path[: len(sys.path) - before]
    path = [*added, os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))


def _is_installed(folder: Path) -> bool:
    try:
        distribution(read_project(folder)["name"])
    except PackageNotFoundError:
        return False
    return True
