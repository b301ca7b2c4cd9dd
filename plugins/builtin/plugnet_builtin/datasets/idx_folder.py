"""Which files of a folder are the images and the labels of an IDX set, by their names."""

from __future__ import annotations

import re
from pathlib import Path

from plugnet.errors import FileFormatError
from plugnet.files.opening import list_folder

_PART = re.compile(r"(?<![a-z])(train|test|t10k)(?:ing)?(?![a-z])")
_CONTENT = re.compile(r"(?<![a-z])(image|label)s?(?![a-z])")


def find_set(folder: str, prefix: str | None) -> dict[str, list[Path]]:
    """Return the files of one set: for "train images", "test labels" and so on, all that fit.

    Args:
        folder: where they are.
        prefix: what their names begin with, before "train", "test" or "t10k", without the
            separator; None: there is only one set.

    Raises:
        FileFormatError: the folder cannot be read, or does not hold one set of this name.
    """
    sets: dict[str, dict[str, list[Path]]] = {}
    for path in list_folder(folder, "IDX files"):
        part, content = _PART.search(path.name.lower()), _CONTENT.search(path.name.lower())
        if part and content and path.is_file():
            begins = path.name[: min(part.start(), content.start())].rstrip("-_. ")
            is_train = part[1] == "train"
            what = f"{'train' if is_train else 'test'} {content[1]}s"
            sets.setdefault(begins, {}).setdefault(what, []).append(path)
    if prefix is None and len(sets) == 1:
        return next(iter(sets.values()))
    if prefix in sets:
        return sets[prefix]
    found = ", ".join(repr(name) for name in sets) or "none"
    problem = "no set" if not sets else "several sets"
    if prefix is not None:
        problem = f"no set with the prefix {prefix!r}"
    raise FileFormatError(
        f"{folder!r} must hold IDX files with names such as train-images-idx3-ubyte and "
        f"t10k-labels-idx1-ubyte, but it holds {problem}. Prefixes of the names are {found}: say "
        'which, for example prefix="emnist-letters", in a config ["idx", {prefix = '
        '"emnist-letters"}].',
        path=folder,
    )


def only_file(folder: str, files: dict[str, list[Path]], what: str) -> str:
    """Return the path of the one file that is, for example, "train images".

    If a file and the same with .gz are there, it is the plain one.

    Raises:
        FileFormatError: there is none, or there are several.
    """
    fits = files.get(what, [])
    fits = [path for path in fits if path.suffix != ".gz" or path.with_suffix("") not in fits]
    if len(fits) != 1:
        found = ", ".join(path.name for path in fits) or "none"
        names = what.replace(" ", "-").replace("test", "t10k")
        raise FileFormatError(
            f"{folder!r} must have one file of {what}, named ...{names}..., but it has {found}.",
            path=folder,
        )
    return str(fits[0])
