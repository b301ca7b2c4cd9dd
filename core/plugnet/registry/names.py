"""Names: ``[kind:][distribution/]name``, taken apart and checked before anything is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from plugnet.errors import ArgumentError, shorten, shown
from plugnet.registry.kinds import KINDS

LONGEST: Final = 200  # characters
PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,98}")


class Name(NamedTuple):
    """A name taken apart. ``kind`` and ``distribution`` are None where the name leaves them out."""

    kind: str | None
    distribution: str | None
    bare: str

    def __str__(self) -> str:
        kind = f"{self.kind}:" if self.kind else ""
        distribution = f"{self.distribution}/" if self.distribution else ""
        return f"{kind}{distribution}{self.bare}"


def normalize(distribution: str) -> str:
    """Return a distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


def parse(text: object, kind: str | None = None) -> Name:
    """Take a name apart.

    Args:
        text: the name.
        kind: the kind of the view that was asked; None: the whole registry was.

    Raises:
        ArgumentError: it is not a string, cannot be a name, or says another kind.
    """
    if not isinstance(text, str):
        raise ArgumentError(
            f"The name of a component must be a string, such as 'fc', but it is {shown(text)}, "
            f"of type {type(text).__name__}.",
            argument="name",
            value=text,
        )
    said, colon, rest = text.rpartition(":")
    distribution, slash, bare = rest.rpartition("/")
    is_incomplete = not bare or (colon and not said) or (slash and not distribution)
    if is_incomplete or len(text) > LONGEST or re.search(r"\s", text):
        raise ArgumentError(
            "A name must look like 'fc', 'layer:fc' or 'plugnet/fc', without spaces and at most "
            f"{LONGEST} characters long, but it is {shown(text)}.",
            argument="name",
            value=text,
        )
    if kind is not None and said not in ("", kind):
        raise ArgumentError(
            f"registry.{KINDS[kind].view} has components of kind {kind} only, but the name is "
            f"'{shorten(text)}'. Use registry.build, or leave '{said}:' out.",
            argument="name",
            value=text,
        )
    return Name(said or kind, normalize(distribution) if slash else None, bare)


def close(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three of ``names`` that ``name`` may have meant, the closest first."""
    from difflib import get_close_matches  # only where there is an error to explain

    known = {_fold(each): each for each in sorted(names, reverse=True)}
    return tuple(known[match] for match in get_close_matches(_fold(name[:100]), known))


def did_you_mean(matches: tuple[str, ...]) -> str:
    """Return the question for the `close` matches, or "" if there are none."""
    return f"Did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def _fold(name: str) -> str:
    """Return ``name`` without what people get wrong: case, dashes and spaces."""
    return name.casefold().replace("-", "_").replace(" ", "_")
