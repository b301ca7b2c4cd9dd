"""Names: ``[kind:][distribution/]name``, taken apart and checked before anything is looked up."""

from __future__ import annotations

import re
import reprlib
from typing import NamedTuple

from plugnet.errors import ArgumentError

LONGEST = 200  # characters
PATTERN = re.compile(r"[a-z][a-z0-9_]{0,99}")
DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,98}")
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 60


class Name(NamedTuple):
    """A name taken apart. ``kind`` and ``distribution`` are None where it does not say them."""

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


def parse(text: object) -> Name:
    """Take a name apart.

    Raises:
        ArgumentError: it is no text, or text that can be no name.
    """
    if not isinstance(text, str):
        raise ArgumentError(
            f"The name of a component must be text, as 'fc', but it is {shown(text)}, "
            f"of type {type(text).__name__}.",
            argument="name",
            value=text,
        )
    kind, colon, rest = text.rpartition(":")
    distribution, slash, bare = rest.rpartition("/")
    empty = not bare or (colon and not kind) or (slash and not distribution)
    if empty or len(text) > LONGEST or re.search(r"\s", text):
        raise ArgumentError(
            "A name must look like 'fc', 'layer:fc' or 'plugnet/fc', without spaces and at most "
            f"{LONGEST} characters long, but it is {shown(text)}.",
            argument="name",
            value=text,
        )
    return Name(kind or None, normalize(distribution) if slash else None, bare)


def shown(value: object) -> str:
    """Return how to show any value in a message: its repr, short and whatever happens."""
    return _REPR.repr(value)


def shorten(text: str, length: int = 60) -> str:
    """Return ``text``, its end cut off if it is long."""
    return text if len(text) <= length else f"{text[:length]}... ({len(text)} characters)"
