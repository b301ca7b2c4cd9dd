"""The longer messages of the registry: what holds, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from plugnet.errors import (
    AmbiguousNameError,
    DisabledPluginError,
    PluginLoadError,
    RegistryError,
    UnknownComponentError,
)
from plugnet.registry.discovery import Entry, Problem
from plugnet.registry.kinds import CORE, KINDS
from plugnet.registry.names import Name, shorten
from plugnet.registry.providers import PROVIDERS
from plugnet.registry.suggestions import close, did_you_mean

if TYPE_CHECKING:
    from plugnet.registry.index import Index


def not_found(index: Index, name: Name) -> RegistryError:
    """Return the error for a name that nobody enabled provides."""
    for entry in index.matching(name):
        return DisabledPluginError(
            f"{entry.kind} '{entry.name}' is provided by {entry.provider}, which is disabled by "
            f"{index.disabler(entry)}.",
            kind=entry.kind,
            name=entry.name,
            distribution=entry.distribution,
        )
    suggestions = _suggestions(index, name)
    shown = shorten(str(name._replace(kind=None)))
    lines = [f"There is no {name.kind or 'component'} named '{shown}'."]
    if name.kind is not None and name.kind not in KINDS:
        lines = [f"There is no kind of component '{name.kind}'; kinds are {', '.join(KINDS)}."]
    lines += [*hints(index, name, suggestions), _searched(index, name.kind)]
    return UnknownComponentError(
        "\n  ".join(lines), kind=name.kind, name=name.bare, suggestions=suggestions
    )


def hints(index: Index, name: Name, suggestions: tuple[str, ...] = ()) -> list[str]:
    """Return what else a name that nobody provides may have meant, or who would provide it."""
    if elsewhere := index.matching(name._replace(kind=None)):
        kind = elsewhere[0].kind
        qualified = Name(None, name.distribution, name.bare)
        return [
            f"'{name.bare}' is not of kind {name.kind} but of kind {kind}: use "
            f"registry.{KINDS[kind].view}.build('{qualified}')."
        ]
    if published := _published(index, name):
        return [published]
    lines = []
    if others := index.matching(name._replace(distribution=None)):
        lines.append(f"'{name.bare}' is provided by {', '.join(o.provider for o in others)}.")
    if name.distribution and name.distribution not in _distributions(index):
        lines.append(f"'{name.distribution}' is not installed, or provides no plugins.")
    if suggestions and not lines:
        lines.append(did_you_mean(suggestions))
        meant = Name(name.kind, None, suggestions[0])
        if not index.matching(meant):
            lines.append(_published(index, meant))
    elif not lines:
        for other in _suggestions(index, name._replace(kind=None))[:1]:
            for entry in index.matching(Name(None, None, other))[:1]:
                lines.append(f"Did you mean '{other}', which is of kind {entry.kind}?")
    return lines


def ambiguous(name: Name, entries: list[Entry]) -> AmbiguousNameError:
    """Return the error for a name that several kinds or plugins provide."""
    if len({entry.kind for entry in entries}) > 1:
        candidates = tuple(str(name._replace(kind=entry.kind)) for entry in entries)
        text = f"Several kinds have a component named '{name.bare}'."
    elif len({entry.distribution for entry in entries}) > 1:
        candidates = tuple(f"{entry.distribution}/{entry.name}" for entry in entries)
        providers = " and ".join(entry.provider for entry in entries)
        text = (
            f"{len(entries)} plugins provide a {entries[0].kind} named '{name.bare}': {providers}."
        )
    else:
        candidates = tuple(entry.value for entry in entries)
        return AmbiguousNameError(
            f"{entries[0].provider} declares the {entries[0].kind} '{name.bare}' more than once, "
            f"as {' and '.join(candidates)}. Its author must remove all but one.",
            kind=name.kind,
            name=name.bare,
            candidates=candidates,
        )
    ways = " or ".join(f"'{candidate}'" for candidate in candidates)
    return AmbiguousNameError(
        f"{text} Use {ways}.", kind=name.kind, name=name.bare, candidates=candidates
    )


def recursion(entry: Entry) -> PluginLoadError:
    """Return the error for a plugin that asks for itself while it is being imported."""
    return PluginLoadError(
        f"The module of {entry.kind} '{entry.name}' ({entry.value}, from {entry.provider}) asks "
        "the registry for it while being imported, before it is there. Ask inside a function.",
        kind=entry.kind,
        name=entry.name,
        distribution=entry.distribution,
    )


def changed(entry: Entry) -> Problem:
    """Return the problem of a plugin that is no longer installed as it was when it was loaded."""
    return Problem(
        entry.distribution,
        f"{entry.provider} has changed on disk since its {entry.kind} '{entry.name}' was loaded; "
        "the loaded class stays in use. Restart Python to use what is installed now.",
    )


def settings_problems(index: Index) -> Iterator[Problem]:
    """Yield a problem for each distribution that is allowed or disabled but has no plugins."""
    settings = index.settings
    if settings.allowed == frozenset():
        return  # nothing but plugnet's own metadata was read, so nothing can be said
    known = _distributions(index)
    for setting in sorted({*(settings.allowed or ()), *settings.disabled, *index.disabled} - known):
        hint = did_you_mean(close(setting, filter(None, known)))
        yield Problem(
            setting,
            f"The settings name the plugin '{setting}', but no installed distribution of that "
            f"name provides plugins. {hint}".rstrip(),
        )


def worth_warning(index: Index) -> Iterator[str]:
    """Yield what the user should hear once: settings without effect, names that stay built in."""
    for problem in settings_problems(index):
        yield problem.message
    own = {(entry.kind, entry.name) for entry in index.entries() if entry.distribution == CORE}
    for entry in index.entries():
        taken = (entry.kind, entry.name) in own and entry.distribution not in (None, CORE)
        if taken and index.offers(entry):
            yield (
                f"{entry.provider} also defines the built-in {entry.kind} '{entry.name}'; the "
                f"built-in is used. Theirs: '{entry.distribution}/{entry.name}'."
            )


def _suggestions(index: Index, name: Name) -> tuple[str, ...]:
    names = {
        entry.name
        for entry in index.entries()
        if name.kind in (None, entry.kind) and index.offers(entry)
    }
    names |= {bare for kind, bare in PROVIDERS if name.kind in (None, kind)}
    return close(name.bare, names - {name.bare})


def _published(index: Index, name: Name) -> str:
    """Return how to get a name that one of our own distributions provides; else nothing."""
    for (kind, bare), provider in PROVIDERS.items():
        same_kind, same_provider = name.kind in (None, kind), name.distribution in (None, provider)
        if bare == name.bare and same_kind and same_provider:
            if provider in _distributions(index):
                return f"A newer {provider} provides '{bare}': pip install -U {provider}"
            return f"{provider} provides '{bare}' and is not installed: pip install {provider}"
    return ""


def _distributions(index: Index) -> set[str | None]:
    return {entry.distribution for entry in index.entries()}


def _searched(index: Index, kind: str | None) -> str:
    """Return where was looked, and what was left out."""
    if not any(entry.distribution == CORE for entry in index.entries()):
        return (
            "The metadata of plugnet itself are not installed, so not even the built-in "
            "components are known. Run: pip install plugnet (in a clone: pip install -e .)"
        )
    states: dict[str, dict[str, None]] = {}
    built_in = 0
    for entry in index.listing(None):
        if entry.distribution == CORE:
            built_in += kind in (None, entry.kind)
        elif entry.distribution is not None:
            state = entry.state if entry.state in ("disabled", "broken") else "plugins"
            states.setdefault(state, {})[entry.provider] = None
    parts = [f"{built_in} built-in components{f' of kind {kind}' if kind else ''}"]
    parts += [f"{state}: {', '.join(states[state])}" for state in sorted(states, reverse=True)]
    if index.settings.allowed == frozenset():
        parts.append(f"plugins were not searched because of {index.settings.origin}")
    return f"Looked in: {'; '.join(parts)}."
