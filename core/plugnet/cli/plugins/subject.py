"""What a command is about: a component, a distribution, or a plugin's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugnet.cli.plugins.source_folder import as_if_installed
from plugnet.registry import Entry, registry
from plugnet.registry.names import normalize

HELP = "a component, a distribution, or a plugin's folder, which need not be installed"


@contextmanager
def entries(subject: str) -> Iterator[list[Entry]]:
    """Yield what a name or a folder means; of the same word, what is installed comes first."""
    folder = meant_folder(subject)
    if folder is not None:
        with as_if_installed(folder) as distribution:
            yield _of(distribution)
    else:
        yield _of(subject) or [registry.find(subject)]


def meant_folder(subject: str) -> Path | None:
    """Return the folder that a word means, or None if it means what is installed."""
    folder = Path(subject)
    spelled_out = subject in (os.curdir, os.pardir) or os.sep in subject
    if folder.is_dir() and (spelled_out or not (_of(subject) or subject in registry.names())):
        return folder
    return None


def _of(distribution: str) -> list[Entry]:
    """Return the components of a distribution."""
    name = normalize(distribution)
    return [entry for entry in registry.entries() if entry.distribution == name]
