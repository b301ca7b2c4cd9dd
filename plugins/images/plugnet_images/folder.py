"""The pictures in a folder, and those in folders below it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plugnet.errors import FileFormatError
from plugnet.files.opening import list_folder
from plugnet_images.picture import SUFFIXES

#: What operating systems put into folders by themselves.
_OF_SYSTEMS = ("thumbs.db", "desktop.ini")


@dataclass
class Folder:
    """What lies in one folder.

    Attributes:
        path: the folder.
        pictures: files that are pictures by their suffix, sorted.
        folders: sub-folders, sorted.
        others: all other files.
        hidden: how many hidden files and folders there are, which are left out.
    """

    path: Path
    pictures: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    hidden: int = 0

    @classmethod
    def of(cls, path: Path) -> Folder:
        """Look into a folder.

        Raises:
            FileFormatError: it cannot be read.
        """
        found = cls(path)
        for each in list_folder(str(path), "pictures"):
            if each.name.startswith(".") or each.name.lower() in _OF_SYSTEMS:
                found.hidden += 1
            elif each.is_dir():
                found.folders.append(each)
            elif each.suffix.lower() in SUFFIXES:
                found.pictures.append(each)
            else:
                found.others.append(each)
        return found


def walk(path: Path, above: Sequence[str] = ()) -> Iterator[Folder]:
    """Yield a folder and all below it; links are followed.

    Raises:
        FileFormatError: a folder cannot be read, or a link leads back to a folder that holds it.
    """
    real = os.path.realpath(path)
    if real in above:
        raise FileFormatError(
            f"{str(path)!r} leads back to a folder that holds it. Delete this link.",
            path=str(path),
        )
    found = Folder.of(path)
    yield found
    for each in found.folders:
        yield from walk(each, (*above, real))
