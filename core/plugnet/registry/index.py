"""Index: which names there are, which plugins may be used, and which entry a name means."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from plugnet.errors import DisabledPluginError, PluginLoadError, PluginWarning
from plugnet.registry import loading, messages
from plugnet.registry.entries import Entry, Problem, scan, split
from plugnet.registry.kinds import CORE
from plugnet.registry.names import Name, close, did_you_mean, normalize, parse

_warned: set[str] = set()  # each warning once per process


class Settings(NamedTuple):
    """Which plugins may be used, by distribution; plugnet itself always may.

    Attributes:
        allowed: the only plugins to use; None: all.
        disabled: the plugins not to use.
        strict: whether every problem is an error, for continuous integration.
        origin: what set ``allowed``, for messages.
    """

    allowed: frozenset[str] | None = None
    disabled: frozenset[str] = frozenset()
    strict: bool = False
    origin: str = "PLUGNET_PLUGINS (environment)"

    @classmethod
    def from_environment(cls) -> Settings:
        """Read PLUGNET_PLUGINS (``none`` or ``a,b``), PLUGNET_PLUGINS_DISABLE and _STRICT."""

        def listed(variable: str) -> frozenset[str]:
            names = os.environ.get(variable, "").split(",")
            return frozenset(normalize(name) for name in names if name.strip())

        allowed = listed("PLUGNET_PLUGINS")
        return cls(
            allowed=allowed - {"none"} if allowed else None,
            disabled=listed("PLUGNET_PLUGINS_DISABLE") - {CORE},
            strict=os.environ.get("PLUGNET_PLUGINS_STRICT", "").strip() not in ("", "0"),
        )

    def disabler(self, distribution: str | None) -> str | None:
        """Return what switches a distribution off, or None if it may be used."""
        if distribution is None or distribution == CORE:
            return None
        if distribution in self.disabled:
            return "PLUGNET_PLUGINS_DISABLE (environment)"
        if self.allowed is not None and distribution not in self.allowed:
            return self.origin
        return None


class Found(NamedTuple):
    """What a name means. Attributes: entry; cls, its class, loaded."""

    entry: Entry
    cls: type[Any]


class Index:
    """The state of a registry. `Registry.isolated` puts another in its place for a while."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Start with nothing read.

        Args:
            settings: which plugins to use; None: what the environment says at the first scan.
        """
        self._fixed = settings
        self.settings = settings or Settings()
        self.loader = loading.Loader()
        self.lock = self.loader.lock
        self.disabled: set[str] = set()  # by the program
        self.registered: dict[tuple[str, str], Entry] = {}  # by the program
        self._scanned: tuple[Entry, ...] | None = None
        self._problems: tuple[Problem, ...] = ()
        self.changed()

    def changed(self) -> None:
        """Begin new tables after any change; a search that is going on fills the old ones."""
        self._found: dict[tuple[str, str | None], Found] = {}  # by name, and kind of the view
        self._forget_classes()

    def _forget_classes(self) -> None:
        self._entry_of: dict[type[Any], Entry | None] = {}
        self._places: dict[str, Entry] = {}  # the first entry with each value

    # From a name to an entry and its class -------------------------------------------------------

    def locate(self, name: str, kind: str | None = None) -> Found:
        """Return what a name means, for the view of ``kind`` if any, and load its class.

        Raises:
            ArgumentError, RegistryError: see `Registry`.
        """
        try:
            return self._found[name, kind]
        except (KeyError, TypeError):
            pass  # the search is not inside the handler, whose error would precede every message
        table, loader = self._found, self.loader  # in this order: see `changed`
        wanted = parse(name, kind)
        with self.lock:
            entry = self.find(wanted)
        found = table[name, kind] = Found(entry, loader.load(entry))
        return found

    def find(self, name: Name) -> Entry:
        """Return the entry that a name means; looks at the disk once more before it fails.

        Raises:
            UnknownComponentError: nobody provides it.
            DisabledPluginError: who provides it is switched off.
            AmbiguousNameError: several provide it.
        """
        is_fresh = self._scanned is None
        candidates = self._candidates(name)
        if not candidates and not is_fresh:
            self.scan()
            candidates = self._candidates(name)
        self._check_strict()
        if not candidates:
            raise self._not_found(name)
        kinds = sorted({entry.kind for entry in candidates})
        chosen = [entry for kind in kinds for entry in _strongest(candidates, kind)]
        if len(kinds) > 1:
            chosen = [entry for entry in chosen if entry.distribution == CORE] or chosen
        if len(chosen) > 1:
            raise messages.ambiguous(name, chosen)
        return chosen[0]

    def _candidates(self, name: Name) -> list[Entry]:
        return [entry for entry in self.matching(name) if not self.disabler(entry)]

    def matching(self, name: Name) -> list[Entry]:
        """Return the entries that a name may mean, switched off or not."""
        return [entry for entry in self.entries() if entry.name == name.bare and entry.fits(name)]

    def _not_found(self, name: Name) -> Exception:
        for entry in self.matching(name):
            return DisabledPluginError(
                f"{entry.kind} '{entry.name}' is provided by {entry.provider}, which is disabled "
                f"by {self.disabler(entry)}.",
                kind=entry.kind,
                name=entry.name,
                distribution=entry.distribution,
            )
        is_core_only = self.settings.allowed == frozenset()
        unsearched = self.settings.origin if is_core_only else None
        return messages.unknown(name, self.listing(), unsearched)

    def _check_strict(self) -> None:
        """Raise PluginLoadError for the first problem, if the settings are strict."""
        if self.settings.strict and (problems := self.problems()):
            raise PluginLoadError(
                f"{problems[0].message} (An error because PLUGNET_PLUGINS_STRICT is set.)",
                kind=None,
                name="",
                distribution=problems[0].distribution,
            )

    # From a class to its entry -------------------------------------------------------------------

    def entry_of(self, cls: type[Any]) -> Entry | None:
        """Return the first entry that means ``cls``, however that was imported, or None."""
        table = self._entry_of
        if cls not in table:
            places = self._places
            for entry in () if places else self.entries():
                if not self.disabler(entry):
                    places.setdefault(entry.value, entry)
            own = places.get(f"{cls.__module__}:{cls.__qualname__}")
            table[cls] = own or next((e for e in places.values() if self._gives(e, cls)), None)
        return table[cls]

    def _gives(self, entry: Entry, cls: type[Any]) -> bool:
        """Tell whether an entry names a class where another module re-exports it."""
        module, _, attribute = entry.value.partition(":")
        if attribute == cls.__name__ and getattr(sys.modules.get(module), attribute, None) is cls:
            return True
        return self.loader.classes.get(entry) is cls

    def always_on_hooks(self) -> list[tuple[str, ModuleType]]:
        """Import the hook modules that are always on; a broken one is a problem and a warning."""
        found = []
        for entry in self.entries():
            if not entry.always_on or self.disabler(entry):
                continue
            try:
                module = self.loader.module(entry)
                found.append((f"{entry.distribution}/{entry.name}", module))
            except PluginLoadError as error:
                if self.settings.strict:
                    raise
                _warn(str(error))
        return found

    # What is known -------------------------------------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries in order: the program's own, then by distribution and name."""
        if self._scanned is None:
            self.scan()
        own = sorted(self.registered.values(), key=lambda entry: entry.order)
        return (*own, *(self._scanned or ()))

    def listing(self) -> tuple[Entry, ...]:
        """Return all entries, each with its state."""
        return tuple(entry._replace(state=self.state(entry)) for entry in self.entries())

    def state(self, entry: Entry) -> str:
        """Return an entry's state, one of those in `Entry.state`."""
        if entry.distribution is None:
            return "loaded"
        if self.disabler(entry):
            return "disabled"
        if not loading.supports(entry):
            return "incompatible"
        if entry in self.loader.failures or split(entry.value) is None:
            return "broken"
        if entry.distribution == CORE:
            return "built-in"
        rivals = [] if entry.always_on else self._candidates(Name(entry.kind, None, entry.name))
        if any(rival.distribution in (None, CORE) for rival in rivals):
            return "shadowed"
        if len(rivals) > 1:
            return "ambiguous"
        return "loaded" if entry in self.loader.classes else "ok"

    def disabler(self, entry: Entry) -> str | None:
        """Return what switches an entry off, or None if it may be used."""
        if entry.distribution in self.disabled:
            return "registry.disable()"
        return self.settings.disabler(entry.distribution)

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with installed plugins, as far as it is known."""
        entries = self.entries()
        found = list(self._problems)
        for entry in entries:
            try:
                loading.check_api(entry)
            except PluginLoadError as error:
                found.append(Problem(entry.distribution, str(error)))
        for entry, failure in self.loader.failures.items():
            found.append(Problem(entry.distribution, str(loading.failed(entry, failure))))
        return tuple(found)

    # Reading it ----------------------------------------------------------------------------------

    def scan(self) -> None:
        """Read the metadata. What is loaded already stays as it is until `forget`."""
        with self.lock:
            if self._scanned is None:
                self.settings = self._fixed or Settings.from_environment()
            entries, problems = scan(core_only=self.settings.allowed == frozenset())
            loaded = {entry for entry in self.loader.classes if entry.distribution is not None}
            stale = sorted(loaded - set(entries), key=lambda entry: entry.order)
            taken = {entry.order[:3] for entry in stale}
            kept = [entry for entry in entries if entry.order[:3] not in taken]
            self._scanned = tuple(sorted([*kept, *stale], key=lambda entry: entry.order))
            ineffective = list(self._ineffective())
            self._problems = (*problems, *map(_stale, stale), *ineffective)
            self._forget_classes()
        for message in (*(problem.message for problem in ineffective), *self._shadowed()):
            _warn(message)

    def forget(self) -> None:
        """Forget scan, classes and failures: the next use reads and loads again."""
        with self.lock:
            own = set(self.registered.values())
            classes = self.loader.classes.items()
            self.loader.classes = {entry: cls for entry, cls in classes if entry in own}
            self.loader.failures.clear()
            self._scanned = None
            self.changed()

    def _ineffective(self) -> Iterator[Problem]:
        """Yield a problem for each distribution that is allowed or disabled but has no plugins."""
        settings = self.settings
        if settings.allowed == frozenset():
            return  # nothing but plugnet's own metadata was read, so nothing can be said
        known = {entry.distribution for entry in self.entries()}
        named = {*(settings.allowed or ()), *settings.disabled, *self.disabled}
        for setting in sorted(named - known):
            hint = did_you_mean(close(setting, filter(None, known)))
            yield Problem(
                setting,
                f"The settings name the plugin '{setting}', but no installed distribution of that "
                f"name provides plugins. {hint}".rstrip(),
            )

    def _shadowed(self) -> Iterator[str]:
        """Yield a message for each plugin's name that stays a built-in one."""
        built_in = {(e.kind, e.name) for e in self.entries() if e.distribution == CORE}
        for entry in self.entries():
            is_theirs = entry.distribution not in (None, CORE) and not entry.always_on
            if is_theirs and (entry.kind, entry.name) in built_in and not self.disabler(entry):
                yield (
                    f"{entry.provider} also defines the built-in {entry.kind} '{entry.name}'; the "
                    f"built-in is used. Theirs: '{entry.distribution}/{entry.name}'."
                )

    # What the program registers ------------------------------------------------------------------

    def add(self, entry: Entry, cls: type[Any]) -> None:
        """Add what the program registers."""
        self.withdraw(entry.kind, entry.name)
        self.registered[entry.kind, entry.name] = entry
        self.loader.classes[entry] = cls
        self.changed()

    def withdraw(self, kind: str, name: str) -> None:
        """Remove what the program registered under a name, if anything."""
        entry = self.registered.pop((kind, name), None)
        if entry is not None:
            self.loader.classes.pop(entry, None)
        self.changed()

    def isolated(self, settings: Settings) -> Index:
        """Return an index that uses other plugins, and what the program registered in this one."""
        inner = Index(settings)
        inner.registered = dict(self.registered)
        inner.loader.classes = {
            entry: self.loader.classes[entry] for entry in self.registered.values()
        }
        return inner


class Current:
    """Which index a registry and its views look at now. Attribute: index."""

    def __init__(self) -> None:
        self.index = Index()


def _stale(entry: Entry) -> Problem:
    return Problem(
        entry.distribution,
        f"{entry.provider} has changed on disk since its {entry.kind} '{entry.name}' was loaded; "
        "the loaded class stays in use. Restart Python to use what is installed now.",
    )


def _strongest(candidates: list[Entry], kind: str) -> list[Entry]:
    """Return the entries of a kind that win: the program's own, else built-in, else all others."""
    same = [entry for entry in candidates if entry.kind == kind]
    for owner in (None, CORE):
        if owned := [entry for entry in same if entry.distribution == owner]:
            return owned
    return same


def _warn(message: str) -> None:
    """Issue a PluginWarning, each only once per process."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, PluginWarning, stacklevel=2)
