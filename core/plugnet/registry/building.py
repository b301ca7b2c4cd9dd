"""Building: from a class to an object, for the components of one kind or of all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from plugnet.errors import ComponentSignatureError, RegistrationError, shown
from plugnet.interfaces import Component
from plugnet.registry.entries import Entry
from plugnet.registry.index import Index
from plugnet.registry.kinds import DESCRIBABLE, KINDS
from plugnet.registry.loading import Found
from plugnet.registry.names import PATTERN, Name, matches, parse
from plugnet.registry.refusals import refused
from plugnet.registry.specs import check, is_spec, look_up

T = TypeVar("T")
ClassT = TypeVar("ClassT", bound=type)


class ComponentInfo(NamedTuple):
    """One component, as `View.info` describes it.

    Attributes:
        entry: its name, provider, version and state.
        aliases: other names of the same kind, distribution and class.
        signature: how it is called, "fc(inputs, outputs)".
        doc: its documentation; "" if there is none.
        file: where its class is written, or None if that is not in a file.
        line: the line in that file, or None.
    """

    entry: Entry
    aliases: tuple[str, ...]
    signature: str
    doc: str
    file: str | None
    line: int | None


class View(Generic[T]):
    """The components of one kind, ``registry.layers`` for example, or of all kinds, `Registry`.

    Names are ``[kind:][distribution/]name``. Every method that takes one raises

    * `UnknownComponentError`: nobody provides the name;
    * `AmbiguousNameError`: several do; write the distribution or the kind before it;
    * `DisabledPluginError`: the plugin that provides it is switched off;
    * `PluginLoadError`: that plugin cannot be used;
    * `ArgumentError`: it cannot be a name.
    """

    def __init__(self, index: Index, kind: str | None) -> None:
        """Look at an index.

        Args:
            index: says what there is; `Registry.isolated` puts another in its place for a while.
            kind: the kind of component; None: all.
        """
        self._index, self._kind = index, kind

    def build(self, name: str, /, *args: Any, **kwargs: Any) -> T:
        """Return a new component: the class called ``name``, called with the arguments.

        Raises:
            ComponentSignatureError: the arguments do not fit the constructor. Whatever else the
                constructor raises comes as it is, with a note on what was being built.
        """
        return call(self._index.locate(name, self._kind), args, kwargs)  # type: ignore[no-any-return]

    def get(self, name: str) -> type[T]:
        """Return the class called ``name``."""
        return self._index.locate(name, self._kind).cls

    def resolve(self, value: Any) -> T:
        """Return the component that ``value`` means.

        A component that takes others as arguments calls this for each, so that users may write
        ``("fc", 784, 50, {"initializer": "he_normal"})``.

        Args:
            value: a component of this kind, which is returned as it is; a name; a tuple or list
                of a name and its arguments, where a dict at the end holds keyword arguments; or
                a spec. For a layer an activation may be given in all these ways; it is wrapped in
                the layer "activation".

        Raises:
            ArgumentError: it is none of these.
        """
        wraps = KINDS[self._kind].wraps if self._kind else None
        if wraps and self._is_of_kind(wraps, value):
            return self.build(wraps, value)
        if isinstance(value, str):
            return self.build(value)
        if isinstance(value, tuple | list) and value and isinstance(value[0], str):
            name, *args = value
            last = args[-1] if args else None
            is_keywords = isinstance(last, dict) and all(isinstance(key, str) for key in last)
            kwargs = args.pop() if is_keywords and not is_spec(last) else {}
            return self.build(name, *args, **kwargs)
        if is_spec(value):
            return from_spec(self._index, value, self._kind)  # type: ignore[no-any-return]
        interface = KINDS[self._kind].interface if self._kind else Component
        if isinstance(value, interface) and not isinstance(value, type | tuple | list):
            return value  # type: ignore[return-value]
        raise refused(self._kind, value)

    def _is_of_kind(self, kind: str, value: Any) -> bool:
        """Tell whether ``value`` means a component of ``kind``, and not one of the view's kind."""
        if isinstance(value, Mapping):
            said = value.get("kind")
            return isinstance(said, str) and said == kind
        text = value[0] if isinstance(value, tuple | list) and value else value
        if not isinstance(text, str):
            return isinstance(value, KINDS[kind].interface)
        name = parse(text)
        kinds = {entry.kind for entry in self._index.usable(name)}
        return name.kind == kind or (kind in kinds and self._kind not in kinds)

    def names(self) -> tuple[str, ...]:
        """Return the names, sorted, without importing any plugin."""
        index = self._index
        usable = (e for e in index.entries() if not (e.always_on or index.disabler(e)))
        return tuple(sorted({entry.name for entry in usable if self._kind in (None, entry.kind)}))

    def entries(self) -> tuple[Entry, ...]:
        """Return a record of all that is known, usable or not, without importing any plugin."""
        return tuple(e for e in self._index.listing() if self._kind in (None, e.kind))

    def find(self, name: str) -> Entry:
        """Return the record of what ``name`` means, without importing any plugin."""
        entry = self._index.find(parse(name, self._kind))
        return entry._replace(state=self._index.state(entry))

    def info(self, name: str) -> ComponentInfo:
        """Return signature, documentation and place of a component; imports its module."""
        found = self._index.locate(name, self._kind)
        entry, cls = found
        alike = (e for e in self._index.entries() if e._replace(name=entry.name) == entry)
        try:
            file = inspect.getsourcefile(cls)
            line = inspect.getsourcelines(cls)[1]
        except (OSError, TypeError):  # typed at a prompt
            file = line = None
        return ComponentInfo(
            entry=entry._replace(state=self._index.state(entry)),
            aliases=tuple(other.name for other in alike if other.name != entry.name),
            signature=found.signature,
            doc=inspect.cleandoc(cls.__doc__ or ""),
            file=file,
            line=line,
        )

    def register(self, name: str, *, replace: bool = False) -> Callable[[ClassT], ClassT]:
        """Return a class decorator that registers a class under ``name``, for this process.

        Args:
            name: lower-case letters, digits and underscores.
            replace: whether it may take a name that is in use. The same class defined once more,
                as by running a notebook cell again, always may.

        Raises:
            RegistrationError: the name is malformed or taken, or the class is of another kind, or
                of none.
        """
        if not matches(PATTERN, name):
            raise RegistrationError(
                "A name to register must be lower-case letters, digits and underscores, starting "
                f"with a letter, but it is {shown(name)}.",
                kind=self._kind,
                name=name,
            )
        return partial(self._register, name, replace)

    def _register(self, name: str, replace: bool, cls: ClassT) -> ClassT:
        entry = Entry(self._kind_of(name, cls), name, f"{cls.__module__}:{cls.__qualname__}", None)
        with self._index.lock:
            for taken in self._index.matching(Name(entry.kind, None, name)):
                if taken.value == entry.value and taken.distribution is not None:
                    return cls  # declared as an entry point as well: one and the same
                if taken.value != entry.value and not (replace or self._index.disabler(taken)):
                    raise RegistrationError(
                        f"The {entry} is {taken.value} of {taken.provider} already, so "
                        f"{entry.value} cannot take the name. Choose another, or say replace=True.",
                        **entry.culprits,
                    )
            self._index.add(entry, cls)
        return cls

    def _kind_of(self, name: str, cls: type[Any]) -> str:
        """Return the kind to register a class as: the view's, or the only one that it is of."""
        wanted = [self._kind] if self._kind else DESCRIBABLE
        interfaces = {kind: KINDS[kind].interface for kind in wanted if isinstance(cls, type)}
        kinds = [kind for kind in interfaces if issubclass(cls, interfaces[kind])]
        if len(kinds) == 1:
            return kinds[0]
        raise RegistrationError(
            f"Only a class of one kind, {' or '.join(wanted)}, can be registered as '{name}', but "
            f"{shown(cls)} is of {' and '.join(kinds) or 'none'}. Derive it from the interface of "
            "its kind, or register it with the view of one, such as registry.activations.register.",
            kind=self._kind,
            name=name,
        )

    def unregister(self, name: str) -> None:
        """Undo `register`.

        Raises:
            RegistrationError: it is installed, and so can only be disabled.
        """
        with self._index.lock:
            entry = self._index.find(parse(name, self._kind))
            if entry.distribution is not None:
                raise RegistrationError(
                    f"The {entry} belongs to {entry.provider}, so it cannot be unregistered. "
                    "Uninstall the plugin, or switch it off with registry.disable().",
                    **entry.culprits,
                )
            self._index.withdraw(entry)

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __repr__(self) -> str:
        return f"<{self._kind} registry: {', '.join(self.names())}>"

    def _repr_html_(self) -> str:
        from plugnet.registry.listing import listing  # late: only notebooks ask

        views = {kind.view: kind.name for kind in KINDS.values() if self._kind in (None, kind.name)}
        entries = self.entries()
        found = {view: [e for e in entries if e.kind == kind] for view, kind in views.items()}
        return listing("Registry", found, self._index.registered)


def call(found: Found, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return a new object of a class; see `View.build`."""
    entry, cls = found
    try:
        return cls(*args, **kwargs)
    except Exception as error:
        if isinstance(error, TypeError) and (why := found.misfit(args, kwargs)) is not None:
            passed = [*map(shown, args), *(f"{key}={shown(kwargs[key])}" for key in kwargs)]
            raise ComponentSignatureError(
                f"{entry} cannot be built from these arguments: {why}\n"
                f"  Signature: {found.signature}\n  You passed: ({', '.join(passed)})",
                **entry.culprits,
            ) from None
        error.add_note(f"while building {entry} ({cls.__module__}:{cls.__qualname__})")
        raise


def from_spec(index: Index, spec: Any, kind: str | None) -> Any:
    """Return the component that a spec describes; see `Registry.from_spec`."""
    check(index, [spec], kind)
    return _built(index, spec)


def _built(index: Index, value: Any) -> Any:
    """Return a checked value with the components that the specs in it describe, innermost first."""
    if isinstance(value, list | tuple):
        return [_built(index, item) for item in value]
    if is_spec(value):
        found, note = look_up(index, value)
        args = {name: _built(index, item) for name, item in value["args"].items()}
        try:
            return call(found, (), args)
        except Exception as error:
            if note:
                error.add_note(note)
            raise
    if isinstance(value, dict):
        return {key: _built(index, item) for key, item in value.items()}
    return value
