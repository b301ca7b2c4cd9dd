"""Loader: each entry is loaded once, and a failure is kept rather than tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from plugnet.registry import loading, messages
from plugnet.registry.discovery import Entry

Loaded = TypeVar("Loaded")


class Loader:
    """What has been loaded so far, and what could not be.

    Attributes:
        classes: by entry, the classes that are in memory.
        failures: by entry, why there is none.
        lock: held while something is loaded, so that two threads do not load it twice.
    """

    def __init__(self) -> None:
        self.classes: dict[Entry, type[Any]] = {}
        self.failures: dict[Entry, loading.LoadError] = {}
        self.lock = threading.RLock()
        self._importing: set[str] = set()

    def load(self, entry: Entry) -> type[Any]:
        """Return an entry's class, importing its module if need be.

        Raises:
            PluginLoadError: that fails, or has failed before.
        """
        with self.lock:
            if entry not in self.classes:
                self.classes[entry] = self._attempt(entry, loading.load_class)
            return self.classes[entry]

    def module(self, entry: Entry) -> ModuleType:
        """Return an entry's module, for an entry without a class. Raises as `load` does."""
        with self.lock:
            return self._attempt(entry, loading.load_module)

    def _attempt(self, entry: Entry, load: Callable[[Entry], Loaded]) -> Loaded:
        loading.check_api(entry)
        module = entry.value.partition(":")[0]
        if module in self._importing:
            raise messages.recursion(entry)
        if entry not in self.failures:
            self._importing.add(module)
            try:
                return load(entry)
            except loading.LoadError as error:
                self.failures[entry] = error
            finally:
                self._importing.remove(module)
        failure = self.failures[entry]
        raise loading.failed(entry, failure) from failure.__cause__
