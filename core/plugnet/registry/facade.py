"""The registry as its users meet it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

from plugnet.errors import ArgumentError, RegistrationError
from plugnet.interfaces import Component
from plugnet.registry import information, registration, writing
from plugnet.registry.discovery import Entry, Problem
from plugnet.registry.index import Index
from plugnet.registry.kinds import CORE, KINDS, Kinds
from plugnet.registry.maker import Maker
from plugnet.registry.names import PATTERN, Name, normalize, parse, shorten, shown
from plugnet.registry.reading import Reader
from plugnet.registry.settings import Settings
from plugnet.registry.view import is_description

ClassT = TypeVar("ClassT", bound=type)


class Registry(Kinds):
    """Builds components by name, from the entry points of all that is installed.

    Names are ``[kind:][distribution/]name``. Nothing is read before the first use, and of the
    plugins only the module that a name needs is imported. Every method that takes a name raises

    * `UnknownComponentError`: nobody provides the name;
    * `AmbiguousNameError`: several do; write the distribution or the kind before it;
    * `DisabledPluginError`: the plugin that provides it is switched off;
    * `PluginLoadError`: that plugin cannot be used;
    * `ArgumentError`: it can be no name.

    Each kind has a typed view with the same methods: ``registry.layers``, ``registry.losses``...
    """

    def __init__(self) -> None:
        self._index = Index()
        self._makers: dict[tuple[str, str | None], Maker] = {}  # by name, and kind of the view

    # Building ------------------------------------------------------------------------------------

    def build(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return a new component: the class called ``name``, called with the arguments.

        Where the constructor's argument is annotated with an interface, what a view's `resolve`
        accepts is accepted: ``registry.build("activation", "tanh")``.

        Raises:
            ComponentSignatureError: the arguments do not fit the constructor.
        """
        return self._maker(name)(*args, **kwargs)

    def get(self, name: str) -> type[Any]:
        """Return the class called ``name``."""
        return self._maker(name).cls

    def _maker(self, name: str, kind: str | None = None) -> Maker:
        """Return what makes the components called ``name``, for the view of ``kind`` if any."""
        try:
            return self._makers[name, kind]
        except (KeyError, TypeError):
            pass  # the search is not inside the handler, whose error would precede every message
        makers, index = self._makers, self._index  # in this order: see `_forget_makers`
        wanted = _wanted(name, kind)
        with index.lock:
            entry = index.find(wanted)
        maker = makers[name, kind] = Maker(entry, index.loader.load(entry), self._resolvers())
        return maker

    def _forget_makers(self) -> None:
        """Begin a new table after any change; whoever is still searching fills the old one."""
        self._makers = {}

    # What there is -------------------------------------------------------------------------------

    def names(self, kind: str | None = None) -> tuple[str, ...]:
        """Return the names of one kind or all, sorted, without importing any plugin."""
        known = {
            entry.name
            for entry in self._index.entries()
            if kind in (None, entry.kind) and self._index.offers(entry)
        }
        return tuple(sorted(known))

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """Return a record of all that is known, usable or not, without importing any plugin."""
        return self._index.listing(kind)

    def find(self, name: str, kind: str | None = None) -> Entry:
        """Return the record of what ``name`` means, without importing any plugin."""
        entry = self._index.find(_wanted(name, kind))
        return entry._replace(state=self._index.state(entry))

    def info(self, name: str, kind: str | None = None) -> information.Information:
        """Return signature, documentation and place of a component; imports its module."""
        maker = self._maker(name, kind)
        return information.describe(maker, self.entries(maker.entry.kind))

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with installed plugins, as far as it shows without imports."""
        return self._index.problems()

    def name_of(self, component: object) -> str | None:
        """Return the registered name of a component's class, or None if there is none."""
        entry = self._index.entry_of(type(component))
        return None if entry is None else entry.name

    def standing_hooks(self) -> list[tuple[str, ModuleType]]:
        """Import and return the hook modules that act in every Trainer, each with its name.

        One that cannot be imported is left out, with a PluginWarning.
        """
        return self._index.standing_hooks()

    # Specs ---------------------------------------------------------------------------------------

    def spec(self, component: Component) -> dict[str, Any]:
        """Return a component's spec, as ``component.spec()`` does."""
        return writing.write(self._index, component)

    def from_spec(self, spec: Mapping[str, Any], kind: str | None = None) -> Any:
        """Build the component that ``spec`` describes, from registered names alone.

        Raises:
            SpecError: it is no spec; nothing has been built.
            MissingComponentsError: it needs components that are not available: names them all.
        """
        (plan,) = Reader(self, self._index).read([spec], kind)
        return plan.build()

    def check_specs(self, specs: Iterable[Mapping[str, Any]], kind: str | None = None) -> None:
        """Raise what `from_spec` would before it builds, for all that is missing in ``specs``."""
        Reader(self, self._index).read(list(specs), kind)

    # Changes, for this process -------------------------------------------------------------------

    def register(
        self, name: str, kind: str | None = None, *, replace: bool = False
    ) -> Callable[[ClassT], ClassT]:
        """Return a class decorator that registers a class under ``name``.

        Args:
            name: lower-case letters, digits and underscores.
            kind: the kind; None: that of the interface which the class implements.
            replace: whether it may take a name that is in use. The same class defined once more,
                as by running a notebook cell again, always may.

        Raises:
            RegistrationError: the name is malformed or taken, or the class is of no kind.
        """
        if not isinstance(name, str) or not PATTERN.fullmatch(name):
            raise RegistrationError(
                "A name to register must be lower-case letters, digits and underscores, starting "
                f"with a letter, but it is {shown(name)}.",
                kind=kind,
                name=name,
            )

        def decorate(cls: ClassT) -> ClassT:
            registration.register(self._index, name, kind, cls, replace)
            self._forget_makers()
            return cls

        return decorate

    def unregister(self, name: str, kind: str | None = None) -> None:
        """Undo `register`. What is installed cannot be unregistered, only disabled."""
        registration.unregister(self._index, _wanted(name, kind))
        self._forget_makers()

    def disable(self, distribution: str) -> None:
        """Switch off the plugins of a distribution before anything of theirs is imported."""
        if normalize(distribution) == CORE:
            raise ArgumentError(
                "The built-in components cannot be disabled; name a plugin's distribution.",
                argument="distribution",
                value=distribution,
            )
        self._index.disabled.add(normalize(distribution))
        self._forget_makers()
        self._index.scan()  # warns if there is no such plugin

    def refresh(self) -> None:
        """Read metadata and settings again on the next use, and try again what failed to load.

        Modules that are imported already stay as they are until Python is restarted.
        """
        self._index.forget()
        self._forget_makers()

    @contextmanager
    def isolated(self, plugins: Iterable[str] = ()) -> Iterator[Registry]:
        """Use only plugnet's own components, what the program registered, and some plugins.

        On leaving, by an exception too, everything is as it was before: what was registered,
        loaded or disabled inside is forgotten. May be nested. It holds for all threads.

        Args:
            plugins: the distributions whose plugins are used all the same.
        """
        outside = self._index
        allowed = frozenset(map(normalize, plugins))
        self._index = Index(Settings(allowed=allowed, origin="registry.isolated()"))
        self._index.adopt(outside)
        self._forget_makers()
        try:
            yield self
        finally:
            self._index = outside
            self._forget_makers()

    def _resolvers(self) -> dict[type, Callable[[Any], Any]]:
        """Return, for each interface, what turns descriptions in arguments into components."""

        def resolver(view: str) -> Callable[[Any], Any]:
            resolve = getattr(self, view).resolve
            return lambda value: resolve(value) if is_description(value) else value

        return {
            kind.interface: resolver(kind.view)
            for kind in KINDS.values()
            if kind.interface is not object  # it would say nothing about an argument
        }

    def __repr__(self) -> str:
        views = (f"  {kind.view}: {', '.join(self.names(kind.name))}" for kind in KINDS.values())
        return "\n".join(["<plugnet registry", *views]) + ">"


def _wanted(text: object, kind: str | None) -> Name:
    """Take a name apart; ``kind`` is that of the view that was asked, or None."""
    name = parse(text)
    if kind is None or name.kind == kind:
        return name
    if name.kind is not None:
        raise ArgumentError(
            f"registry.{KINDS[kind].view} has components of kind {kind} only, but the name is "
            f"'{shorten(str(name))}'. Use registry.build, or leave '{name.kind}:' out.",
            argument="name",
            value=text,
        )
    return name._replace(kind=kind)
