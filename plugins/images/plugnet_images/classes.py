"""Which pictures of a folder belong to which class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataWarning, FileFormatError, counted, listed
from plugnet_images.folder import Folder, walk

#: The sub-folders of a set that is divided.
TRAIN, TEST = "train", "test"


@dataclass(frozen=True)
class Found:
    """Pictures, sorted by class and path.

    Attributes:
        root: the folder, or the only picture.
        paths: the N files.
        labels: ``(N,)`` names of classes, or None.
        classes: the names of all classes, sorted.
    """

    root: str
    paths: Sequence[str]
    labels: Array | None = None
    classes: tuple[str, ...] = ()

    def taken(self, rows: Array) -> Found:
        """Return some of them."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, paths=[self.paths[row] for row in rows.tolist()], labels=labels)

    def names(self) -> list[str]:
        """Return the files' paths from ``root`` on."""
        start = str(Path(self.root).parent) if self.paths == [self.root] else self.root
        names = (os.path.relpath(path, start) for path in self.paths)
        return [os.fsencode(name).decode("utf-8", "replace") for name in names]


def parts_of(path: str) -> tuple[str, str | None]:
    """Return the folders to train and to test on, or the folder itself and None.

    A set is divided if its folder ``train`` has sub-folders, and no pictures of its own.

    Raises:
        FileFormatError: a folder cannot be read, or there are others besides these two.
    """
    top = Folder.of(Path(path))
    names = [each.name for each in top.folders]
    if TRAIN not in names:
        return path, None
    inner = Folder.of(Path(path, TRAIN))
    if inner.pictures or not inner.folders:
        return path, None
    if others := [name for name in names if name not in (TRAIN, TEST)]:
        raise FileFormatError(
            f"{path!r} must have no folders besides train and test, but it has {listed(others)}. "
            "Move them elsewhere, or say which folders are meant: path, and test_path for the "
            "pictures to test on.",
            path=path,
        )
    return str(Path(path, TRAIN)), str(Path(path, TEST)) if TEST in names else None


def labelled(path: str) -> Found:
    """Return the pictures of a folder with a sub-folder for each class.

    Files that are no pictures, or lie in no class's folder, are warned of.

    Raises:
        FileFormatError: a folder cannot be read, there is no class, or one has no pictures.
    """
    top = Folder.of(Path(path))
    if not top.folders:
        raise FileFormatError(
            f"{path!r} must have a sub-folder for each class, with its pictures, but it has no "
            f"sub-folders, and {counted(len(top.pictures), 'picture')}. Sort the pictures into "
            "folders that are named like their classes.",
            path=path,
        )
    paths: list[str] = []
    labels: list[str] = []
    folders = [top]
    empty = []
    for each in top.folders:
        below = list(walk(each, (os.path.realpath(path),)))
        found = sorted(str(picture) for folder in below for picture in folder.pictures)
        paths += found
        labels += [_name(each)] * len(found)
        folders += below
        empty += [each.name] * (not found)
    if empty:
        raise FileFormatError(
            f"Every sub-folder of {path!r} must have pictures of its class, but there are none in "
            f"{listed(empty)}. Add some, or delete these folders.",
            path=path,
        )
    _report(path, folders, [str(picture) for picture in top.pictures])
    classes = tuple(sorted({*labels}))
    return Found(path, paths, np.array(labels), classes)


def asked(path: str, classes: Collection[object]) -> Found:
    """Return the pictures that a model of these classes is asked about.

    They are labelled if a sub-folder has the name of a class.

    Raises:
        FileFormatError: as `labelled`, or there is no picture.
    """
    if Path(path).is_file():
        return Found(path, [path])
    top = Folder.of(Path(path))
    if {str(each) for each in classes} & {each.name for each in top.folders}:
        return labelled(path)
    folders = list(walk(Path(path)))
    paths = sorted(str(picture) for folder in folders for picture in folder.pictures)
    if not paths:
        raise FileFormatError(
            f"{path!r} must hold pictures (PNG, JPEG, BMP, GIF, WebP or TIFF), but there are none.",
            path=path,
        )
    _report(path, folders, [])
    return Found(path, paths)


def _name(folder: Path) -> str:
    """Return the name of a class."""
    name = folder.name
    if name.strip() != name or not name.isprintable():
        raise FileFormatError(
            f"The name of a folder is that of a class, so it must be plain text, but there is "
            f"{str(folder)!r}. Rename it.",
            path=str(folder),
        )
    return name


def _report(path: str, folders: Sequence[Folder], without_class: Sequence[str]) -> None:
    """Warn of files that are left out."""
    others = [str(each) for folder in folders for each in folder.others]
    hidden = sum(folder.hidden for folder in folders)
    says = []
    if without_class:
        says.append(f"{counted(len(without_class), 'picture')} in no class's folder")
    if others:
        says.append(f"{counted(len(others), 'file')} that {_are(others)} no pictures by their name")
    if hidden:
        says.append(f"{hidden} hidden")
    if says:
        shown = [os.path.relpath(each, path) for each in (*without_class, *others)]
        such = f", such as {listed(shown[:3])}" if shown else ""
        warnings.warn(f"Left out of {path!r}: {', '.join(says)}{such}.", DataWarning, stacklevel=4)


def _are(found: Sequence[str]) -> str:
    return "is" if len(found) == 1 else "are"
