"""The registry: name -> entry point -> class -> object -> spec.

`index` finds the entry that a name means, `entries` reads them all, `loading` imports the class of
one, `building` calls it, and `specs` describes the object; from what it has checked, `building`
makes the object again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from plugnet import interfaces
from plugnet.errors import ArgumentError, shown
from plugnet.registry.building import View, from_spec
from plugnet.registry.entries import Entry as Entry
from plugnet.registry.entries import Problem as Problem
from plugnet.registry.index import Index, Settings
from plugnet.registry.kinds import CORE, KINDS
from plugnet.registry.names import normalize
from plugnet.registry.specs import check, write


class Registry(View[Any]):
    """Builds components by name, from the entry points of all that is installed.

    Nothing is read before the first use, and of the plugins only the module that a name needs is
    imported. Each kind has a typed view with the methods of `View`.

    >>> from plugnet import registry
    >>> layer = registry.build("fc", 784, 50)
    >>> registry.layers.build("fc", 784, 50).output_shape((784,))
    (50,)
    >>> registry.from_spec(registry.spec(layer)).outputs
    50
    """

    layers: View[interfaces.Layer]
    activations: View[interfaces.Activation]
    losses: View[interfaces.Loss]
    initializers: View[interfaces.Initializer]
    lr_policies: View[interfaces.LRPolicy]
    optimizers: View[interfaces.Optimizer]
    regularizers: View[interfaces.Regularizer]
    metrics: View[interfaces.Metric]
    datasets: View[interfaces.Dataset]
    hooks: View[Any]  # any class; its methods are the contract

    def __init__(self) -> None:
        index = Index()
        self._lock, self._indexes = threading.Lock(), [index]  # the last is in use
        super().__init__(index, None)
        for kind in KINDS.values():
            setattr(self, kind.view, View(index, kind.name))

    def view(self, kind: str) -> View[Any]:
        """Return the view of a kind, such as "layer".

        Raises:
            ArgumentError: there is no such kind.
        """
        if not isinstance(kind, str) or kind not in KINDS:
            raise ArgumentError(
                f"The kind must be one of {', '.join(KINDS)}, but it is {shown(kind)}.",
                argument="kind",
                value=kind,
            )
        view: View[Any] = getattr(self, KINDS[kind].view)
        return view

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with installed plugins, as far as it shows without imports."""
        return self._index.problems()

    def always_on_hooks(self) -> list[tuple[str, ModuleType]]:
        """Import and return the hook modules that act in every Trainer, each with its name.

        One that cannot be imported is left out, with a PluginWarning.
        """
        return self._index.always_on_hooks()

    # Names and specs of objects ------------------------------------------------------------------

    def name_of(self, component: object) -> str | None:
        """Return the registered name of a component or its class, or None if there is none."""
        cls = component if isinstance(component, type) else type(component)
        entry = self._index.entry_of(cls)
        return None if entry is None else entry.name

    def spec(self, component: interfaces.Component) -> dict[str, Any]:
        """Return a JSON-ready description from which `from_spec` builds an equal component.

        Raises:
            SpecError: an argument cannot be written as JSON, or the class is not registered.
        """
        return write(self._index, component)

    def from_spec(self, spec: Mapping[str, Any], kind: str | None = None) -> Any:
        """Build the component that ``spec`` describes, from registered names alone.

        Raises:
            SpecError: it is not a spec; nothing has been built.
            MissingComponentsError: it needs components that are not available: names them all.
        """
        return from_spec(self._index, spec, kind)

    def check_specs(self, specs: Iterable[Mapping[str, Any]], kind: str | None = None) -> None:
        """Raise what `from_spec` would before it builds, for all that is missing in ``specs``."""
        check(self._index, specs, kind)

    # Changes, for this process -------------------------------------------------------------------

    def disable(self, distribution: str) -> None:
        """Switch off the plugins of a distribution before anything of theirs is imported."""
        name = normalize(distribution)
        if name == CORE:
            raise ArgumentError(
                "The built-in components cannot be disabled; name a plugin's distribution.",
                argument="distribution",
                value=distribution,
            )
        self._index.disable(name)

    def refresh(self) -> None:
        """Read metadata and settings again on the next use, and try again what failed to load.

        Modules that are imported already stay as they are until Python is restarted.
        """
        self._index.forget()

    @contextmanager
    def isolated(self, plugins: Iterable[str] = ()) -> Iterator[Registry]:
        """Use only plugnet's own components, what the program registered, and some plugins.

        On leaving, by an exception too, everything is as it was before: what was registered,
        loaded or disabled inside is forgotten. May be nested. It holds for all threads.

        Args:
            plugins: the distributions whose plugins stay enabled.
        """
        plugins = (plugins,) if isinstance(plugins, str) else plugins
        settings = Settings(frozenset(map(normalize, plugins)), origin="registry.isolated()")
        with self._lock:
            inner = Index(settings, self._index)
            self._indexes.append(inner)
            self._use_last()
        try:
            yield self
        finally:
            with self._lock:
                self._indexes.remove(inner)  # in whatever order threads leave
                self._use_last()

    def _use_last(self) -> None:
        for view in (self, *map(self.view, KINDS)):
            view._index = self._indexes[-1]

    def __repr__(self) -> str:
        views = (
            f"  {kind.view}: {', '.join(self.view(kind.name).names())}" for kind in KINDS.values()
        )
        return "\n".join(["<plugnet registry", *views]) + ">"


registry = Registry()
