"""Building: from a class to an object, for the components of one kind or of all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from plugnet.errors import ArgumentError, ComponentSignatureError, RegistrationError, shown
from plugnet.interfaces import Component
from plugnet.registry.entries import Entry
from plugnet.registry.index import Current, Found
from plugnet.registry.kinds import KINDS, Kind
from plugnet.registry.names import PATTERN, Name, close, did_you_mean, parse

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

    def __init__(self, current: Current, read: Callable[..., Any], kind: Kind | None) -> None:
        """Look at the current index.

        Args:
            current: says which one that is.
            read: builds the component that a spec describes, from the spec and the kind's name.
            kind: the kind; None: all.
        """
        self._current, self._read = current, read
        self._kind, self._kind_name = kind, kind and kind.name

    def build(self, name: str, /, *args: Any, **kwargs: Any) -> T:
        """Return a new component: the class called ``name``, called with the arguments.

        Raises:
            ComponentSignatureError: the arguments do not fit the constructor. Whatever else the
                constructor raises comes as it is, with a note on what was being built.
        """
        return call(self._current.index.locate(name, self._kind_name), args, kwargs)  # type: ignore[no-any-return]

    def get(self, name: str) -> type[T]:
        """Return the class called ``name``."""
        return self._current.index.locate(name, self._kind_name).cls

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
        wrapped = self._wrapped(value)
        if wrapped is not None:
            return self.build(wrapped, value)
        if isinstance(value, str):
            return self.build(value)
        if isinstance(value, tuple | list) and value and isinstance(value[0], str):
            name, *args = value
            last = args[-1] if args else None
            kwargs = args.pop() if isinstance(last, dict) and not is_spec(last) else {}
            return self.build(name, *args, **kwargs)
        if is_spec(value):
            return self._read(value, self._kind_name)  # type: ignore[no-any-return]
        interface = self._kind.interface if self._kind else Component
        if isinstance(value, interface) and not isinstance(value, type | tuple | list):
            return value  # type: ignore[return-value]
        what = f"the class {value.__name__}" if isinstance(value, type) else shown(value)
        raise ArgumentError(
            f"A component of kind {self._kind_name or 'any'} is given as an object, its name, a "
            f"tuple of its name and its arguments, or a spec, but it is {what}.",
            argument=self._kind_name or "component",
            value=value,
        )

    def _wrapped(self, value: Any) -> str | None:
        """Return the component that takes ``value`` as its argument, if it is of such a kind."""
        kind = self._kind
        if kind is None or kind.wraps is None:
            return None
        if isinstance(value, Mapping):
            return kind.wraps if value.get("kind") == kind.wraps else None
        name = value[0] if isinstance(value, tuple | list) and value else value
        if not isinstance(name, str):
            return kind.wraps if isinstance(value, KINDS[kind.wraps].interface) else None
        said, _, bare = name.rpartition(":")
        if said:
            return kind.wraps if said == kind.wraps else None
        index = self._current.index
        is_own, is_wrapped = (
            any(not index.disabler(e) for e in index.matching(Name(each, None, bare)))
            for each in (kind.name, kind.wraps)
        )
        return kind.wraps if is_wrapped and not is_own else None

    def names(self) -> tuple[str, ...]:
        """Return the names, sorted, without importing any plugin."""
        index = self._current.index
        usable = (e for e in index.entries() if not (e.always_on or index.disabler(e)))
        return tuple(sorted({entry.name for entry in usable if self._has(entry)}))

    def entries(self) -> tuple[Entry, ...]:
        """Return a record of all that is known, usable or not, without importing any plugin."""
        return tuple(entry for entry in self._current.index.listing() if self._has(entry))

    def find(self, name: str) -> Entry:
        """Return the record of what ``name`` means, without importing any plugin."""
        index = self._current.index
        entry = index.find(parse(name, self._kind_name))
        return entry._replace(state=index.state(entry))

    def info(self, name: str) -> ComponentInfo:
        """Return signature, documentation and place of a component; imports its module."""
        found = self._current.index.locate(name, self._kind_name)
        listing = [e for e in self.entries() if e.kind == found.entry.kind]
        entry = next(e for e in listing if e.order == found.entry.order)
        same = (entry.distribution, entry.value)
        aliases = (e.name for e in listing if (e.distribution, e.value) == same)
        try:
            file = inspect.getsourcefile(found.cls)
            line = inspect.getsourcelines(found.cls)[1]
        except (OSError, TypeError):  # typed at a prompt
            file = line = None
        return ComponentInfo(
            entry=entry,
            aliases=tuple(name for name in aliases if name != entry.name),
            signature=signature(found),
            doc=inspect.cleandoc(found.cls.__doc__ or ""),
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
        if not isinstance(name, str) or not PATTERN.fullmatch(name):
            raise RegistrationError(
                "A name to register must be lower-case letters, digits and underscores, starting "
                f"with a letter, but it is {shown(name)}.",
                kind=self._kind_name,
                name=name,
            )

        def decorate(cls: ClassT) -> ClassT:
            self._register(name, cls, replace)
            return cls

        return decorate

    def _register(self, name: str, cls: type[Any], replace: bool) -> None:
        index, kind = self._current.index, self._kind_of(name, cls)
        value = f"{cls.__module__}:{cls.__qualname__}"
        with index.lock:
            for taken in index.matching(Name(kind, None, name)):
                if taken.value == value and taken.distribution is not None:
                    return  # declared as an entry point as well: one and the same
                if taken.value != value and not replace and not index.disabler(taken):
                    raise RegistrationError(
                        f"The {kind} '{name}' is {taken.value} of {taken.provider} already, so "
                        f"{value} cannot take the name. Choose another, or say replace=True.",
                        kind=kind,
                        name=name,
                    )
            index.add(Entry(kind, name, value, None), cls)

    def _kind_of(self, name: str, cls: type[Any]) -> str:
        """Return the kind to register a class as."""
        kind = self._kind
        if not isinstance(cls, type):
            raise RegistrationError(
                f"Only a class can be registered, but '{name}' would be a {type(cls).__name__}.",
                kind=self._kind_name,
                name=name,
            )
        fitting = [k.name for k in KINDS.values() if issubclass(cls, k.interface)]
        if kind is not None and kind.name in fitting:
            return kind.name
        fitting = [name for name in fitting if KINDS[name].interface is not object]
        if kind is None and len(fitting) == 1:
            return fitting[0]
        wanted = f"plugnet.interfaces.{kind.interface.__name__}" if kind else "one interface"
        views = " or ".join(f"registry.{KINDS[name].view}.register" for name in fitting)
        advice = f", or call {views}" if views and kind is None else ""
        raise RegistrationError(
            f"To be registered as '{name}', {cls.__qualname__} must implement {wanted}, but it "
            f"implements {', '.join(fitting) or 'none'}. Derive it from the interface of its kind"
            f"{advice}.",
            kind=self._kind_name,
            name=name,
        )

    def unregister(self, name: str) -> None:
        """Undo `register`.

        Raises:
            RegistrationError: it is installed, and so can only be disabled.
        """
        index = self._current.index
        entry = index.find(parse(name, self._kind_name))
        if entry.distribution is not None:
            raise RegistrationError(
                f"The {entry.kind} '{entry.name}' belongs to {entry.provider}, so it cannot be "
                "unregistered. Uninstall the plugin, or switch it off with registry.disable().",
                kind=entry.kind,
                name=entry.name,
            )
        index.withdraw(entry.kind, entry.name)

    def _has(self, entry: Entry) -> bool:
        return self._kind_name in (None, entry.kind)

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __repr__(self) -> str:
        return f"<{self._kind_name} registry: {', '.join(self.names())}>"


def call(found: Found, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return a new object of a class; see `View.build`."""
    entry, cls = found
    try:
        return cls(*args, **kwargs)
    except Exception as error:
        if isinstance(error, TypeError) and (why := misfit(found, args, kwargs)) is not None:
            passed = [shown(value) for value in args]
            passed += [f"{key}={shown(value)}" for key, value in kwargs.items()]
            raise ComponentSignatureError(
                f"{entry.kind} '{entry.name}' cannot be built from these arguments: {why}\n"
                f"  Signature: {signature(found)}\n  You passed: ({', '.join(passed)})",
                kind=entry.kind,
                name=entry.name,
            ) from None
        place = f"{cls.__module__}:{cls.__qualname__}"
        error.add_note(f"while building {entry.kind} '{entry.name}' ({place})")
        raise


def signature(found: Found) -> str:
    """Return how a class is called, without annotations: "fc(inputs, outputs)"."""
    known = inspect.signature(found.cls).parameters.values()
    bare = [parameter.replace(annotation=parameter.empty) for parameter in known]
    return f"{found.entry.name}{inspect.Signature(bare)}"


def misfit(found: Found, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Return why arguments do not fit the constructor, or None if they do."""
    known = inspect.signature(found.cls)
    try:
        known.bind(*args, **kwargs)
    except TypeError as error:
        hints = [
            f" Unknown keyword '{key}': {did_you_mean(matches)}"
            for key in kwargs
            if key not in known.parameters and (matches := close(key, known.parameters))
        ]
        return f"{error}.{''.join(hints)}"
    return None


def is_spec(value: object) -> bool:
    """Tell whether ``value`` is a dict that means a component."""
    return isinstance(value, Mapping) and value.keys() >= {"kind", "name", "args"}
