"""View: the registry as seen by one kind, with that kind's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from plugnet.errors import ArgumentError
from plugnet.registry.names import shown

if TYPE_CHECKING:
    from plugnet.registry.facade import Registry
    from plugnet.registry.information import Information

T = TypeVar("T")
ClassT = TypeVar("ClassT", bound=type)


class View(Generic[T]):
    """The components of one kind: ``registry.layers``, ``registry.losses`` and so on.

    Names are ``[distribution/]name``. The errors are those of `Registry`.
    """

    def __init__(self, registry: Registry, kind: str, interface: type[Any]) -> None:
        self._registry = registry
        self._kind = kind
        self._interface = interface

    def build(self, name: str, /, *args: Any, **kwargs: Any) -> T:
        """Return a new component: the class called ``name``, called with the arguments."""
        maker = self._registry._maker(name, self._kind)
        return maker(*args, **kwargs)  # type: ignore[no-any-return]

    def get(self, name: str) -> type[T]:
        """Return the class called ``name``."""
        return self._registry._maker(name, self._kind).cls

    def resolve(self, value: Any) -> T:
        """Return the component that ``value`` means.

        Args:
            value: a component of this kind, which is returned as it is; a name; a tuple or list
                of a name and its arguments, where a dict at the end holds keyword arguments; or
                a spec.

        Raises:
            ArgumentError: it is none of these.
        """
        if isinstance(value, str):
            return self.build(value)
        if isinstance(value, tuple | list) and value and isinstance(value[0], str):
            name, *args = value
            last = args[-1] if args else None
            kwargs = args.pop() if isinstance(last, dict) and not is_spec(last) else {}
            return self.build(name, *args, **kwargs)
        if is_spec(value):
            return self._registry.from_spec(value, self._kind)  # type: ignore[no-any-return]
        if isinstance(value, self._interface) and not isinstance(value, type | tuple | list):
            return value  # type: ignore[no-any-return]
        what = f"the class {value.__name__}" if isinstance(value, type) else shown(value)
        raise ArgumentError(
            f"A component of kind {self._kind} is given as an object, its name, a tuple of its "
            f"name and its arguments, or a spec, but it is {what}.",
            argument=self._kind,
            value=value,
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of this kind, sorted, without importing any plugin."""
        return self._registry.names(self._kind)

    def info(self, name: str) -> Information:
        """Return what is known about the component called ``name``; imports its module."""
        return self._registry.info(name, self._kind)

    def register(self, name: str, *, replace: bool = False) -> Callable[[ClassT], ClassT]:
        """Return a class decorator that registers a class of this kind, for this process."""
        return self._registry.register(name, self._kind, replace=replace)

    def unregister(self, name: str) -> None:
        """Undo `register`."""
        self._registry.unregister(name, self._kind)

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __repr__(self) -> str:
        return f"<{self._kind} registry: {', '.join(self.names())}>"


def is_spec(value: object) -> bool:
    """Tell whether ``value`` is a dict that means a component."""
    return isinstance(value, Mapping) and value.keys() >= {"kind", "name", "args"}


def is_description(value: object) -> bool:
    """Tell whether ``value`` describes a component, rather than being one or something else."""
    return isinstance(value, str | tuple | list) or is_spec(value)
