"""What is said about a name that is unknown or ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from plugnet.errors import AmbiguousNameError, UnknownComponentError, shorten
from plugnet.registry.entries import Entry
from plugnet.registry.kinds import CORE, KINDS, PUBLISHED
from plugnet.registry.names import Name, close, did_you_mean
from plugnet.registry.synonyms import synonyms

#: How to get what plugnet's own distributions would provide, by the state of such an entry.
ABSENT: Final = {
    "not installed": "{0} provides {1} and is not installed: pip install {0}",
    "too old": "A newer {0} provides {1}: pip install -U {0}",
}
#: Where a component goes that was asked for in the place of another, by its kind.
PLACES: Final = {
    kind: f"Give it to the Trainer: {argument}='{{0}}'."
    for kind, argument in {
        "loss": "loss",
        "optimizer": "optimizer",
        "lr_policy": "policy",
        "regularizer": "regularizer",
    }.items()
}
UNUSABLE: Final = ("disabled", "incompatible", "broken")


def unknown(name: Name, listing: Sequence[Entry], unsearched: str | None) -> UnknownComponentError:
    """Return the error for a name that nobody provides.

    Args:
        name: the name.
        listing: all entries, each with its state.
        unsearched: the setting because of which plugins were not searched, or None.
    """
    asked = shorten(str(name._replace(kind=None)))
    lines = [f"There is no {name.kind or 'component'} named '{asked}'."]
    if name.kind is not None and name.kind not in KINDS:
        lines = [f"There is no kind of component '{name.kind}'; kinds are {', '.join(KINDS)}."]
    found = hints(name, listing)
    lines += found
    if name.kind in KINDS and not found:
        names = sorted({entry.name for entry in _available(name.kind, listing)})
        lines.append(f"There are: {shorten(', '.join(names), 300)}.")
    elif name.kind is None or name.kind in KINDS:
        view = f"{KINDS[name.kind].view}." if name.kind else ""
        lines.append(f"All names: registry.{view}names()")
    if not found or CORE not in {entry.distribution for entry in listing}:
        lines.append(_searched(listing))
    if unsearched:
        lines.append(f"Plugins were not searched because of {unsearched}.")
    return UnknownComponentError(
        "\n  ".join(lines),
        kind=name.kind,
        name=name.bare,
        suggestions=tuple(dict.fromkeys(entry.name for entry in suggestions(name, listing))),
    )


def hints(name: Name, listing: Sequence[Entry]) -> list[str]:
    """Return what else a name that nobody provides may have meant, or who would provide it."""
    same = [entry for entry in _known(listing) if entry.fits(Name(None, None, name.bare))]
    lines = [] if _called(name, name.kind, listing) else [_way(entry, name) for entry in same]
    if name.distribution not in {None, *(entry.distribution for entry in [*listing, *same])}:
        lines.append(f"'{name.distribution}' is not installed, or provides no plugins.")
    suggested = suggestions(name, listing)
    if lines or not suggested:
        return lines
    entry = next(iter(suggested))
    if name.kind not in (None, entry.kind):
        written = [w for other, w in suggested.items() if other.kind == entry.kind]
        question = f"{did_you_mean(written).rstrip('?')}, which is of kind {entry.kind}?"
        return [f"{question} {PLACES.get(entry.kind, '').format(entry.name)}".rstrip()]
    absent = ABSENT.get(entry.state, "").format(entry.distribution, entry)
    return [f"{did_you_mean(suggested.values())} {absent}".rstrip()]


def suggestions(name: Name, listing: Sequence[Entry]) -> dict[Entry, str | tuple[Any, ...]]:
    """Return what a name may have meant, the likeliest first, and what to write for each."""
    for kind in (name.kind, None):
        if found := _called(name, kind, listing):
            return found
    for kind in (name.kind, None):
        available = {entry.name: entry for entry in reversed(_available(kind, listing))}
        if matches := close(name.bare, available):
            return {available[match]: match for match in matches}
    return {}


def _called(
    name: Name, kind: str | None, listing: Sequence[Entry]
) -> dict[Entry, str | tuple[Any, ...]]:
    """Return what others call ``name``, among the components of a kind or of all."""
    written = synonyms(kind, name.bare)
    keys = {(e.kind, e.name): e for e in reversed(_available(kind, listing))}
    return {keys[key]: written[key] for key in written if key in keys}


def _known(listing: Sequence[Entry]) -> list[Entry]:
    """Return all entries, and what plugnet's own distributions would provide besides."""
    installed = {entry.distribution for entry in listing}
    there = {entry.key for entry in listing}
    known = list(listing)
    for (kind, name), provider in PUBLISHED.items():
        state = "too old" if provider in installed else "not installed"
        entry = Entry(kind, name, "", provider, state=state)
        if entry.key not in there:
            known.append(entry)
    return known


def _available(kind: str | None, listing: Sequence[Entry]) -> list[Entry]:
    """Return what can be built as a kind, or could be once it is installed."""
    usable = (e for e in _known(listing) if not (e.always_on or e.state == "disabled"))
    return [entry for entry in usable if kind in (None, entry.kind)]


def _way(entry: Entry, name: Name) -> str:
    """Return how to get an entry of the same bare name that ``name`` does not mean."""
    if entry.state in ABSENT:
        return ABSENT[entry.state].format(entry.distribution, entry)
    if name.kind not in (None, entry.kind):
        qualified = entry.qualified if name.distribution else entry.name
        return (
            f"'{entry.name}' is not of kind {name.kind} but of kind {entry.kind}: use "
            f"registry.{KINDS[entry.kind].view}.build('{qualified}')."
        )
    return f"'{name.bare}' is provided by {entry.provider}."


def _searched(listing: Sequence[Entry]) -> str:
    """Return where the registry looked, and what it left out."""
    if CORE not in {entry.distribution for entry in listing}:
        return (
            "The metadata of plugnet itself are not installed, so not even the built-in "
            "components are known. Run: pip install plugnet (in a clone: pip install -e .)"
        )
    places = dict.fromkeys(
        f"{entry.provider} ({entry.state})" if entry.state in UNUSABLE else entry.provider
        for entry in listing
    )
    return f"Looked in: {', '.join(places)}."


def ambiguous(name: Name, entries: Sequence[Entry]) -> AmbiguousNameError:
    """Return the error for a name that several kinds or plugins provide."""
    meanings = ", ".join(f"{entry} of {entry.provider} ({entry.value})" for entry in entries)
    advice = "Use {}."
    if len({entry.kind for entry in entries}) > 1:
        candidates = [str(name._replace(kind=entry.kind)) for entry in entries]
    elif len({entry.distribution for entry in entries}) > 1:
        candidates = [entry.qualified for entry in entries]
    else:
        candidates = [entry.value for entry in entries]
        advice = "Its author must keep one of {}."
    return AmbiguousNameError(
        f"'{name}' may mean {meanings}. {advice.format(' or '.join(map(repr, candidates)))}",
        kind=name.kind,
        name=name.bare,
        candidates=tuple(dict.fromkeys(candidates)),
    )
