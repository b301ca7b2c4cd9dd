"""Close matches, for the errors about names."""

from __future__ import annotations

from collections.abc import Iterable


def fold(name: str) -> str:
    """Return ``name`` without what people get wrong: case, dashes and spaces."""
    return name.casefold().replace("-", "_").replace(" ", "_")


def close(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three of ``names`` that ``name`` may have meant, the closest first."""
    from difflib import get_close_matches  # only where there is an error to explain

    folded: dict[str, str] = {}
    for known in sorted(names):
        folded.setdefault(fold(known), known)
    return tuple(folded[match] for match in get_close_matches(fold(name[:100]), folded))


def did_you_mean(matches: tuple[str, ...]) -> str:
    """Return the question for some `close` matches, or nothing if there are none."""
    if not matches:
        return ""
    return f"Did you mean {' or '.join(repr(match) for match in matches)}?"
