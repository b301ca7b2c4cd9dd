"""JSON that someone else wrote: read only if it is not nested deeply and no key is repeated."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import numpy as np

from plugnet.arrays import Array

#: How deep lists and objects may be nested. A network of 50 nested residuals takes 150 levels.
DEEPEST = 200
#: How many bytes a byte of JSON may take once it is read: an object of one pair takes 8, and 192.
COST = 24

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)


def parse(text: bytes, strict: bool = True, most_objects: int | None = None) -> Any:
    """Return what ``text`` describes.

    Args:
        text: JSON in UTF-8.
        strict: whether to refuse NaN and Infinity, which Python writes but JSON lacks.
        most_objects: how many objects there may be; None: any number.

    Raises:
        ValueError: it is not JSON, a key is repeated, it is nested deeper than `DEEPEST`, or
            there are too many objects.
    """
    marks = np.frombuffer(_TEXTS.sub(b"", text), np.uint8)
    depth, objects = _depth(marks), np.count_nonzero(marks == ord("{"))
    if depth > DEEPEST:
        raise ValueError(f"it is nested {depth} levels deep, and at most {DEEPEST} are allowed")
    if most_objects is not None and objects > most_objects:
        raise ValueError(f"it has {objects} objects, and at most {most_objects} are allowed")
    return json.loads(
        text.decode(),
        object_pairs_hook=_without_duplicates,
        parse_constant=_refuse if strict else None,
    )


def _depth(marks: Array) -> int:
    """Return how many brackets are open at most, in the bytes of JSON without its strings."""
    opening, closing = ((marks == ord(a)) | (marks == ord(b)) for a, b in ("[{", "]}"))
    steps = opening.astype(np.int8) - closing.astype(np.int8)
    return int(np.cumsum(steps[steps != 0]).max(initial=0))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a key is repeated")
    return entries


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
