"""Loading: import the module of one entry and check that it holds what the entry promises."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

from plugnet.errors import PluginApiError, PluginLoadError
from plugnet.registry import kinds
from plugnet.registry.discovery import Entry, split
from plugnet.registry.settings import DISABLE
from plugnet.registry.suggestions import close, did_you_mean


class LoadError(Exception):
    """Why an entry cannot be loaded; kept, so that the module is not run again and again."""


def supported(entry: Entry) -> bool:
    """Tell whether an entry was written for a plugin API that this plugnet supports."""
    return _oldest() <= entry.api <= kinds.API_VERSION


def _oldest() -> int:
    return max(kinds.FIRST_API, kinds.API_VERSION - 1)


def check_api(entry: Entry) -> None:
    """Raise PluginApiError if the entry was written for an unsupported plugin API."""
    if supported(entry):
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
            f"Everything else keeps working. To silence this plugin: "
            f"{DISABLE}={entry.distribution}. Details: plugnet plugins doctor {entry.distribution}"
        )
    return PluginLoadError(
        f"{entry.kind} '{entry.name}' comes from {entry.provider} ({entry.value}), but {failure}"
        f"\n  {advice}",
        kind=entry.kind,
        name=entry.name,
        distribution=entry.distribution,
    )


def load_class(entry: Entry) -> type[Any]:
    """Return the class of an entry.

    Raises:
        LoadError: there is none that will do.
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
    return _checked(entry, found)


def load_module(entry: Entry) -> ModuleType:
    """Import and return the module of an entry.

    Raises:
        LoadError: the import failed, in whatever way; also by ``sys.exit()``.
    """
    module, _ = _place(entry)
    try:
        return importlib.import_module(module)
    except MemoryError:
        raise
    except ModuleNotFoundError as error:
        raise LoadError(_not_found(entry, module, error)) from error
    except (Exception, SystemExit) as error:
        raise LoadError(
            f"importing that module failed:\n  {type(error).__name__}: {error}"
        ) from error


def _place(entry: Entry) -> tuple[str, str]:
    place = split(entry.value)
    if place is None:
        raise LoadError(
            f"its entry point has the value '{entry.value}', which must be 'module:Class'. Fix it "
            "in its pyproject.toml and re-install it."
        )
    return place


def _not_found(entry: Entry, module: str, error: ModuleNotFoundError) -> str:
    missing = error.name or ""
    if missing.partition(".")[0] == module.partition(".")[0]:
        return (
            f"its code '{missing}' is gone (stale install). Install {entry.distribution} again, "
            f"or remove what is left: pip uninstall {entry.distribution}"
        )
    return (
        f"importing that module failed:\n  {type(error).__name__}: {error}\n"
        f"  {entry.distribution} needs '{missing}': install it, or install {entry.distribution} "
        "again, which installs what it says it requires."
    )


def _checked(entry: Entry, found: Any) -> type[Any]:
    """Return ``found`` if it is a concrete class of the entry's kind."""
    interface = kinds.KINDS[entry.kind].interface
    wanted = "a class" if interface is object else f"a {interface.__name__} class"
    if not isinstance(found, type):
        what = "a module" if isinstance(found, ModuleType) else f"a {type(found).__name__}"
        hint = (
            f" Probably ':ClassName' is missing in '{entry.value}'." if what == "a module" else ""
        )
        raise LoadError(f"its entry point gave {what}, not {wanted}.{hint}")
    if not issubclass(found, interface):
        bases = ", ".join(base.__name__ for base in found.__mro__[1:-1]) or "object"
        raise LoadError(
            f"the class {found.__qualname__} is not {wanted}; it derives from {bases}. Derive it "
            f"from plugnet.interfaces.{interface.__name__}, or declare it in the group of its kind."
        )
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise LoadError(
            f"the class {found.__qualname__} is abstract: it does not implement "
            f"{', '.join(missing)}."
        )
    if interface is not object:
        for parameter in inspect.signature(found).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise LoadError(
                    f"the constructor of {found.__qualname__} takes '{parameter}', and such a "
                    "component cannot be described. Name every argument."
                )
    return found
