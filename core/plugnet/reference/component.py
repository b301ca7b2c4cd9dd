"""A component, with all that its page shows."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from plugnet.component import Component as AnyComponent
from plugnet.files.toml_text import toml
from plugnet.reference.proofs import Proof, proof
from plugnet.registry import Entry, registry
from plugnet.registry.kinds import CORE, KINDS, PUBLISHED
from plugnet.registry.synonyms import SYNONYMS
from plugnet.testing.target import Example, Target, as_target

#: The words for one component of a kind and for several, where they are not the registry's.
WORDS = {
    "lr_policy": ("learning-rate policy", "learning-rate policies"),
    "dataset": ("data set", "data sets"),
}


@dataclass(frozen=True)
class Component:
    """A component of an installed distribution; its class has been imported."""

    entry: Entry

    @cached_property
    def name(self) -> str:
        """The shortest name that means it among those of its kind."""
        found = registry.view(self.entry.kind).find(self.entry.name)
        return self.entry.name if found.key == self.entry.key else self.entry.qualified

    @property
    def whole_name(self) -> str:
        """The name that cannot mean anything else."""
        return f"{self.entry.kind}:{self.entry.qualified}"

    @cached_property
    def target(self) -> Target:
        """The class, and how objects of it are built."""
        return as_target(self.whole_name)

    @property
    def cls(self) -> type[Any]:
        """The class."""
        return self.target.cls

    @cached_property
    def proof(self) -> Proof:
        """What the package's file says."""
        return proof(self.entry, self.cls)

    @cached_property
    def example(self) -> Example | None:
        """The first arguments to build it with that can be written down; None: there are none."""
        for example in self.target.examples:
            try:
                python(example.arguments)
                self.target.build(example)
            except Exception:
                continue
            return example
        return None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments to name it with: those of the example, or ``...`` for what it needs."""
        if self.example is not None:
            return self.example.arguments
        needed = [p for p in self.target.signature.values() if p.default is p.empty]
        return {p.name: "..." for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}

    @property
    def in_python(self) -> str:
        """How Python names it where a component is wanted."""
        given = self.arguments
        return f'("{self.name}", {python(given)})' if given else f'"{self.name}"'

    @property
    def in_toml(self) -> str:
        """How a configuration names it; "" if TOML has no such value, as None in a list."""
        given = {name: plain(value) for name, value in self.arguments.items() if value is not None}
        text = toml([self.name, given]) if given else toml(self.name)
        try:
            tomllib.loads(f"name = {text}")
        except ValueError:
            return ""
        return text

    @cached_property
    def synonyms(self) -> tuple[str, ...]:
        """What other libraries and books call it, if it is one of plugnet's own."""
        kind, name = self.entry.kind, self.entry.name
        if self.entry.distribution not in (CORE, PUBLISHED.get((kind, name))):
            return ()
        return tuple(
            other
            for written, others in SYNONYMS.get(kind, {}).items()
            if name == (written if isinstance(written, str) else written[0])
            for other in others.split()
        )


def word(kind: str, plural: bool = False) -> str:
    """Return the word for a component of a kind, or for several."""
    return WORDS.get(kind, (kind, KINDS[kind].view))[plural]


def plain(value: Any) -> Any:
    """Return a value in which components are written as their names and arguments.

    Raises:
        TypeError: it holds something else that is no plain data.
    """
    if isinstance(value, AnyComponent):
        name = registry.name_of(value)
        if name is None:
            raise TypeError(value)
        given = {key: plain(item) for key, item in value.arguments().items()}
        return (name, given) if given else name
    if isinstance(value, list | tuple):
        items = map(plain, value)
        return tuple(items) if type(value) is tuple else list(items)
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(value)
        return {key: plain(item) for key, item in value.items()}
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(value)


def python(value: Any) -> str:
    """Return a value as an expression of Python, with double quotes.

    Raises:
        TypeError: there is none.
    """
    value = plain(value)
    if isinstance(value, str):
        return toml(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{python(key)}: {python(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(python, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(python, value))}{',' * (len(value) == 1)})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def keywords(arguments: dict[str, Any]) -> str:
    """Return arguments as they are written in a call, after others."""
    return "".join(f", {name}={python(value)}" for name, value in arguments.items())
