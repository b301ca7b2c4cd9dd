"""Target: the component to check, and how to build new ones like it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, wraps
from itertools import islice
from types import ModuleType
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
from plugnet.testing.snapshot import find_instances
from plugnet.training.hooks import PREFIX

T = TypeVar("T")
MOST_EXAMPLES = 1000  # each is built, and some may come from a generator that never ends


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
        kept: what one check keeps for the next ones, by name.
    """

    name: str
    kind: str
    cls: type[Any]
    entry: Entry | None
    instance: object = None
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The heading of a report."""
        provider = "not registered" if self.entry is None else self.entry.provider
        return f"{self.kind} {self.name} ({provider})"

    @property
    def subject(self) -> Any:
        """What has the methods: the class, or the module of a hook made of functions."""
        return self.instance if isinstance(self.instance, ModuleType) else self.cls

    @cached_property
    def signature(self) -> Mapping[str, inspect.Parameter]:
        """The constructor's parameters, by name; a module has none."""
        if isinstance(self.instance, ModuleType):
            return {}
        return inspect.signature(self.cls).parameters

    @cached_property
    def examples(self) -> list[Example]:
        """The arguments to try: those of the instance, or the examples of the class."""
        give = getattr(self.cls, "examples", None)
        given = islice(give() if callable(give) else [{}], MOST_EXAMPLES + 1)
        examples = [_example(value) for value in given]
        if len(examples) > MOST_EXAMPLES:
            raise ArgumentError(
                f"examples() of {self.cls.__name__} must give at most {MOST_EXAMPLES} examples, "
                "but it gives more. Leave out all but a few.",
                argument="examples",
                value=None,
            )
        if self.instance is None:
            return examples
        kept = {n: getattr(self.instance, n) for n in self.signature if hasattr(self.instance, n)}
        return [next((e for e in examples if e.arguments == kept), Example(kept))]

    @cached_property
    def usable_examples(self) -> list[Example]:
        """The examples up to the first that fails, which `check_examples` reports."""
        usable = []
        with suppress(Exception):
            for example in self.examples:
                self.build(example)
                usable.append(example)
        if not usable:
            raise NotApplicable("there are no arguments to build it with: see examples")
        return usable

    def build(self, example: Example) -> Any:
        """Build a new component; the components in its arguments are new too.

        Of a module there is only one.
        """
        if isinstance(self.instance, ModuleType):
            return self.instance
        return self.cls(**rebuild(describe(example.arguments)))

    def build_all(self) -> list[Any]:
        """Return a new component for each example."""
        return [self.build(example) for example in self.usable_examples]

    @contextmanager
    def temporarily_registered(self) -> Iterator[None]:
        """Register the unregistered classes of the target and its inner components temporarily."""
        inner = find_instances(self.instance, Component)
        is_known = self.entry is not None or isinstance(self.instance, ModuleType)
        classes = [] if is_known else [self.cls]
        classes += [type(one) for one in inner if not registry.name_of(one)]
        with ExitStack() as stack:
            for number, cls in enumerate(dict.fromkeys(classes)):
                view, name = registry.view(_kind(cls)), f"component_under_test_{number}"
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


def in_both_dtypes(items: Callable[..., Iterable[T]]) -> Callable[[Target], Iterable[T]]:
    """Return a function that gives ``items`` in float32, then in float64."""
    dtypes = ("float32", "float64")
    return lambda target: (item for dtype in dtypes for item in items(target, dtype=dtype))


def as_target(component: Any) -> Target:
    """Return the target that ``component`` means: a name, a tuple, a spec, a class, an object.

    Raises:
        ArgumentError: it is not a component.
        RegistryError: its name is unknown, or its plugin cannot be used.
    """
    if isinstance(component, str):
        named = registry.info(component).entry
        return Target(named.name, named.kind, registry.get(component), named)
    if isinstance(component, tuple | list) or is_spec(component):
        component = registry.resolve(component)
    is_module = isinstance(component, ModuleType)
    cls = component if isinstance(component, type) else type(component)
    methods = dir(component if is_module else cls)
    if not issubclass(cls, Component) and not any(name.startswith(PREFIX) for name in methods):
        raise ArgumentError(
            "A component to check is a name, a tuple of a name and arguments, a spec, a class of "
            f"one of the kinds, an object of such a class, or a module with functions named as "
            f"hooks, but it is {component!r}.",
            argument="component",
            value=component,
        )
    if is_module:
        return Target(component.__name__, "hook", cls, None, component)
    kind, place = _kind(cls), f"{cls.__module__}:{cls.__qualname__}"
    entries = [entry for entry in registry.view(kind).entries() if entry.value == place]
    entry = next((e for e in entries if e.state not in ("disabled", "incompatible")), None)
    name = entry.name if entry else cls.__name__
    return Target(name, kind, cls, entry, None if component is cls else component)


def _kind(cls: type[Any]) -> str:
    """Return the kind of a class; any class may be a hook, the last in the table."""
    return next(kind.name for kind in KINDS.values() if issubclass(cls, kind.interface))


def _example(value: Any) -> Example:
    arguments, inputs = value if isinstance(value, tuple) else (value, None)
    if isinstance(inputs, np.ndarray):
        return Example(dict(arguments), inputs.shape[1:], inputs)
    return Example(dict(arguments), inputs)
