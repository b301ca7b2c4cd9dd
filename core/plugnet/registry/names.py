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
QUALIFIED: Final = re.compile(r"(?:(\S+):)?(?:(\S+)/)?([^\s:/]+)")


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
    """Return a distribution's name as package indexes compare it (PEP 503).

    Raises:
        ArgumentError: it is not a string.
    """
    if not isinstance(distribution, str):
        raise ArgumentError(
            "The name of a distribution must be a string, such as 'plugnet-dropout', but it is "
            f"{shown(distribution)}.",
            argument="distribution",
            value=distribution,
        )
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


def matches(pattern: re.Pattern[str], value: object) -> bool:
    """Tell whether a value is a string that a pattern describes wholly."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def parse(text: object, kind: str | None = None) -> Name:
    """Take a name apart.

    Args:
        text: the name.
        kind: the kind of the view that was asked; None: the whole registry was.

    Raises:
        ArgumentError: it is not a string, cannot be a name, or says another kind.
    """
    parts = QUALIFIED.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST else None
    if parts is None:
        raise ArgumentError(
            "A name must be a string such as 'fc', 'layer:fc' or 'plugnet/fc', without spaces and "
            f"at most {LONGEST} characters long, but it is {shown(text)}.",
            argument="name",
            value=text,
        )
    said, distribution, bare = parts.groups()
    if kind and said not in (None, kind):
        raise ArgumentError(
            f"registry.{KINDS[kind].view} has components of kind {kind} only, but the name is "
            f"'{shorten(parts.string)}'. Use registry.build, or leave '{said}:' out.",
            argument="name",
            value=text,
        )
    return Name(said or kind, distribution and normalize(distribution), bare)


def close(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three of ``names`` that ``name`` may have meant, the closest first."""
    from difflib import get_close_matches  # only where there is an error to explain

    known = {_fold(each): each for each in sorted(names, reverse=True)}
    return tuple(known[match] for match in get_close_matches(_fold(name[:100]), known))


def did_you_mean(matches: Iterable[object]) -> str:
    """Return the question for names such as the `close` ones, or "" if there are none."""
    choices = " or ".join(map(repr, matches))
    return f"Did you mean {choices}?" if choices else ""


def _fold(name: str) -> str:
    """Return ``name`` without what people get wrong: case, dashes and spaces."""
    return name.casefold().replace("-", "_").replace(" ", "_")
