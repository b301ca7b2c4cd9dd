"""A plugin that is not installed, but whose folder is treated as if it were."""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plugnet.errors import ConfigError, shown
from plugnet.registry import registry
from plugnet.registry.kinds import API_GROUP, KINDS
from plugnet.registry.names import normalize

#: What Python's packaging allows, https://packaging.python.org/en/latest/specifications/.
NAME = re.compile(r"[A-Za-z0-9]([\w.-]{0,98}[A-Za-z0-9])?", re.ASCII)
VERSION = re.compile(r"[\w.!+-]{1,100}", re.ASCII)
GROUPS = (*(kind.group for kind in KINDS.values()), API_GROUP)


@contextmanager
def as_if_installed(folder: Path) -> Iterator[str]:
    """Let the registry find the components that a folder's pyproject.toml declares.

    The metadata that an installation would write are written to a temporary folder. Everything
    then goes the usual way, also in new processes that are given this one's ``sys.path``. Yields
    the name of the distribution.

    Raises:
        ConfigError: there is no pyproject.toml, or it declares no components.
    """
    project = read_project(folder)
    name = normalize(project["name"])
    version = project.get("version", "0")
    with tempfile.TemporaryDirectory() as metadata:
        info = Path(metadata, f"{name.replace('-', '_')}-{version}.dist-info")
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(_entry_points(project), encoding="utf-8")
        path = sys.path[:]
        sys.path[:0] = [metadata, str(_code(folder, project).resolve())]
        registry.refresh()
        try:
            yield name
        finally:
            sys.path[:] = path
            registry.refresh()


def read_project(folder: Path) -> dict[str, Any]:
    """Return the table ``project`` of the folder's pyproject.toml.

    Raises:
        ConfigError: there is no pyproject.toml, or it declares no components.
    """
    file = folder / "pyproject.toml"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _config_error(f"{folder} has no pyproject.toml.") from error
    except ValueError as error:
        raise _config_error(f"{file} is not a TOML file: {error}.") from error
    project = _table(file, content, "project")
    for key, pattern in (("name", NAME), ("version", VERSION)):
        value = project.get(key, "0")
        if not (isinstance(value, str) and pattern.fullmatch(value)):
            raise _config_error(f"{file} has a project whose {key} cannot be {shown(value)}.")
    if "name" not in project:
        raise _config_error(f"{file} does not name a project.")
    declared = _table(file, project, "entry-points")
    for group in GROUPS:
        values = _table(file, declared, group).values()
        if not all(isinstance(value, str) and value.isprintable() for value in values):
            raise _config_error(f"{file} declares a component of {group} that is no text.")
    if not any(declared.get(kind.group) for kind in KINDS.values()):
        raise _config_error(f"{file} declares no components.")
    return project


def _table(file: Path, content: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a table in a table, empty if there is none."""
    found = content.get(key, {})
    if not isinstance(found, dict):
        raise _config_error(f"{file} has a {key} that is no table.")
    return found


def _code(folder: Path, project: dict[str, Any]) -> Path:
    """Return where the packages are: in ``src``, in ``lib``, or beside the pyproject.toml."""
    values = (
        value for group in GROUPS for value in project["entry-points"].get(group, {}).values()
    )
    packages = {value.partition(":")[0].partition(".")[0].strip() for value in values}
    for code in (folder / "src", folder / "lib"):
        if any((code / name).is_dir() or (code / f"{name}.py").is_file() for name in packages):
            return code
    return folder


def _config_error(trouble: str) -> ConfigError:
    return ConfigError(
        f"{trouble} A plugin's pyproject.toml must have a [project] with a name, and declare each "
        'component, for example: [project.entry-points."plugnet.layers"] swirl = '
        '"nn_swirl.swirl:Swirl".',
        key="PATH",
    )


def _entry_points(project: dict[str, Any]) -> str:
    """Return the part of ``entry_points.txt`` that concerns plugnet."""
    lines = []
    for group in GROUPS:
        entries = project["entry-points"].get(group, {})
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    return "\n".join([*lines, ""])
