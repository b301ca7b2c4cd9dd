"""What is said about a name that is unknown or ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from plugnet.errors import AmbiguousNameError, UnknownComponentError, shorten
from plugnet.registry.entries import Entry
from plugnet.registry.kinds import CORE, KINDS, PUBLISHED
from plugnet.registry.names import Name, close, did_you_mean

#: How to get what plugnet's own distributions would provide, by the state of such an entry.
ABSENT: Final = {
    "not installed": "{0} provides {1} and is not installed: pip install {0}",
    "too old": "A newer {0} provides {1}: pip install -U {0}",
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
    what = f"There is no {name.kind or 'component'} named '{asked}'."
    if name.kind is not None and name.kind not in KINDS:
        what = f"There is no kind of component '{name.kind}'; kinds are {', '.join(KINDS)}."
    lines = [what, *hints(name, listing), _searched(listing, unsearched)]
    near = close(name.bare, {entry.name for entry in _available(name.kind, listing)})
    return UnknownComponentError(
        "\n  ".join(lines), kind=name.kind, name=name.bare, suggestions=near
    )


def hints(name: Name, listing: Sequence[Entry]) -> list[str]:
    """Return what else a name that nobody provides may have meant, or who would provide it."""
    same = [entry for entry in _known(listing) if entry.fits(Name(None, None, name.bare))]
    lines = [_way(entry, name) for entry in same]
    providers = {None, *(entry.distribution for entry in [*listing, *same])}
    if name.distribution not in providers:
        lines.append(f"'{name.distribution}' is not installed, or provides no plugins.")
    if lines:
        return lines
    for kind in (name.kind, None):
        available = _available(kind, listing)
        if matches := close(name.bare, {entry.name for entry in available}):
            meant = next(entry for entry in available if entry.name == matches[0])
            if kind != name.kind:
                return [f"Did you mean '{meant.name}', which is of kind {meant.kind}?"]
            absent = ABSENT.get(meant.state, "").format(meant.distribution, meant)
            return [f"{did_you_mean(matches)} {absent}".rstrip()]
    return []


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


def _searched(listing: Sequence[Entry], unsearched: str | None) -> str:
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
    left_out = f"; plugins were not searched because of {unsearched}" if unsearched else ""
    return f"Looked in: {', '.join(places)}{left_out}."


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
