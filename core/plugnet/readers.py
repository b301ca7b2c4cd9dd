"""Which reader the name of a file or folder asks for."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from plugnet.arguments import file_path
from plugnet.errors import FileFormatError
from plugnet.interfaces import Rows
from plugnet.registry import registry
from plugnet.registry.kinds import PUBLISHED
from plugnet.schema import Schema

#: Suffixes of files, besides those that readers are named like, by the reader.
SUFFIXES = {
    "csv": ("tsv", "tab", "txt", "data", "dat"),
    "hdf5": ("h5",),
    "images": ("png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff"),
}

#: Readers of folders, by the suffixes of files there.
_OF_FOLDERS = {"npy": ("npy",), "parquet": ("parquet",), "images": SUFFIXES["images"]}

#: How deep pictures may lie, as in train/class/more; and after how many files and folders the
#: search for one ends.
_DEPTH, _ASKED = 3, 10_000

#: How a MATLAB file begins that is HDF5 inside.
_MATLAB_73 = b"MATLAB 7.3"


def reader_of(path: Path) -> str:
    """Return the reader for a file by its suffix, or for a folder by its contents; "" for none.

    A file is read by the reader that is named like its suffix or has it in `SUFFIXES`; a further
    suffix .gz does not count. A MATLAB file that is HDF5 inside is read by ``mat73`` if that is
    installed. A folder is read by ``npy`` if it holds such files, by ``parquet`` if it holds such,
    by ``images`` if it or its sub-folders hold pictures, else by ``idx``. The reader may be one
    that is not installed: building it then says how to get it.
    """
    if path.is_dir():
        return _reader_of_folder(path)
    suffix = suffix_of(path)
    names = registry.datasets.names()
    if suffix == "mat" and "mat73" in names and _begins_with(path, _MATLAB_73):
        return "mat73"
    if suffix in names or ("dataset", suffix) in PUBLISHED:
        return suffix
    return next((reader for reader, known in SUFFIXES.items() if suffix in known), "")


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


def _reader_of_folder(folder: Path) -> str:
    found = {suffix_of(path) for path in _inside(folder, _ASKED) if path.is_file()}
    for reader, known in _OF_FOLDERS.items():
        if not found.isdisjoint(known):
            return reader
    return "images" if _has_pictures(folder) else "idx"


def _has_pictures(folder: Path) -> bool:
    """Tell whether a picture lies in or below a folder, as far as is searched."""
    level, left = [folder], _ASKED
    for _ in range(_DEPTH + 1):
        found = [each for one in level for each in _inside(one, left // len(level))]
        if any(suffix_of(each) in SUFFIXES["images"] and each.is_file() for each in found):
            return True
        level = [each for each in found if each.is_dir()]
        left -= len(found)
        if not level:
            break
    return False


def _inside(folder: Path, most: int) -> list[Path]:
    """Return some of what a folder holds, none if it may not be read; hidden ones do not count."""
    try:
        found = itertools.islice(folder.iterdir(), max(most, 1))
        return [path for path in found if not path.name.startswith(".")]
    except OSError:
        return []


def _begins_with(path: Path, head: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(head)) == head
    except OSError:
        return False
