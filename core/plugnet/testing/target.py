"""Target: the component to check, and how to build new ones like it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, NamedTuple, TypeVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.component import describe, rebuild
from plugnet.errors import ArgumentError
from plugnet.interfaces import Component
from plugnet.registry import Entry, registry
from plugnet.registry.kinds import KINDS
from plugnet.registry.specs import is_spec
from plugnet.testing.report import NotApplicable
from plugnet.testing.state import find_instances

TEMPORARY = "component_under_test"

T = TypeVar("T")


class Example(NamedTuple):
    """One way to try a component.

    Attributes:
        arguments: the keyword arguments of the constructor.
        shape: for a layer, the shape of one sample; None to try several.
        inputs: the only numbers that a layer or an activation accepts; None if it accepts any.
    """

    arguments: dict[str, Any]
    shape: Shape | None = None
    inputs: Array | None = None


@dataclass(eq=False)
class Target:
    """A component to check.

    Attributes:
        name: the registered name, or the name of the class.
        kind: "layer", "loss", and so on.
        cls: its class.
        entry: the registry's record, or None if the class is not registered.
        instance: the object to check, or None for a class or a name.
        exercise: uses the component on ordinary inputs, and returns all results.
        cases: for a layer, the cases that work, once they have been found.
    """

    name: str
    kind: str
    cls: type[Any]
    entry: Entry | None
    instance: object = None
    exercise: Callable[[Target], list[Array]] = field(default=lambda _: [], repr=False)
    cases: Any = None

    @property
    def title(self) -> str:
        """The heading of a report."""
        provider = "not registered" if self.entry is None else self.entry.provider
        return f"{self.kind} {self.name} ({provider})"

    @cached_property
    def signature(self) -> Mapping[str, inspect.Parameter]:
        """The constructor's parameters, by name."""
        return inspect.signature(self.cls).parameters

    @cached_property
    def examples(self) -> list[Example]:
        """The arguments to try: those of the instance, or the examples of the class."""
        give = getattr(self.cls, "examples", None)
        examples = [_example(value) for value in (give() if callable(give) else [{}])]
        if self.instance is None:
            return examples
        kept = {n: getattr(self.instance, n) for n in self.signature if hasattr(self.instance, n)}
        return [next((e for e in examples if e.arguments == kept), Example(kept))]

    @cached_property
    def usable_examples(self) -> list[Example]:
        """The examples up to the first that fails, which `check_examples` reports."""
        usable = []
        try:
            for example in self.examples:
                self.build(example)
                usable.append(example)
        except Exception:
            pass
        if not usable:
            raise NotApplicable("there are no arguments to build it with: see examples")
        return usable

    def build(self, example: Example) -> Any:
        """Build a new component with the registry; its inner components are new too."""
        entry = self.entry
        provider = f"{entry.distribution}/" if entry and entry.distribution else ""
        name = entry.name if entry else f"{TEMPORARY}_0"
        arguments = rebuild(describe(example.arguments))
        return registry.build(f"{self.kind}:{provider}{name}", **arguments)

    def build_all(self) -> list[Any]:
        """Return a new component for each example."""
        return [self.build(example) for example in self.usable_examples]

    @contextmanager
    def temporarily_registered(self) -> Iterator[None]:
        """Register the unregistered classes of the target and its inner components temporarily."""
        inner = find_instances(self.instance, Component)
        classes = [] if self.entry is not None else [self.cls]
        classes += [type(one) for one in inner if not registry.name_of(one)]
        with ExitStack() as stack:
            for number, cls in enumerate(dict.fromkeys(classes)):
                view, name = registry.view(_kind(cls)), f"{TEMPORARY}_{number}"
                view.register(name, replace=True)(cls)
                stack.callback(view.unregister, name)
            yield


def argument_text(component: Any) -> str:
    """Return the repr of a component, or "" if it does not keep its arguments."""
    try:
        return repr(component)
    except AttributeError:
        return ""


def for_each(
    items: Callable[[Target], Iterable[T]],
) -> Callable[[Callable[[T], None]], Callable[[Target], None]]:
    """Return a decorator that runs a check on everything that ``items`` yields for a target.

    The first failure ends it. It is not applicable if it applies to nothing that is yielded.
    """

    def decorate(check: Callable[[T], None]) -> Callable[[Target], None]:
        @wraps(check)
        def run(target: Target) -> None:
            reasons, passed = [], False
            for thing in items(target):
                try:
                    check(thing)
                    passed = True
                except NotApplicable as reason:
                    reasons.append(reason)
            if not passed:
                raise reasons[0] if reasons else NotApplicable("there is nothing to try")

        return run

    return decorate


def as_target(component: Any) -> Target:
    """Return the target that ``component`` means: a name, a tuple, a spec, a class, an object.

    Raises:
        ArgumentError: it is not a component.
        RegistryError: its name is unknown, or its plugin cannot be used.
    """
    if isinstance(component, str):
        entry = registry.info(component).entry
        return Target(entry.name, entry.kind, registry.get(component), entry)
    if isinstance(component, tuple | list) or is_spec(component):
        kind = component.get("kind") if isinstance(component, Mapping) else None
        if kind is not None:
            return as_target(registry.from_spec(component, kind))
        name, *arguments = component
        keywords = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        return as_target(registry.build(name, *arguments, **keywords))
    cls = component if isinstance(component, type) else type(component)
    if not issubclass(cls, Component) and not _is_hook(cls):
        raise ArgumentError(
            "A component to check is a name, a tuple of a name and arguments, a spec, a class of "
            f"one of the kinds, or an object of such a class, but it is {component!r}.",
            argument="component",
            value=component,
        )
    instance = None if component is cls else component
    place = f"{cls.__module__}:{cls.__qualname__}"
    kind = _kind(cls)
    for entry in registry.view(kind).entries():
        if entry.value == place and entry.state not in ("disabled", "incompatible"):
            return Target(entry.name, kind, cls, entry, instance)
    return Target(cls.__name__, kind, cls, None, instance)


def _kind(cls: type[Any]) -> str:
    return next(kind.name for kind in KINDS.values() if issubclass(cls, kind.interface))


def _is_hook(cls: type[Any]) -> bool:
    return any(name.startswith("plugnet_") for name in dir(cls))


def _example(value: Any) -> Example:
    arguments, inputs = value if isinstance(value, tuple) else (value, None)
    if isinstance(inputs, np.ndarray):
        return Example(dict(arguments), inputs.shape[1:], inputs)
    return Example(dict(arguments), inputs)
