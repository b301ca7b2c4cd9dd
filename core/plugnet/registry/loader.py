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
        lock: held while what is known changes; never during an import, as the module that is
            imported takes it to register what it holds.
    """

    def __init__(self) -> None:
        self.classes: dict[Entry, type[Any]] = {}
        self.failures: dict[Entry, loading.LoadError] = {}
        self.lock = threading.RLock()
        self._importing: set[tuple[int, str]] = set()  # threads, and modules they import

    def load(self, entry: Entry) -> type[Any]:
        """Return an entry's class, importing its module if need be.

        Raises:
            PluginLoadError: that fails, or has failed before.
        """
        cls = self.classes.get(entry)
        if cls is None:
            cls = self._attempt(entry, loading.load_class)  # Python imports a module once
            with self.lock:
                self.classes[entry] = cls
        return cls

    def module(self, entry: Entry) -> ModuleType:
        """Return an entry's module, for an entry without a class. Raises as `load` does."""
        return self._attempt(entry, loading.load_module)

    def _attempt(self, entry: Entry, load: Callable[[Entry], Loaded]) -> Loaded:
        loading.check_api(entry)
        importing = threading.get_ident(), entry.value.partition(":")[0]
        if importing in self._importing:
            raise messages.recursion(entry)
        failure = self.failures.get(entry)
        if failure is None:
            self._importing.add(importing)
            try:
                return load(entry)
            except loading.LoadError as error:
                failure = error
                with self.lock:
                    self.failures[entry] = failure
            finally:
                self._importing.remove(importing)
        raise loading.failed(entry, failure) from failure.__cause__
