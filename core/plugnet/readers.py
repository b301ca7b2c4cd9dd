"""Which reader the name of a file or folder asks for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from plugnet.arguments import file_path
from plugnet.errors import FileFormatError
from plugnet.interfaces import Rows
from plugnet.registry import registry
from plugnet.schema import Schema

#: Suffixes of tables, besides those that readers are named like.
TABLES = ("tsv", "tab", "txt", "data", "dat")


def reader_of(path: Path) -> str:
    """Return the reader for a file by its suffix, or for a folder by its contents; "" for none.

    A file is read by the reader that is named like its suffix, or as a table; a further suffix .gz
    does not count. A folder is read by ``npy`` if it holds such files, else by ``idx``.
    """
    if path.is_dir():
        return "npy" if any(path.glob("*.npy")) else "idx"
    suffix = suffix_of(path)
    if suffix in registry.datasets.names():
        return suffix
    return "csv" if suffix in TABLES else ""


def suffix_of(path: Path) -> str:
    """Return the suffix of a file without the dot, in small letters; .gz does not count."""
    inner = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return inner.suffix.removeprefix(".").lower()


def rows_of(path: str | os.PathLike[str], schema: Schema) -> Iterator[Rows]:
    """Yield all rows of a file or folder, block by block, for a model to answer.

    Raises:
        FileFormatError: no reader's name fits the file's, or it cannot be read.
    """
    name = file_path("x", path)
    reader = reader_of(Path(name))
    if not reader:
        raise FileFormatError(
            f"{name} must have a suffix that tells how to read it, one of "
            f"{', '.join(registry.datasets.names())}. Rename it, or give the rows: "
            "registry.datasets.build(READER, path).rows(model.schema).",
            path=name,
        )
    return registry.datasets.build(reader, name).rows(schema)
