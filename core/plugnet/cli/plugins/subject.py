"""What a command is about: a component, a distribution, or a plugin's folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugnet.arguments import file_path
from plugnet.cli.plugins.source_folder import as_if_installed, read_project
from plugnet.errors import ConfigError, PluginWarning
from plugnet.registry import Entry, registry
from plugnet.registry.kinds import KINDS
from plugnet.registry.names import normalize

HELP = "a component, a distribution, or a plugin's folder, which need not be installed"


@contextmanager
def entries(subject: str) -> Iterator[list[Entry]]:
    """Yield what a name or a folder means; of the same word, what is installed comes first."""
    folder = meant_folder(subject)
    if folder is not None:
        with as_if_installed(folder) as distribution:
            yield _declared(folder, distribution)
    elif subject.startswith((os.curdir, os.sep, "~")) or Path(subject).is_file():
        raise ConfigError(
            f"PATH must be a plugin's folder, with its pyproject.toml, but {subject} is no folder.",
            key="PATH",
        )
    else:
        yield _of(subject) or [registry.find(subject)]


def meant_folder(subject: str) -> Path | None:
    """Return the folder that a word means, or None if it means what is installed."""
    folder = Path(file_path("PATH", subject))
    spelled_out = subject in (os.curdir, os.pardir) or os.sep in subject
    if folder.is_dir() and (spelled_out or not (_of(subject) or subject in registry.names())):
        return folder
    return None


def _declared(folder: Path, distribution: str) -> list[Entry]:
    """Return what a folder's pyproject.toml declares, and warn of what the registry leaves out.

    Raises:
        ConfigError: it leaves out all.
    """
    found = _of(distribution)
    declared = read_project(folder)["entry-points"]
    if len(found) == sum(len(declared.get(kind.group, {})) for kind in KINDS.values()):
        return found
    wrong = [each.message for each in registry.problems() if each.distribution == distribution]
    if not found:
        why = " ".join(wrong) or "See PLUGNET_PLUGINS, which says what plugins there are."
        raise ConfigError(f"The registry finds no component in {folder}. {why}", key="PATH")
    for message in wrong:
        warnings.warn(message, PluginWarning, stacklevel=2)
    return found


def _of(distribution: str) -> list[Entry]:
    """Return the components of a distribution."""
    name = normalize(distribution)
    return [entry for entry in registry.entries() if entry.distribution == name]
