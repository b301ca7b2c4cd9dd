"""Discovery: one pass over the metadata of what is installed. Nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from plugnet.registry.kinds import API_GROUP, API_VERSION, CORE, FIRST_API, KINDS
from plugnet.registry.names import PATTERN, normalize

if TYPE_CHECKING:
    from importlib.metadata import Distribution

KIND_OF_GROUP = {kind.group: kind.name for kind in KINDS.values()}


class Entry(NamedTuple):
    """What is known about a component without importing it.

    Attributes:
        kind: "layer", "activation", ...
        name: the public name.
        value: where the class is, ``module:Class``; a hook without ``:Class`` stands by itself.
        distribution: who provides it, normalised; None if it was registered by the program.
        version: the version of that distribution, if it says one.
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
    def standing(self) -> bool:
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


class Problem(NamedTuple):
    """Something wrong with an installed plugin. Attributes: distribution, message."""

    distribution: str | None
    message: str


def split(value: str) -> tuple[str, str] | None:
    """Return module and class of ``module:Class``, "" for no class; None if it is malformed."""
    module, colon, attribute = value.partition(":")
    parts = [*module.split("."), *(attribute.split(".") if colon else ())]
    return (module, attribute) if all(part.isidentifier() for part in parts) else None


class Scan(NamedTuple):
    """What one pass found, in the order of distribution and name."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


def scan(core_only: bool = False) -> Scan:
    """Read the entry points of every installed distribution, or of plugnet's own only."""
    from importlib import metadata  # 12 ms, so not before somebody asks for a name

    entries: set[Entry] = set()
    problems: list[Problem] = []
    if core_only:
        distributions: Iterable[Distribution] = metadata.distributions(name=CORE)
    else:
        distributions = metadata.distributions()
    for distribution in distributions:
        try:
            text = distribution.read_text("entry_points.txt")
            if text:
                declared = list(_declarations(text, _path(distribution), problems))
                if declared:
                    entries.update(_entries(distribution, declared, problems))
        except Exception as error:  # one damaged distribution must not hide the others
            problems.append(
                Problem(
                    None,
                    f"{_path(distribution)}/entry_points.txt cannot be read "
                    f"({type(error).__name__}: {error}); re-install that package.",
                )
            )
    ordered = tuple(sorted(entries, key=lambda entry: entry.order))
    return Scan(ordered, tuple(dict.fromkeys([*problems, *_duplicates(ordered)])))


def _declarations(text: str, path: str, problems: list[Problem]) -> Iterator[tuple[str, str, str]]:
    """Yield group, key and value of each entry point that is plugnet's business."""
    group = damage = ""
    for line in text.lstrip("\ufeff").splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = line[1:-1].strip()
            continue
        key, equals, value = line.partition("=")
        if not equals:
            damage = damage or line
        elif group in KIND_OF_GROUP or group == API_GROUP:
            yield group, key.strip(), value.strip()
    if damage:
        message = f"{path}/entry_points.txt is damaged: '{damage[:60]}' has no '='; re-install."
        problems.append(Problem(None, message))


def _entries(
    distribution: Distribution, declared: list[tuple[str, str, str]], problems: list[Problem]
) -> Iterator[Entry]:
    """Yield the entries of one distribution, unless another of its name comes before it."""
    provider, version = _identity(distribution, problems)
    if _shadowed(distribution, provider, version, problems):
        return
    api = _api([key for group, key, _ in declared if group == API_GROUP], provider, problems)
    for group, key, value in declared:
        if group == API_GROUP:
            continue
        kind = KIND_OF_GROUP[group]
        if not PATTERN.fullmatch(key):
            problems.append(
                Problem(
                    provider,
                    f"{provider} declares the {kind} '{key}', but a name must be lower-case "
                    "letters, digits and underscores; it is left out.",
                )
            )
            continue
        if split(value) is None:
            problems.append(
                Problem(
                    provider,
                    f"{provider} declares the {kind} '{key}' with the value '{value}', but it "
                    "must be 'module:Class'. Fix its pyproject.toml and re-install it.",
                )
            )
        yield Entry(kind, key, value, provider, version, api)


def _identity(distribution: Distribution, problems: list[Problem]) -> tuple[str, str | None]:
    """Return name and version; the name of the metadata's folder where METADATA is missing."""
    metadata = distribution.metadata
    if "Name" in metadata:
        return normalize(metadata["Name"]), _version(distribution)
    folder = re.split(r"[/\\]", _path(distribution))[-1]  # "nn_conv-0.3.1.dist-info"
    name = normalize(folder.partition("-")[0].removesuffix(".egg"))
    message = f"{_path(distribution)} has no METADATA that names it; '{name}' is assumed."
    problems.append(Problem(name, message))
    return name, None


def _shadowed(
    distribution: Distribution, provider: str, version: str | None, problems: list[Problem]
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
        problems.append(
            Problem(
                provider,
                f"{provider} {version} in {_path(distribution)} is hidden by {provider} "
                f"{_version(first)}, which comes first on sys.path. Uninstall one of them.",
            )
        )
    return True


def _api(marks: list[str], provider: str, problems: list[Problem]) -> int:
    """Return the plugin API version among a distribution's marks, or the first that there was."""
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
    """Yield a problem for every name that one distribution declares twice with other values."""
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
