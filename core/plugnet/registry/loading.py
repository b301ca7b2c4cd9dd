"""Loading: from an entry to its class. Each is loaded once, and so is each failure."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from plugnet.component import variadic
from plugnet.errors import PluginApiError, PluginLoadError
from plugnet.registry import kinds
from plugnet.registry.entries import Entry, split
from plugnet.registry.names import close, did_you_mean

T = TypeVar("T")


class LoadError(Exception):
    """Why an entry cannot be loaded; kept, so that its module is not run again and again."""


class Loader:
    """What has been loaded so far, and what could not be.

    Attributes:
        classes: by entry, the classes that are in memory.
        failures: by entry, why there is none.
        lock: held while what is known changes; never during an import, because the module that is
            imported takes it to register its components.
    """

    def __init__(self) -> None:
        self.classes: dict[Entry, type[Any]] = {}
        self.failures: dict[Entry, LoadError] = {}
        self.lock = threading.RLock()
        self._importing: set[tuple[int, str]] = set()  # threads, and modules they import

    def load(self, entry: Entry) -> type[Any]:
        """Return an entry's class, and import its module if it is not loaded yet.

        Raises:
            PluginLoadError: that fails, or has failed before.
        """
        cls = self.classes.get(entry)
        if cls is None:
            cls = self._attempt(entry, load_class)  # Python imports a module once
            with self.lock:
                self.classes[entry] = cls
        return cls

    def module(self, entry: Entry) -> ModuleType:
        """Return an entry's module, for an entry without a class. Raises as `load` does."""
        return self._attempt(entry, load_module)

    def _attempt(self, entry: Entry, load: Callable[[Entry], T]) -> T:
        check_api(entry)
        importing = threading.get_ident(), entry.value.partition(":")[0]
        if importing in self._importing:
            raise _error(
                entry,
                f"The module of {entry.kind} '{entry.name}' ({entry.value}, from {entry.provider}) "
                "asks the registry for it while being imported, before it is there. Ask inside a "
                "function.",
            )
        failure = self.failures.get(entry)
        if failure is None:
            self._importing.add(importing)
            try:
                return load(entry)
            except LoadError as error:
                failure = error
                with self.lock:
                    self.failures[entry] = failure
            finally:
                self._importing.remove(importing)
        raise failed(entry, failure) from failure.__cause__


def supports(entry: Entry) -> bool:
    """Tell whether an entry was written for a plugin API that this plugnet supports."""
    return _oldest() <= entry.api <= kinds.API_VERSION


def _oldest() -> int:
    return max(kinds.FIRST_API, kinds.API_VERSION - 1)


def check_api(entry: Entry) -> None:
    """Raise PluginApiError if the entry was written for an unsupported plugin API."""
    if supports(entry):
        return
    newest = kinds.API_VERSION
    versions = f"v{newest - 1} and v{newest}" if _oldest() < newest else f"v{newest}"
    advice = (
        "Upgrade plugnet (pip install -U plugnet), or install an older version of the plugin."
        if entry.api > newest
        else f"Its author must upgrade it; look for a newer {entry.distribution}."
    )
    raise PluginApiError(
        f"{entry.kind} '{entry.name}' comes from {entry.provider}, which was written for plugin "
        f"API v{entry.api}, but this plugnet supports {versions}. {advice}",
        kind=entry.kind,
        name=entry.name,
        distribution=entry.distribution,
    )


def failed(entry: Entry, failure: LoadError) -> PluginLoadError:
    """Return the error for an entry that cannot be loaded; to be raised from its cause."""
    if entry.distribution == kinds.CORE:
        advice = "It is one of plugnet's own: pip install --force-reinstall plugnet."
    else:
        advice = (
            "Everything else keeps working. To silence this plugin: "
            f"PLUGNET_PLUGINS_DISABLE={entry.distribution}. "
            f"Details: plugnet plugins doctor {entry.distribution}"
        )
    origin = f"{entry.kind} '{entry.name}' comes from {entry.provider} ({entry.value})"
    return _error(entry, f"{origin}, but {failure}\n  {advice}")


def _error(entry: Entry, message: str) -> PluginLoadError:
    return PluginLoadError(
        message, kind=entry.kind, name=entry.name, distribution=entry.distribution
    )


def load_class(entry: Entry) -> type[Any]:
    """Return the class of an entry, a concrete one of its kind.

    Raises:
        LoadError: there is none.
    """
    found: Any = load_module(entry)
    module, attribute = _place(entry)
    for part in attribute.split(".") if attribute else ():
        try:
            found = getattr(found, part)
        except AttributeError:
            hint = did_you_mean(close(part, dir(found)))
            raise LoadError(
                f"'{module}' has no attribute '{part}'. {hint} Fix the entry point in its "
                "pyproject.toml and re-install it."
            ) from None
    if (misfit := _misfit(entry, found)) is not None:
        raise LoadError(misfit)
    return found  # type: ignore[no-any-return]


def load_module(entry: Entry) -> ModuleType:
    """Import and return the module of an entry.

    Raises:
        LoadError: the import failed, in whatever way, ``sys.exit()`` included.
    """
    module, _ = _place(entry)
    try:
        return importlib.import_module(module)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and missing.partition(".")[0] == module.partition(".")[0]:
            raise LoadError(
                f"its code '{missing}' is gone (stale install). Install {entry.distribution} "
                f"again, or remove what is left: pip uninstall {entry.distribution}"
            ) from error
        text = f"importing that module failed:\n  {type(error).__name__}: {error}"
        if missing is not None:
            text += (
                f"\n  {entry.distribution} needs '{missing}': install it, or install "
                f"{entry.distribution} again, which installs what it requires."
            )
        raise LoadError(text) from error


def _place(entry: Entry) -> tuple[str, str]:
    place = split(entry.value)
    if place is None:
        raise LoadError(
            f"its entry point has the value '{entry.value}', which must be 'module:Class'. Fix it "
            "in its pyproject.toml and re-install it."
        )
    return place


def _misfit(entry: Entry, found: Any) -> str | None:
    """Return why ``found`` is not a concrete class of the entry's kind, or None if it is."""
    interface = kinds.KINDS[entry.kind].interface
    wanted = "a class" if interface is object else f"a {interface.__name__} class"
    if isinstance(found, ModuleType):
        hint = f"Probably ':ClassName' is missing in '{entry.value}'."
        return f"its entry point gave a module, not {wanted}. {hint}"
    if not isinstance(found, type):
        return f"its entry point gave a {type(found).__name__}, not {wanted}."
    if not issubclass(found, interface):
        bases = ", ".join(base.__name__ for base in found.__mro__[1:-1]) or "object"
        return (
            f"the class {found.__qualname__} is not {wanted}; it derives from {bases}. Derive it "
            f"from plugnet.interfaces.{interface.__name__}, or declare it in the group of its kind."
        )
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        methods = ", ".join(missing)
        return f"the class {found.__qualname__} is abstract: it does not implement {methods}."
    if interface is not object and (parameter := variadic(found)) is not None:
        return (
            f"the constructor of {found.__qualname__} takes '{parameter}', and such a component "
            "cannot be described. Name every argument."
        )
    return None
