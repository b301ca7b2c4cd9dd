"""Which arrays of a file are the samples, the labels and their weights, by their names.

There are six roles, ``x``, ``y`` and ``weights``, as in a `Batch`, and the same of the test part,
``test_x``, ``test_y`` and ``test_weights``. The user may name the array of each role; otherwise
common names are found, in capital or small letters, if there is only one way to understand them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from plugnet.arrays import Shape
from plugnet.data.stored_array import Stored
from plugnet.errors import ArgumentError, FileFormatError

ROLES = ("x", "y", "weights", "test_x", "test_y", "test_weights")

#: Names that belong together, for x, y, test_x and test_y.
_FAMILIES = (
    ("train_data", "train_label train_labels", "test_data", "test_label test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_x", "train_y", "test_x", "test_y"),
    ("train_images", "train_labels train_label", "test_images", "test_labels test_label"),
    ("x", "y", "x_test test_x", "y_test test_y"),
    ("data", "target targets label labels", "", ""),
    ("images", "label labels", "", ""),
    ("features", "target targets label labels", "", ""),
)

#: Arrays that an error lists.
_SHOWN = 20


def check_keys(keys: object) -> dict[str, str] | None:
    """Return the argument ``keys``, the arrays' names by their roles, if it is right.

    Raises:
        ArgumentError: it is not.
    """
    if keys is None:
        return None
    if isinstance(keys, Mapping):
        names = list(keys.values())
        are_names = all(isinstance(name, str) and name for name in names)
        if are_names and set(keys) <= set(ROLES) and "x" in keys and len(set(names)) == len(names):
            return dict(keys)
    raise ArgumentError(
        f"keys must give names of arrays, all different, for x and any of {', '.join(ROLES[1:])}, "
        f'such as {{"x": "pixels", "y": "digit"}}, not {keys!r}.',
        argument="keys",
        value=keys,
    )


class ArrayNames:
    """The names of the arrays in one file, for one reader."""

    def __init__(self, path: str, reader: str, contents: Mapping[str, Stored]) -> None:
        """Take the file, the reader's name and the arrays."""
        self._path, self._reader = path, reader
        self._shapes = {name: stored.shape for name, stored in contents.items()}

    def labelled(self, keys: Mapping[str, str] | None) -> Mapping[str, str]:
        """Return the names by role: x and y, test_x and test_y if they are there, and weights.

        Raises:
            FileFormatError: arrays are missing, or names may be understood in several ways.
        """
        roles = keys
        if roles is None:
            found = [each for each in self._common() if {"x", "y"} <= each.keys()]
            roles = self._only(found, "none has a common name for labelled samples")
        missing = [name for name in roles.values() if name not in self._shapes]
        if missing:
            raise self._unclear(f"keys names {', '.join(missing)}, which it lacks")
        lone = {"x": "y", "y": "x", "test_x": "test_y", "test_y": "test_x"}
        for one, other in lone.items():
            if one in roles and other not in roles:
                raise self._unclear(f"{roles[one]} is {one}, but nothing is {other}")
        return roles

    def samples(self, keys: Mapping[str, str] | None) -> Mapping[str, str]:
        """Return the names by role of all samples, with the labels if all have some.

        Raises:
            FileFormatError: there are none, or names may be understood in several ways.
        """
        if keys is None:
            found = [_without_gaps(roles) for roles in self._common()]
            found = [roles for roles in found if "y" in roles or "test_y" in roles] or found
            if not found and len(self._shapes) == 1:
                return {"x": next(iter(self._shapes))}
            return self._only(found, "none has a common name for samples")
        roles = {role: name for role, name in keys.items() if name in self._shapes}
        if not {"x", "test_x"} & roles.keys():
            raise self._unclear(f"keys names {', '.join(keys.values())}, which it lacks")
        return _without_gaps(roles)

    def _common(self) -> list[dict[str, str]]:
        """Return the names of each family by role, those of which some are samples."""
        found: list[dict[str, str]] = []
        for family in _FAMILIES:
            roles: dict[str, str] = {}
            for role, spellings in zip(("x", "y", "test_x", "test_y"), family, strict=True):
                names = [name for name in self._shapes if _plain(name) in spellings.split()]
                if len(names) > 1:
                    raise self._unclear(f"{' and '.join(names)} may both be {role}")
                if names:
                    roles[role] = names[0]
            if {"x", "test_x"} & roles.keys():
                found.append(roles)
        return found

    def _only(self, found: list[dict[str, str]], nothing: str) -> dict[str, str]:
        """Return the only way to understand the names, leaving out ways that are parts of it."""
        largest = [one for one in found if not any(one.items() < each.items() for each in found)]
        if not largest:
            raise self._unclear(nothing)
        if any(one != largest[0] for one in largest):
            ways = " or ".join(", ".join(one.values()) for one in largest)
            raise self._unclear(f"they may be {ways}")
        return largest[0]

    def _unclear(self, problem: str) -> FileFormatError:
        shown = [f"{name} {shape or '(no numbers)'}" for name, shape in self._shapes.items()]
        if len(shown) > _SHOWN:
            shown[_SHOWN:] = [f"{len(shown) - _SHOWN} more"]
        keys = _guess(self._shapes)
        python = ", ".join(f'"{role}": "{name}"' for role, name in keys.items())
        toml = ", ".join(f'{role} = "{name}"' for role, name in keys.items())
        return FileFormatError(
            f"{self._path!r} must hold samples and labels, but which arrays they are is not clear: "
            f"{problem}. It holds {', '.join(shown) or 'no arrays'}. Say which, for example by "
            f'keys={{{python}}}, in a config ["{self._reader}", {{keys = {{{toml}}}}}].',
            path=self._path,
        )


def _plain(name: str) -> str:
    """Return a name as families have it; in HDF5 that of an array in a group is group/array."""
    return name.lower().replace("/", "_")


def _without_gaps(roles: Mapping[str, str]) -> dict[str, str]:
    """Return the roles without labels and weights unless all samples have them."""
    parts = [role.removesuffix("x") for role in ("x", "test_x") if role in roles]
    kept = [what for what in ("x", "y") if all(part + what in roles for part in parts)]
    return {part + what: roles[part + what] for part in parts for what in kept}


def _guess(shapes: Mapping[str, Shape | None]) -> dict[str, str]:
    """Return the keys that the user may have meant: the largest array, and one with its rows."""
    known = {name: shape for name, shape in shapes.items() if shape}
    matrices = [name for name, shape in known.items() if len(shape) > 1]
    x = max(matrices, key=lambda name: math.prod(known[name]), default=None)
    if x is None:
        return {"x": "NAME", "y": "NAME2"}
    rows = known[x][0]
    fits = [name for name, shape in known.items() if name != x and rows in (shape[0], shape[-1])]
    return {"x": x, "y": min(fits, key=lambda name: math.prod(known[name]), default="NAME")}
