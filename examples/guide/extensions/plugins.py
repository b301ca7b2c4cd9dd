"""The clone's plugin packages, for a guide that is built where they are not installed."""

from __future__ import annotations

import atexit
import os
import sys
import tomllib
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

from extensions.places import ROOT
from plugnet.cli.plugins.source_folder import as_if_installed


def use_the_clones_plugins() -> None:
    """Let this process and those it starts find the packages of the clone's folder ``plugins``.

    The components of one are registered if what it needs is installed; of others there is the
    source. One that is installed itself stays the one that is found.
    """
    before = len(sys.path)
    stack = ExitStack()
    for file in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        needs = (Requirement(text).name for text in project["dependencies"])
        if _is_there(project["name"]):
            continue
        if "plugnet.api" in project.get("entry-points", {}) and all(map(_is_there, needs)):
            stack.enter_context(as_if_installed(file.parent))
        else:
            sys.path.insert(0, str(file.parent))
    atexit.register(stack.close)
    added = sys.path[: len(sys.path) - before]
    path = [*added, os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))


def _is_there(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
