"""Loading: from an entry to its class. Each is loaded once, and so is each failure."""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from plugnet.component import variadic
from plugnet.errors import PluginApiError, PluginLoadError, raised
from plugnet.registry import kinds
from plugnet.registry.entries import Entry
from plugnet.registry.names import close, did_you_mean


class Found(NamedTuple):
    """What a name means. Attributes: entry; cls, its class, loaded."""

    entry: Entry
    cls: type[Any]

    @property
    def known(self) -> inspect.Signature:
        """What the class is called with."""
        return _signature(self.cls)  # type: ignore[arg-type] # classes have a hash

    @property
    def signature(self) -> str:
        """How the class is called, without annotations: "fc(inputs, outputs)"."""
        known = self.known.parameters.values()
        bare = [parameter.replace(annotation=parameter.empty) for parameter in known]
        return f"{self.entry.name}{inspect.Signature(bare)}"

    def misfit(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return why arguments do not fit the constructor, or None if they do."""
        known = self.known
        try:
            known.bind(*args, **kwargs)
        except TypeError as error:
            unknown = [key for key in kwargs if key not in known.parameters]
            if not unknown:
                return f"{error}."
            question = did_you_mean(close(unknown[0], known.parameters))
            return f"got an unexpected keyword argument '{unknown[0]}'. {question}".strip()
        return None


#: Kept, because a file may name the same layer a thousand times.
_signature = lru_cache(maxsize=256)(inspect.signature)


class LoadError(Exception):
    """Why an entry cannot be loaded; kept, so that its module is not run again and again."""

    raised: type[PluginLoadError] = PluginLoadError

    def of(self, entry: Entry) -> PluginLoadError:
        """Return the error to raise."""
        advice = "It is one of plugnet's own: pip install --force-reinstall plugnet."
        if entry.distribution != kinds.CORE:
            advice = (
                "Everything else keeps working. To silence this plugin: "
                f"PLUGNET_PLUGINS_DISABLE={entry.distribution}. "
                f"Details: plugnet plugins doctor {entry.distribution}"
            )
        text = f"{entry} comes from {entry.provider} ({entry.value}), but {self}\n  {advice}"
        error = self.raised(text, **entry.culprits)
        error.__cause__ = self.__cause__
        return error


class ApiError(LoadError):
    """An entry was written for a plugin API that is not supported."""

    raised = PluginApiError


class Loader:
    """What has been loaded so far, and what could not be.

    No lock is held during an import: the module may register components, which takes one.

    Attributes:
        loaded: by entry, the classes that are in memory, and the modules of hooks without one.
        failures: by entry, why there is none.
    """

    def __init__(self) -> None:
        self.loaded: dict[Entry, Any] = {}
        self.failures: dict[Entry, LoadError] = {}
        self._importing: set[tuple[int, str]] = set()  # threads, and modules they import

    def load(self, entry: Entry) -> Any:
        """Return an entry's class, or its module if it is always on; import it if need be.

        Raises:
            PluginLoadError: that fails, or has failed before.
        """
        if entry not in self.loaded:
            if self.error(entry) is None:
                self._attempt(entry)
            if error := self.error(entry):
                raise error
        return self.loaded[entry]

    def error(self, entry: Entry) -> PluginLoadError | None:
        """Return why an entry cannot be used if that is known without importing it, else None."""
        failure = self.failures.get(entry) or _obstacle(entry)
        return failure.of(entry) if failure else None

    def _attempt(self, entry: Entry) -> None:
        """Load an entry, and keep what comes of it."""
        importing = threading.get_ident(), entry.value.partition(":")[0]
        if importing in self._importing:
            failure = LoadError("its module asks for it while being imported. Ask in a function.")
            raise failure.of(entry)
        self._importing.add(importing)
        try:
            self.loaded[entry] = _load(entry)  # Python imports a module once
        except LoadError as failure:
            self.failures[entry] = failure
        finally:
            self._importing.remove(importing)


def _obstacle(entry: Entry) -> LoadError | None:
    """Return why an entry cannot be loaded, as far as its metadata tell, or None."""
    newest = kinds.API_VERSION
    supported = range(max(kinds.FIRST_API, newest - 1), newest + 1)
    if entry.api not in supported:
        versions = " and ".join(f"v{version}" for version in supported)
        advice = f"Its author must upgrade it; look for a newer {entry.distribution}."
        if entry.api > newest:
            advice = "Upgrade plugnet (pip install -U plugnet), or downgrade the plugin."
        api = f"plugin API v{entry.api}, and this plugnet supports {versions}"
        return ApiError(f"it was written for {api}. {advice}")
    if not all(map(str.isidentifier, entry.value.replace(":", ".", 1).split("."))):
        wanted = "which must be 'module:Class'. Fix it in its pyproject.toml and re-install it."
        return LoadError(f"its entry point has the value '{entry.value}', {wanted}")
    return None


def _load(entry: Entry) -> Any:
    """Return the class of an entry, a concrete one of its kind, or the module of an always-on hook.

    Raises:
        LoadError: there is none.
    """
    module, _, attribute = entry.value.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise LoadError(_failed_import(entry, module, error)) from error
    if entry.always_on:
        return found
    for part in attribute.split(".") if attribute else ():
        try:
            found = getattr(found, part)
        except MemoryError:
            raise
        except AttributeError:
            hint = did_you_mean(close(part, dir(found)))
            raise LoadError(
                f"'{module}' has no attribute '{part}'. {hint} Fix the entry point in its "
                "pyproject.toml and re-install it."
            ) from None
        except (Exception, SystemExit) as error:  # a module's own __getattr__
            raise LoadError(_failed_import(entry, module, error)) from error
    if (misfit := _misfit(entry, found)) is not None:
        raise LoadError(misfit)
    return found


def _failed_import(entry: Entry, module: str, error: BaseException) -> str:
    """Return why a module cannot be imported."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and missing.partition(".")[0] == module.partition(".")[0]:
        return (
            f"its code '{missing}' is gone (stale install). Install {entry.distribution} again, or "
            f"remove what is left: pip uninstall {entry.distribution}"
        )
    reason = f"importing that module failed:\n  {raised(error)}"
    if missing:
        plugin = entry.distribution
        reason += f"\n  {plugin} needs '{missing}': install it, or install {plugin} again."
    return reason


def _misfit(entry: Entry, found: Any) -> str | None:
    """Return why ``found`` is not a concrete class of the entry's kind, or None if it is."""
    interface = kinds.KINDS[entry.kind].interface
    wanted = "a class" if interface is object else f"a {interface.__name__} class"
    if not isinstance(found, type):
        hint = "" if ":" in entry.value else " Probably ':ClassName' is missing."
        return f"its entry point gave a {type(found).__name__}, not {wanted}.{hint}"
    cls = found.__qualname__
    if not issubclass(found, interface):
        bases = ", ".join(base.__name__ for base in found.__mro__[1:-1]) or "object"
        return (
            f"the class {cls} is not {wanted}; it derives from {bases}. Derive it from "
            f"plugnet.interfaces.{interface.__name__}, or declare it in the group of its kind."
        )
    if missing := ", ".join(sorted(getattr(found, "__abstractmethods__", ()))):
        return f"the class {cls} is abstract: it does not implement {missing}."
    if interface is not object and (parameter := variadic(found)) is not None:
        return (
            f"the constructor of {cls} takes '{parameter}', and such a component cannot be "
            "described. Name every argument."
        )
    return None
