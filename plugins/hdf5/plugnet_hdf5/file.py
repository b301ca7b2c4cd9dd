"""An HDF5 file that someone else wrote: what it holds, without following links out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py

from plugnet.data.stored_array import MOST_ARRAYS, too_many_arrays
from plugnet.errors import FileFormatError, PlugnetError
from plugnet.files.beginnings import looks_like
from plugnet.files.opening import open_ordinary


@contextmanager
def opened(path: str) -> Iterator[tuple[h5py.File, int]]:
    """Open a file for reading; its size comes with it.

    Whatever is wrong with it, also within the ``with``, becomes a FileFormatError.
    """
    with open_ordinary(path, "an HDF5 file") as ordinary:
        size = ordinary.seek(0, os.SEEK_END)
        ordinary.seek(0)
        head = ordinary.read(200)
    try:
        if not h5py.is_hdf5(path):
            raise ValueError(f"it is {looks_like(head)}")
        with h5py.File(path, "r") as file:
            yield file, size
    except (PlugnetError, MemoryError):
        raise
    except Exception as error:  # h5py raises many kinds on damaged files
        reason = str(error) or type(error).__name__
        raise FileFormatError(
            f"{path!r} must be an HDF5 file that can be read, but: {reason.rstrip('.')}.", path=path
        ) from error


def datasets(file: h5py.File, path: str, in_groups: bool = True) -> dict[str, Any]:
    """Return the arrays of a file by their names, such as "train/x".

    What a link names is left out: it may lie in another file.

    Args:
        file: it.
        path: its path.
        in_groups: whether those in groups are meant, too.

    Raises:
        FileFormatError: there are too many.
    """
    found: dict[str, Any] = {}
    seen = {_address(file)}

    def add(group: Any, prefix: str) -> None:
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            item = group[name]
            if isinstance(item, h5py.Dataset):
                found[prefix + name] = item
            elif in_groups and isinstance(item, h5py.Group) and _address(item) not in seen:
                seen.add(_address(item))
                add(item, f"{prefix}{name}/")
            if max(len(found), len(seen)) > MOST_ARRAYS:
                raise too_many_arrays(path)

    add(file, "")
    return found


def _address(item: Any) -> int:
    """Return where a group lies, the same by whatever name it is reached."""
    address: int = h5py.h5o.get_info(item.id).addr
    return address
