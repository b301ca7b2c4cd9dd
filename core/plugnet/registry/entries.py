"""Entries: one pass over the metadata of what is installed. Nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from plugnet.registry.kinds import API_GROUP, API_VERSION, CORE, FIRST_API, KIND_OF_GROUP
from plugnet.registry.names import PATTERN, Name, normalize

if TYPE_CHECKING:
    from importlib.metadata import Distribution


class Entry(NamedTuple):
    """What is known about a component without importing it; as a string, "layer 'fc'".

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

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"

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
    def qualified(self) -> str:
        """The name with the distribution before it."""
        return f"{self.distribution}/{self.name}"

    @property
    def culprits(self) -> dict[str, Any]:
        """The attributes of an error about it."""
        return {"kind": self.kind, "name": self.name, "distribution": self.distribution}

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other entries, unless a distribution declares a name twice."""
        return (self.distribution or "", self.name, self.kind)

    @property
    def order(self) -> tuple[str, ...]:
        """What entries are sorted by, so that no result depends on the order of folders."""
        return (self.distribution or "", self.name, self.kind, self.value)

    @property
    def rank(self) -> int:
        """Whose it is: 0, the program's own; 1, built in; 2, a plugin's. The lowest rank wins."""
        return {None: 0, CORE: 1}.get(self.distribution, 2)

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


def scan(core_only: bool = False) -> tuple[list[Entry], list[Problem]]:
    """Return the entries of every installed distribution, in order, and what is wrong with them.

    Args:
        core_only: read plugnet's own metadata only.
    """
    from importlib import metadata  # takes 12 ms, so not before the first name is asked for

    found: list[Entry | Problem] = []
    for distribution in metadata.distributions(name=CORE if core_only else None):
        try:
            found += _read(distribution)
        except Exception as error:  # one damaged distribution must not hide the others
            why = f"cannot be read ({type(error).__name__}: {error}); re-install that package."
            found.append(Problem(None, f"{_path(distribution)}/entry_points.txt {why}"))
    entries = sorted({one for one in found if isinstance(one, Entry)}, key=lambda one: one.order)
    for one, other in pairwise(entries):
        if one.key == other.key:
            message = (
                f"{one.provider} declares the {one} twice, as '{one.value}' and '{other.value}'. "
                "Its author must remove one."
            )
            found.append(Problem(one.distribution, message))
    return entries, list(dict.fromkeys(one for one in found if isinstance(one, Problem)))


def _read(distribution: Distribution) -> Iterator[Entry | Problem]:
    """Yield the entries of one distribution, unless another of its name comes before it."""
    path = _path(distribution)
    declared, damaged = _parse(distribution.read_text("entry_points.txt") or "")
    if damaged:
        line = damaged[0][:60]
        yield Problem(None, f"{path}/entry_points.txt is damaged: '{line}' has no '='; re-install.")
    if not declared:
        return
    said, version = _field(distribution, "Name"), _field(distribution, "Version")
    folder = re.split(r"[/\\]", path)[-1]  # "nn_conv-0.3.1.dist-info"
    name = normalize(said or folder.partition("-")[0].removesuffix(".egg"))
    if said is None:
        yield Problem(name, f"{path} has no METADATA that names it; '{name}' is assumed.")
    first = next(iter(distribution.discover(name=name)), distribution)
    if _path(first) != path:  # of two with one name, Python imports the first on sys.path
        if (other := _field(first, "Version")) != version:
            where = f"{path} is hidden by {name} {other}, which comes first on sys.path"
            yield Problem(name, f"{name} {version} in {where}. Uninstall one of them.")
        return
    yield from _entries(name, version, declared)


def _entries(
    provider: str, version: str | None, declared: list[tuple[str, str, str]]
) -> Iterator[Entry | Problem]:
    """Yield an entry for each declaration, of the plugin API version that is among them."""
    apis = []
    for mark in [key for group, key, _ in declared if group == API_GROUP]:
        if re.fullmatch(r"v[1-9]\d{0,5}", mark):
            apis.append(int(mark[1:]))
        else:
            text = f"{provider} has the API mark '{mark}', which must look like 'v{API_VERSION}'"
            yield Problem(provider, f"{text}; v{FIRST_API} is assumed.")
    api = max(apis, default=FIRST_API)
    for group, key, value in declared:
        if group == API_GROUP:
            continue
        entry = Entry(KIND_OF_GROUP[group], key, value, provider, version, api)
        if PATTERN.fullmatch(key):
            yield entry
        else:
            wanted = "a name must be lower-case letters, digits and underscores; it is left out"
            yield Problem(provider, f"{entry.provider} declares the {entry}, but {wanted}.")


def _parse(text: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return group, key and value of each of plugnet's entry points, and the damaged lines."""
    declared, damaged = [], []
    group = ""
    for line in map(str.strip, text.lstrip("\ufeff").splitlines()):
        key, equals, value = map(str.strip, line.partition("="))
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = line[1:-1].strip()
        elif not equals:
            damaged.append(line)
        elif group in KIND_OF_GROUP or group == API_GROUP:
            declared.append((group, key, value))
    return declared, damaged


def _field(distribution: Distribution, name: str) -> str | None:
    """Return a field of a distribution's metadata, or None if it is missing."""
    try:
        values = distribution.metadata.get_all(name)
    except FileNotFoundError:  # so importlib_metadata, where it has replaced Python's own finder
        values = None
    return values[0] if values else None


def _path(distribution: Distribution) -> str:
    """Return where a distribution's metadata are."""
    return str(getattr(distribution, "_path", distribution.locate_file("")))
