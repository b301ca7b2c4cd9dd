"""Index: which names there are, which plugins may be used, and which entry a name means."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from plugnet.errors import DisabledPluginError, PluginApiError, PluginLoadError, PluginWarning
from plugnet.registry import messages
from plugnet.registry.entries import Entry, Problem, scan
from plugnet.registry.kinds import CORE
from plugnet.registry.loading import Found, Loader
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

    @property
    def core_only(self) -> bool:
        """Whether no plugin may be used, so that none is searched for."""
        return self.allowed == frozenset()

    def disabler(self, distribution: str | None) -> str | None:
        """Return what switches a distribution off, or None if it may be used."""
        if distribution is None or distribution == CORE:
            return None
        if distribution in self.disabled:
            return "PLUGNET_PLUGINS_DISABLE (environment)"
        if self.allowed is not None and distribution not in self.allowed:
            return self.origin
        return None


class Index:
    """The state of a registry. `Registry.isolated` puts another in its place for a while."""

    def __init__(self, settings: Settings | None = None, outside: Index | None = None) -> None:
        """Start with nothing read.

        Args:
            settings: which plugins to use; None: what the environment says at the first scan.
            outside: an index whose registrations are copied.
        """
        self._fixed = settings
        self.settings = settings or Settings()
        self.lock = threading.RLock()  # held while what is known changes
        self.registered: dict[Entry, type[Any]] = (
            dict(outside.registered) if outside else {}
        )  # by the program
        self._disabled: set[str] = set()  # by the program
        self.forget()

    def forget(self) -> None:
        """Forget scan, classes and failures: the next use reads and loads again."""
        with self.lock:
            self._loader = Loader()
            self._scanned: list[Entry] | None = None
            self._problems: list[Problem] = []
            self._changed()

    def _changed(self) -> None:
        """Begin new tables after any change; a search that is going on fills the old ones."""
        self._found: dict[tuple[str, str | None], Found] = {}  # by name, and kind of the view
        self._entry_of: dict[type[Any], Entry] = {}

    # From a name to an entry and its class -------------------------------------------------------

    def locate(self, name: str, kind: str | None = None) -> Found:
        """Return what a name means, for the view of ``kind`` if any, and load its class.

        Raises:
            ArgumentError, RegistryError: see `View`.
        """
        try:
            return self._found[name, kind]
        except (KeyError, TypeError):
            pass  # the search is not inside the handler, whose error would precede every message
        wanted = parse(name, kind)
        with self.lock:
            entry = self.find(wanted)
            table, loader, cls = self._found, self._loader, self.registered.get(entry)
        # Without the lock, which a module that is imported takes to register its components.
        found = table[name, kind] = Found(entry, cls or loader.load(entry))
        return found

    def find(self, name: Name) -> Entry:
        """Return the entry that a name means; looks at the disk once more before it fails.

        Raises:
            UnknownComponentError: nobody provides it.
            DisabledPluginError: who provides it is switched off.
            AmbiguousNameError: several provide it.
        """
        is_fresh = self._scanned is None
        meant = self._meant(name)
        if not meant and not is_fresh:
            self.scan()
            meant = self._meant(name)
        if self.settings.strict and (problems := self.problems()):
            text = f"{problems[0].message} (An error because PLUGNET_PLUGINS_STRICT is set.)"
            raise PluginLoadError(text, kind=None, name="", distribution=problems[0].distribution)
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise messages.ambiguous(name, meant)
        if disabled := self.matching(name):
            entry, by = disabled[0], self.disabler(disabled[0])
            text = f"{entry} is provided by {entry.provider}, which is disabled by {by}."
            raise DisabledPluginError(text, **entry.culprits)
        unsearched = self.settings.origin if self.settings.core_only else None
        raise messages.unknown(name, self.listing(), unsearched)

    def matching(self, name: Name) -> list[Entry]:
        """Return the entries that a name may mean, switched off or not."""
        return [entry for entry in self.entries() if entry.fits(name)]

    def usable(self, name: Name) -> list[Entry]:
        """Return the entries that a name may mean and that are not switched off."""
        return [entry for entry in self.matching(name) if not self.disabler(entry)]

    def _meant(self, name: Name) -> list[Entry]:
        """Return the entries that a name means: one, unless it is unknown or ambiguous."""
        usable = self.usable(name)
        winners = [e for e in usable if e.rank == min(o.rank for o in usable if o.kind == e.kind)]
        if len({entry.kind for entry in winners}) > 1:
            return [entry for entry in winners if entry.distribution == CORE] or winners
        return winners

    # From a class to its entry -------------------------------------------------------------------

    def entry_of(self, cls: type[Any]) -> Entry | None:
        """Return the first entry that means ``cls``, however that was imported, or None."""
        table = self._entry_of
        entry = table.get(cls)
        if entry is None:  # not even kept: a class may get a name when a module is imported
            meaning = (each for each in self.entries() if self._means(each, cls))
            entry = next(filter(self._works, meaning), None)
            if entry is not None:
                table[cls] = entry
        return entry

    def _means(self, entry: Entry, cls: type[Any]) -> bool:
        """Tell whether an entry names a class where it is written, or where it is re-exported."""
        module, _, attribute = entry.value.partition(":")
        there = getattr(sys.modules.get(module), "__dict__", {})  # asks no __getattr__ of a plugin
        return (
            entry.value == f"{getattr(cls, '__module__', '')}:{cls.__qualname__}"
            or self._loader.loaded.get(entry) is cls
            or there.get(attribute) is cls
        )

    def _works(self, entry: Entry) -> bool:
        """Tell whether an entry may be used, as far as that is known without importing it."""
        is_own = entry.distribution is None
        return is_own or not (self.disabler(entry) or self._loader.error(entry))

    def always_on_hooks(self) -> list[tuple[str, ModuleType]]:
        """Import the hook modules that are always on; a broken one is a problem and a warning."""
        found = []
        for entry in self.entries():
            if entry.always_on and not self.disabler(entry):
                try:
                    found.append((entry.qualified, self._loader.load(entry)))
                except PluginLoadError as error:
                    if self.settings.strict:
                        raise
                    _warn(str(error))
        return found

    # What is known -------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """Return all entries in order: the program's own, then by distribution and name."""
        if self._scanned is None:
            self.scan()
        own = sorted(self.registered, key=lambda entry: entry.order)
        return [*own, *(self._scanned or ())]

    def listing(self) -> list[Entry]:
        """Return all entries, each with its state."""
        return [entry._replace(state=self.state(entry)) for entry in self.entries()]

    def state(self, entry: Entry) -> str:
        """Return an entry's state, one of those in `Entry.state`."""
        if entry.distribution is None:
            return "loaded"
        if self.disabler(entry):
            return "disabled"
        if error := self._loader.error(entry):
            return "incompatible" if isinstance(error, PluginApiError) else "broken"
        if entry.distribution == CORE:
            return "built-in"
        if entry.always_on:
            return "ok"
        rivals = self._meant(Name(entry.kind, None, entry.name))
        if entry not in rivals:
            return "shadowed"
        if len(rivals) > 1:
            return "ambiguous"
        return "loaded" if entry in self._loader.loaded else "ok"

    def disabler(self, entry: Entry) -> str | None:
        """Return what switches an entry off, or None if it may be used."""
        if entry.distribution in self._disabled:
            return "registry.disable()"
        return self.settings.disabler(entry.distribution)

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with installed plugins, as far as it is known."""
        installed = [entry for entry in self.entries() if entry.distribution is not None]
        errors = [(entry.distribution, self._loader.error(entry)) for entry in installed]
        return (*self._problems, *(Problem(who, str(error)) for who, error in errors if error))

    # Changes -------------------------------------------------------------------------------------

    def scan(self) -> None:
        """Read the metadata. What is loaded already stays as it is until `forget`."""
        with self.lock:
            if self._scanned is None:
                self.settings = self._fixed or Settings.from_environment()
            entries, problems = scan(self.settings.core_only)
            stale = [entry for entry in list(self._loader.loaded) if entry not in entries]
            taken = {entry.key for entry in stale}
            kept = [entry for entry in entries if entry.key not in taken]
            self._scanned = sorted([*kept, *stale], key=lambda entry: entry.order)
            ineffective = list(self._ineffective())
            self._problems = [*problems, *map(_stale, stale), *ineffective]
            self._changed()
        for message in (*(problem.message for problem in ineffective), *self._shadowed()):
            _warn(message)

    def _ineffective(self) -> Iterator[Problem]:
        """Yield a problem for each distribution that is allowed or disabled but has no plugins."""
        settings = self.settings
        if settings.core_only:
            return  # nothing but plugnet's own metadata was read, so nothing can be said
        known = {entry.distribution for entry in self.entries()}
        for setting in sorted({*(settings.allowed or ()), *settings.disabled, *self._disabled}):
            if setting not in known:
                hint = did_you_mean(close(setting, filter(None, known)))
                why = "no installed distribution of that name provides plugins"
                text = f"The settings name the plugin '{setting}', but {why}. {hint}"
                yield Problem(setting, text.rstrip())

    def _shadowed(self) -> Iterator[str]:
        """Yield a message for each plugin's name that stays a built-in one."""
        entries = [e for e in self.entries() if not (e.always_on or self.disabler(e))]
        built_in = {(entry.kind, entry.name) for entry in entries if entry.distribution == CORE}
        for entry in entries:
            if entry.rank > 1 and (entry.kind, entry.name) in built_in:
                yield (
                    f"{entry.provider} also defines the built-in {entry}; the built-in is used. "
                    f"Theirs: '{entry.qualified}'."
                )

    def disable(self, distribution: str) -> None:
        """Switch off a distribution, and warn if it has no plugins."""
        self._disabled.add(distribution)
        self.scan()

    def add(self, entry: Entry, cls: type[Any]) -> None:
        """Add what the program registers, in the place of what it registered under that name."""
        others = {e: other for e, other in self.registered.items() if e.key != entry.key}
        self.registered = {**others, entry: cls}
        self._changed()

    def withdraw(self, entry: Entry) -> None:
        """Remove what the program registered."""
        del self.registered[entry]
        self._changed()


def _stale(entry: Entry) -> Problem:
    return Problem(
        entry.distribution,
        f"{entry.provider} has changed on disk since its {entry} was loaded; what was loaded stays "
        "in use. Restart Python to use what is installed now.",
    )


def _warn(message: str) -> None:
    """Issue a PluginWarning, each only once per process."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, PluginWarning, stacklevel=2)
