"""Index: which names there are, who provides them, and which class each one means."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from plugnet.errors import PluginLoadError, PluginWarning
from plugnet.registry import loading, messages
from plugnet.registry.discovery import Entry, Problem, scan, split
from plugnet.registry.kinds import CORE
from plugnet.registry.loader import Loader
from plugnet.registry.names import Name
from plugnet.registry.settings import Settings

_warned: set[str] = set()  # each warning once per process


class Index:
    """The state of a registry. `Registry.isolated` replaces it as a whole and puts it back."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Start with nothing read.

        Args:
            settings: which plugins to use; None: what the environment says at the first scan.
        """
        self._fixed = settings
        self.settings = settings or Settings()
        self.loader = Loader()
        self.lock = self.loader.lock
        self.disabled: set[str] = set()  # by the program
        self.registered: dict[tuple[str, str], Entry] = {}  # by the program
        self._scanned: tuple[Entry, ...] | None = None
        self._problems: tuple[Problem, ...] = ()

    # What is known -------------------------------------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries in order: the program's own, then by distribution and name."""
        if self._scanned is None:
            self.scan()
        own = sorted(self.registered.values(), key=lambda entry: entry.order)
        return (*own, *(self._scanned or ()))

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

    def scan(self) -> None:
        """Read the metadata. What is loaded already stays as it is until `forget`."""
        with self.lock:
            if self._scanned is None:
                self.settings = self._fixed or Settings.from_environment()
            found = scan(core_only=self.settings.allowed == frozenset())
            loaded = {entry for entry in self.loader.classes if entry.distribution is not None}
            changed = sorted(loaded - set(found.entries), key=lambda entry: entry.order)
            taken = {entry.order[:3] for entry in changed}
            kept = [entry for entry in found.entries if entry.order[:3] not in taken]
            self._scanned = tuple(sorted([*kept, *changed], key=lambda entry: entry.order))
            self._problems = (
                *found.problems,
                *map(messages.changed, changed),
                *messages.settings_problems(self),
            )
        for problem in messages.worth_warning(self):
            warn(problem)

    def forget(self) -> None:
        """Forget scan, classes and failures: the next use reads and loads again."""
        with self.lock:
            own = set(self.registered.values())
            self.loader.classes = {
                entry: cls for entry, cls in self.loader.classes.items() if entry in own
            }
            self.loader.failures.clear()
            self._scanned = None

    def disabler(self, entry: Entry) -> str | None:
        """Return what switches an entry off, or None if it may be used."""
        if entry.distribution in self.disabled:
            return "registry.disable()"
        return self.settings.disabler(entry.distribution)

    def offers(self, entry: Entry) -> bool:
        """Tell whether an entry can be asked for by name."""
        return not entry.standing and not self.disabler(entry)

    def state(self, entry: Entry) -> str:
        """Return an entry's state, one of those in `Entry.state`."""
        if entry.distribution is None:
            return "loaded"
        if self.disabler(entry):
            return "disabled"
        if not loading.supported(entry):
            return "incompatible"
        if entry in self.loader.failures or split(entry.value) is None:
            return "broken"
        if entry.distribution == CORE:
            return "built-in"
        rivals = [] if entry.standing else self._candidates(Name(entry.kind, None, entry.name))
        if any(rival.distribution in (None, CORE) for rival in rivals):
            return "shadowed"
        if len(rivals) > 1:
            return "ambiguous"
        return "loaded" if entry in self.loader.classes else "ok"

    def listing(self, kind: str | None) -> tuple[Entry, ...]:
        """Return the entries of a kind, or all, each with its state."""
        return tuple(
            entry._replace(state=self.state(entry))
            for entry in self.entries()
            if kind in (None, entry.kind)
        )

    # From a name to an entry ---------------------------------------------------------------------

    def find(self, name: Name) -> Entry:
        """Return the entry that a name means; looks at the disk once more before it fails.

        Raises:
            UnknownComponentError: nobody provides it.
            DisabledPluginError: who provides it is switched off.
            AmbiguousNameError: several provide it.
        """
        fresh = self._scanned is None
        candidates = self._candidates(name)
        if not candidates and not fresh:
            self.scan()
            candidates = self._candidates(name)
        self.check_strict()
        if not candidates:
            raise messages.not_found(self, name)
        kinds = {entry.kind for entry in candidates}
        chosen = [entry for kind in sorted(kinds) for entry in _strongest(candidates, kind)]
        if len(kinds) > 1:
            chosen = [entry for entry in chosen if entry.distribution == CORE] or chosen
        if len(chosen) > 1:
            raise messages.ambiguous(name, chosen)
        return chosen[0]

    def check_strict(self) -> None:
        """Raise PluginLoadError for the first problem, if the settings are strict."""
        if self.settings.strict and (problems := self.problems()):
            raise PluginLoadError(
                f"{problems[0].message} (An error because PLUGNET_PLUGINS_STRICT is set.)",
                kind=None,
                name="",
                distribution=problems[0].distribution,
            )

    def _candidates(self, name: Name) -> list[Entry]:
        return [entry for entry in self.matching(name) if self.offers(entry)]

    def matching(self, name: Name) -> list[Entry]:
        """Return the entries that a name may mean, switched off or not."""
        return [
            entry
            for entry in self.entries()
            if entry.name == name.bare
            and name.kind in (None, entry.kind)
            and name.distribution in (None, entry.distribution)
            and not entry.standing
        ]

    # What the program registers ------------------------------------------------------------------

    def withdraw(self, kind: str, name: str) -> None:
        """Remove what the program registered under a name, if anything."""
        entry = self.registered.pop((kind, name), None)
        if entry is not None:
            self.loader.classes.pop(entry, None)

    def adopt(self, other: Index) -> None:
        """Take over what the program registered in another index."""
        self.registered = dict(other.registered)
        self.loader.classes = {
            entry: other.loader.classes[entry] for entry in self.registered.values()
        }

    # From an entry to a class --------------------------------------------------------------------

    def entry_of(self, cls: type[Any]) -> Entry | None:
        """Return the first entry that means ``cls``, however that was imported."""
        place = f"{cls.__module__}:{cls.__qualname__}"
        for entry in self.entries():
            same = entry.value == place or self.loader.classes.get(entry) is cls
            if (same or _exports(entry, cls)) and not self.disabler(entry):
                return entry
        return None

    def standing_hooks(self) -> list[tuple[str, ModuleType]]:
        """Import the standing hook modules; a broken one becomes a problem and a warning."""
        found = []
        for entry in self.entries():
            if not entry.standing or self.disabler(entry):
                continue
            try:
                module = self.loader.module(entry)
                found.append((f"{entry.distribution}/{entry.name}", module))
            except PluginLoadError as error:
                if self.settings.strict:
                    raise
                warn(str(error))
        return found


def _exports(entry: Entry, cls: type[Any]) -> bool:
    """Tell whether an entry names a class where another module re-exports it; imports nothing."""
    module, _, attribute = entry.value.partition(":")
    return attribute == cls.__name__ and getattr(sys.modules.get(module), attribute, None) is cls


def _strongest(candidates: Iterable[Entry], kind: str) -> list[Entry]:
    """Return the entries of a kind that win: the program's own, else built-in, else all others."""
    same = [entry for entry in candidates if entry.kind == kind]
    for owner in (None, CORE):
        if owned := [entry for entry in same if entry.distribution == owner]:
            return owned
    return same


def warn(message: str) -> None:
    """Issue a PluginWarning, each only once per process."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, PluginWarning, stacklevel=2)
