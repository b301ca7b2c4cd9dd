"""What is said about a name that means nothing, or too much."""

from __future__ import annotations

from collections.abc import Sequence

from plugnet.errors import AmbiguousNameError, UnknownComponentError, shorten
from plugnet.registry.entries import Entry
from plugnet.registry.kinds import CORE, KINDS, PUBLISHED
from plugnet.registry.names import Name, close, did_you_mean


def unknown(name: Name, listing: Sequence[Entry], unsearched: str | None) -> UnknownComponentError:
    """Return the error for a name that nobody provides.

    Args:
        name: the name.
        listing: all entries, each with its state.
        unsearched: the setting because of which plugins were not searched, or None.
    """
    suggestions = _suggestions(name, listing)
    lines = [
        f"There is no {name.kind or 'component'} named '{shorten(str(name._replace(kind=None)))}'."
    ]
    if name.kind is not None and name.kind not in KINDS:
        lines = [f"There is no kind of component '{name.kind}'; kinds are {', '.join(KINDS)}."]
    lines += [*hints(name, listing, suggestions), _searched(name.kind, listing, unsearched)]
    return UnknownComponentError(
        "\n  ".join(lines), kind=name.kind, name=name.bare, suggestions=suggestions
    )


def hints(name: Name, listing: Sequence[Entry], suggestions: tuple[str, ...] = ()) -> list[str]:
    """Return what else a name that nobody provides may have meant, or who would provide it."""
    if elsewhere := _matching(name._replace(kind=None), listing):
        kind = elsewhere[0].kind
        qualified = Name(None, name.distribution, name.bare)
        return [
            f"'{name.bare}' is not of kind {name.kind} but of kind {kind}: use "
            f"registry.{KINDS[kind].view}.build('{qualified}')."
        ]
    if published := _published(name, listing):
        return [published]
    lines = []
    if others := _matching(name._replace(distribution=None), listing):
        lines.append(f"'{name.bare}' is provided by {', '.join(o.provider for o in others)}.")
    if name.distribution and not _is_installed(name.distribution, listing):
        lines.append(f"'{name.distribution}' is not installed, or provides no plugins.")
    if lines:
        return lines
    if suggestions:
        meant = Name(name.kind, None, suggestions[0])
        absent = "" if _matching(meant, listing) else _published(meant, listing)
        return [did_you_mean(suggestions), *filter(None, [absent])]
    any_kind = _suggestions(name._replace(kind=None), listing)
    other = next((e for e in listing if any_kind and e.fits(Name(None, None, any_kind[0]))), None)
    return [f"Did you mean '{other.name}', which is of kind {other.kind}?"] if other else []


def ambiguous(name: Name, entries: Sequence[Entry]) -> AmbiguousNameError:
    """Return the error for a name that several kinds or plugins provide."""
    first = entries[0]
    if len({entry.kind for entry in entries}) > 1:
        candidates = tuple(str(name._replace(kind=entry.kind)) for entry in entries)
        text = f"Several kinds have a component named '{name.bare}'."
    elif len({entry.distribution for entry in entries}) > 1:
        candidates = tuple(f"{entry.distribution}/{entry.name}" for entry in entries)
        providers = " and ".join(entry.provider for entry in entries)
        text = f"{len(entries)} plugins provide a {first.kind} named '{name.bare}': {providers}."
    else:
        candidates = tuple(entry.value for entry in entries)
        text = (
            f"{first.provider} declares the {first.kind} '{name.bare}' more than once, as "
            f"{' and '.join(candidates)}. Its author must remove all but one."
        )
        return AmbiguousNameError(text, kind=name.kind, name=name.bare, candidates=candidates)
    text += f" Use {' or '.join(map(repr, candidates))}."
    return AmbiguousNameError(text, kind=name.kind, name=name.bare, candidates=candidates)


def _matching(name: Name, listing: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in listing if entry.fits(name)]


def _suggestions(name: Name, listing: Sequence[Entry]) -> tuple[str, ...]:
    known = {
        (entry.kind, entry.name)
        for entry in listing
        if not (entry.always_on or entry.state == "disabled")
    }
    names = {bare for kind, bare in {*known, *PUBLISHED} if name.kind in (None, kind)}
    return close(name.bare, names - {name.bare})


def _published(name: Name, listing: Sequence[Entry]) -> str:
    """Return how to get a name that one of plugnet's own distributions provides; else ""."""
    for (kind, bare), provider in PUBLISHED.items():
        same_kind, same_provider = name.kind in (None, kind), name.distribution in (None, provider)
        if bare == name.bare and same_kind and same_provider:
            if _is_installed(provider, listing):
                return f"A newer {provider} provides '{bare}': pip install -U {provider}"
            return f"{provider} provides '{bare}' and is not installed: pip install {provider}"
    return ""


def _is_installed(distribution: str, listing: Sequence[Entry]) -> bool:
    return any(entry.distribution == distribution for entry in listing)


def _searched(kind: str | None, listing: Sequence[Entry], unsearched: str | None) -> str:
    """Return where the registry looked, and what it left out."""
    if not _is_installed(CORE, listing):
        return (
            "The metadata of plugnet itself are not installed, so not even the built-in "
            "components are known. Run: pip install plugnet (in a clone: pip install -e .)"
        )
    built_in = sum(kind in (None, e.kind) for e in listing if e.distribution == CORE)
    states: dict[str, dict[str, None]] = {}
    for entry in listing:
        if entry.distribution not in (CORE, None):
            state = entry.state if entry.state in ("disabled", "broken") else "plugins"
            states.setdefault(state, {})[entry.provider] = None
    parts = [f"{built_in} built-in components{f' of kind {kind}' if kind else ''}"]
    parts += [f"{state}: {', '.join(states[state])}" for state in sorted(states, reverse=True)]
    if unsearched:
        parts.append(f"plugins were not searched because of {unsearched}")
    return f"Looked in: {'; '.join(parts)}."
