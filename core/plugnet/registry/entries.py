"""Entries: one pass over the metadata of what is installed. Nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from plugnet.registry.kinds import API_GROUP, API_VERSION, CORE, FIRST_API, KIND_OF_GROUP
from plugnet.registry.names import PATTERN, Name, normalize

if TYPE_CHECKING:
    from importlib.metadata import Distribution


class Entry(NamedTuple):
    """What is known about a component without importing it.

    Attributes:
        kind: "layer", "activation", ...
        name: the public name.
        value: where the class is, ``module:Class``; a hook without ``:Class`` is always on.
        distribution: who provides it, normalised; None if the program registered it.
        version: the version of that distribution, or None if it does not say one.
        api: the plugin API version that it was written for.
        state: in a listing one of built-in, ok, loaded, broken, disabled, ambiguous, incompatible
            and shadowed (by a built-in of that name).
    """

    kind: str
    name: str
    value: str
    distribution: str | None
    version: str | None = None
    api: int = FIRST_API
    state: str = "ok"

    @property
    def always_on(self) -> bool:
        """Whether it is a hook module that acts without being built by name."""
        return self.kind == "hook" and ":" not in self.value

    @property
    def provider(self) -> str:
        """The distribution and its version, for messages."""
        if self.distribution is None:
            return "this program"
        return f"{self.distribution} {self.version}" if self.version else self.distribution

    @property
    def order(self) -> tuple[str, str, str, str]:
        """What entries are sorted by, so that no result depends on the order of folders."""
        return (self.distribution or "", self.name, self.kind, self.value)

    def fits(self, name: Name) -> bool:
        """Tell whether a name may mean this entry."""
        return (
            self.name == name.bare
            and name.kind in (None, self.kind)
            and name.distribution in (None, self.distribution)
            and not self.always_on
        )


class Problem(NamedTuple):
    """Something wrong with an installed plugin. Attributes: distribution, message."""

    distribution: str | None
    message: str


def split(value: str) -> tuple[str, str] | None:
    """Return module and class of ``module:Class``, "" for no class; None if it is malformed."""
    module, colon, attribute = value.partition(":")
    parts = [*module.split("."), *(attribute.split(".") if colon else ())]
    return (module, attribute) if all(map(str.isidentifier, parts)) else None


def scan(core_only: bool = False) -> tuple[tuple[Entry, ...], tuple[Problem, ...]]:
    """Return the entries of every installed distribution, in order, and what is wrong with them.

    Args:
        core_only: read plugnet's own metadata only.
    """
    from importlib import metadata  # takes 12 ms, so not before the first name is asked for

    entries: set[Entry] = set()
    problems: list[Problem] = []
    everything = metadata.distributions
    for distribution in everything(name=CORE) if core_only else everything():
        try:
            if text := distribution.read_text("entry_points.txt"):
                entries.update(_entries(distribution, text, problems))
        except Exception as error:  # one damaged distribution must not hide the others
            message = (
                f"{_path(distribution)}/entry_points.txt cannot be read "
                f"({type(error).__name__}: {error}); re-install that package."
            )
            problems.append(Problem(None, message))
    ordered = tuple(sorted(entries, key=lambda entry: entry.order))
    return ordered, tuple(dict.fromkeys([*problems, *_duplicates(ordered)]))


def _entries(distribution: Distribution, text: str, problems: list[Problem]) -> Iterator[Entry]:
    """Yield the entries of one distribution, unless another of its name comes before it."""
    declared = list(_declarations(text, _path(distribution), problems))
    if not declared:
        return
    provider, version = _identity(distribution, problems)
    if _is_hidden(distribution, provider, version, problems):
        return
    api = _api([key for group, key, _ in declared if group == API_GROUP], provider, problems)
    for group, key, value in declared:
        if group == API_GROUP:
            continue
        kind = KIND_OF_GROUP[group]
        what = f"{provider} declares the {kind} '{key}'"
        if not PATTERN.fullmatch(key):
            message = (
                f"{what}, but a name must be lower-case letters, digits and underscores; it is "
                "left out."
            )
            problems.append(Problem(provider, message))
            continue
        if split(value) is None:
            message = (
                f"{what} with the value '{value}', but it must be 'module:Class'. Fix its "
                "pyproject.toml and re-install it."
            )
            problems.append(Problem(provider, message))
        yield Entry(kind, key, value, provider, version, api)


def _declarations(text: str, path: str, problems: list[Problem]) -> Iterator[tuple[str, str, str]]:
    """Yield group, key and value of each entry point in a group of plugnet."""
    group = damaged = ""
    for line in map(str.strip, text.lstrip("\ufeff").splitlines()):
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = line[1:-1].strip()
            continue
        key, equals, value = line.partition("=")
        if not equals:
            damaged = damaged or line
        elif group in KIND_OF_GROUP or group == API_GROUP:
            yield group, key.strip(), value.strip()
    if damaged:
        message = f"{path}/entry_points.txt is damaged: '{damaged[:60]}' has no '='; re-install."
        problems.append(Problem(None, message))


def _identity(distribution: Distribution, problems: list[Problem]) -> tuple[str, str | None]:
    """Return name and version; the name of the metadata's folder where METADATA is missing."""
    if "Name" in distribution.metadata:
        return normalize(distribution.metadata["Name"]), _version(distribution)
    folder = re.split(r"[/\\]", _path(distribution))[-1]  # "nn_conv-0.3.1.dist-info"
    name = normalize(folder.partition("-")[0].removesuffix(".egg"))
    message = f"{_path(distribution)} has no METADATA that names it; '{name}' is assumed."
    problems.append(Problem(name, message))
    return name, None


def _is_hidden(
    distribution: Distribution,
    provider: str,
    version: str | None,
    problems: list[Problem],
) -> bool:
    """Tell whether another distribution of that name comes first on sys.path, as for imports."""
    from importlib import metadata

    try:
        first = metadata.distribution(provider)
    except metadata.PackageNotFoundError:
        return False
    if _path(first) == _path(distribution):
        return False
    if _version(first) != version:
        message = (
            f"{provider} {version} in {_path(distribution)} is hidden by {provider} "
            f"{_version(first)}, which comes first on sys.path. Uninstall one of them."
        )
        problems.append(Problem(provider, message))
    return True


def _api(marks: Iterable[str], provider: str, problems: list[Problem]) -> int:
    """Return the newest plugin API among a distribution's marks, or the first one released."""
    versions = []
    for mark in marks:
        if re.fullmatch(r"v[1-9]\d{0,5}", mark):
            versions.append(int(mark[1:]))
        else:
            message = (
                f"{provider} marks its plugin API version as '{mark}', but a mark must look like "
                f"'v{API_VERSION}'; v{FIRST_API} is assumed."
            )
            problems.append(Problem(provider, message))
    return max(versions, default=FIRST_API)


def _duplicates(entries: tuple[Entry, ...]) -> Iterator[Problem]:
    """Yield a problem for every name that one distribution declares with two values."""
    for one, other in pairwise(entries):
        if one.order[:3] == other.order[:3]:
            yield Problem(
                one.distribution,
                f"{one.provider} declares the {one.kind} '{one.name}' twice, as '{one.value}' and "
                f"'{other.value}'. Its author must remove one.",
            )


def _version(distribution: Distribution) -> str | None:
    return distribution.version if "Version" in distribution.metadata else None


def _path(distribution: Distribution) -> str:
    """Return where a distribution's metadata are."""
    return str(getattr(distribution, "_path", distribution.locate_file("")))
