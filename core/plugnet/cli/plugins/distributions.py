"""What metadata show: distributions that are installed twice, or whose metadata are stale."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from plugnet.registry import Entry
from plugnet.registry.kinds import API_GROUP, KIND_OF_GROUP
from plugnet.registry.names import PATTERN, normalize


def by_name() -> dict[str, list[Distribution]]:
    """Return what is installed, by normalised name: all copies, the one that Python uses first."""
    found: dict[str, list[Distribution]] = {}
    for distribution in distributions():
        try:
            if "Name" in distribution.metadata:
                name = normalize(distribution.metadata["Name"])
                found.setdefault(name, []).append(distribution)
        except Exception:  # a foreign distribution may be damaged in any way
            continue
    return found


def unmarked(distribution: Distribution) -> bool:
    """Tell whether a distribution does not say for which plugin API it was written."""
    return f"[{API_GROUP}]" not in (distribution.read_text("entry_points.txt") or "")


def copies(same: Iterable[Distribution]) -> list[str]:
    """Return the folders of the metadata if there is more than one for the same version.

    Metadata that an editable installation leaves beside the code are not a second installation.
    """
    folders = {
        os.path.realpath(str(path)): distribution.version
        for distribution in same
        if (path := getattr(distribution, "_path", None)) and str(path).endswith(".dist-info")
    }
    return sorted(folders) if len(folders) > 1 and len(set(folders.values())) == 1 else []


def staleness(distribution: Distribution, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield how ``entries``, those in the metadata, differ from an editable one's pyproject.toml.

    A distribution that has none in either place does not concern plugnet.
    """
    folder = _editable_folder(distribution)
    if folder is None:
        return
    installed = {(entry.kind, entry.name): entry.value for entry in entries}
    file = folder / "pyproject.toml"
    try:
        wanted = _declared(tomllib.loads(file.read_text(encoding="utf-8")))
    except Exception as error:  # missing, unreadable, or of an unforeseen form
        if installed:
            yield f"it is installed from {folder}, whose pyproject.toml cannot be read: {error}"
        return
    if wanted is None:
        return
    again = f"Run: pip install -e {folder}"
    for kind, name in sorted({*wanted, *installed}):
        there, here = wanted.get((kind, name)), installed.get((kind, name))
        if here is None:
            yield f"pyproject.toml declares {kind} '{name}', the metadata do not. {again}"
        elif there is None:
            yield f"the metadata declare {kind} '{name}', pyproject.toml does not. {again}"
        elif there != here:
            yield f"{kind} '{name}' is {there} in pyproject.toml, {here} in the metadata. {again}"


def _declared(pyproject: dict[str, Any]) -> dict[tuple[str, str], str] | None:
    """Return, by kind and name, what a pyproject.toml declares; None if the build decides."""
    project = pyproject.get("project")
    if project is None or "entry-points" in project.get("dynamic", ()):
        return None
    return {
        (KIND_OF_GROUP[group], name): value
        for group, entries in project.get("entry-points", {}).items()
        if group in KIND_OF_GROUP
        for name, value in entries.items()
        if PATTERN.fullmatch(name)  # the registry reports the others
    }


def _editable_folder(distribution: Distribution) -> Path | None:
    """Return the folder of an editable installation (PEP 610), else None."""
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            return Path(url2pathname(urlparse(origin["url"]).path))
    except (ValueError, KeyError, AttributeError, OSError):
        pass  # anything may have written that file
    return None
