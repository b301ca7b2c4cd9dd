"""Component: what all pieces share, whatever their kind: arguments, copies, and a clear error for
what is not set yet.
"""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

from plugnet.arrays import Array, Shape
from plugnet.errors import MissingStateError, SpecError, brief_call

#: Arguments for a constructor, by name. For a layer the shape of one sample may go with them, or,
#: where only some numbers may come in, samples to use; for an activation, numbers in its domain.
Example: TypeAlias = Mapping[str, Any] | tuple[Mapping[str, Any], Shape | Array]


class Component(ABC):  # noqa: B024 # the interfaces have the abstract methods
    """What all kinds share: a component can describe itself. Only `examples` is overridden.

    A private attribute that `initialize` or `forward` sets is annotated in the class and has no
    value there, ``_weight: Parameter``: until it is set it raises a CallOrderError, whatever is
    done with it.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _stand_in(cls)

    @classmethod
    def examples(cls) -> Sequence[Example]:
        """Return arguments to try the class with; here, once without any.

        Only the kit `plugnet.testing` asks. Override it if the constructor needs arguments, or if
        several choices are worth trying; return an empty list if none work everywhere, as for the
        path of a file. Layers are tried with inputs of many shapes, unless an example says which;
        layers and activations with all sorts of numbers, unless an example gives an array of them:
        ``[({"words": 100}, np.array([[7.0, 0.0], [3.0, 99.0]]))]``.
        """
        return [{}]

    def arguments(self) -> dict[str, object]:
        """Return the constructor's arguments by name, read from the attributes."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, (describe(self),)

    def __repr__(self) -> str:
        return brief_call(self, self.arguments())


# Copies are made from the class and the arguments, never from buffers ----------------------------


class Description(NamedTuple):
    """A component as class and arguments, in which descriptions stand for further components."""

    cls: type[Any]
    arguments: dict[str, Any]


def describe(value: Any) -> Any:
    """Return the description of a component, and anything else with those of all that it holds.

    Raises:
        SpecError: a constructor takes ``*args`` or ``**kwargs``, which no attribute can keep.
    """
    if isinstance(value, Component):
        if (parameter := variadic(type(value))) is not None:
            raise SpecError(
                f"The constructor of {type(value).__name__} takes '{parameter}', and such a "
                "component cannot be copied or described. Name every argument.",
                path="",
            )
        arguments = {name: describe(held) for name, held in value.arguments().items()}
        return Description(type(value), arguments)
    if isinstance(value, list | tuple):
        return _like(value, [describe(item) for item in value])
    if isinstance(value, dict):
        return type(value)((key, describe(item)) for key, item in value.items())
    return value


def rebuild(value: Any) -> Any:
    """Return new components for the descriptions in ``value``."""
    if isinstance(value, Description):
        return value.cls(**{name: rebuild(item) for name, item in value.arguments.items()})
    if isinstance(value, list | tuple):
        return _like(value, [rebuild(item) for item in value])
    if isinstance(value, dict):
        return type(value)((key, rebuild(item)) for key, item in value.items())
    return value


def _like(value: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    """Return a list or tuple of the type of ``value``, a named one included."""
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def variadic(cls: type[Any]) -> inspect.Parameter | None:
    """Return the ``*args`` or ``**kwargs`` of a constructor, which no attribute can keep."""
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return parameter
    return None


# What stands for an attribute until a call sets it -----------------------------------------------


class Unset:
    """Raises, whatever is done with it, and says what to call first.

    So a layer's methods need no check of their own: `backward` simply uses what `forward` keeps. A
    class with a ``__getattr__`` could say it, too, but in Python 3.11 that makes each access to any
    attribute three times as slow: a sixth of the step of a tiny network.
    """

    __isabstractmethod__ = False  # which abc asks of whatever a class holds

    def __init__(self, owner: str, name: str) -> None:
        vars(self).update(_owner=owner, _name=name)

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        own = vars(self)
        raise MissingStateError(
            f"'{own['_owner']}' has no '{own['_name']}' yet. Call initialize before anything else, "
            "and forward with training=True before gradients and backward, which read what it "
            "keeps; a loss's forward before its backward.",
            name=own["_name"],
            obj=self,
        )

    __getattr__ = __getitem__ = __iter__ = __len__ = __bool__ = __index__ = __call__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __matmul__ = __neg__ = __array_ufunc__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rmatmul__ = __array_function__ = _refuse
    __array__ = __lt__ = __le__ = __gt__ = __ge__ = __pow__ = __float__ = __int__ = _refuse

    def __repr__(self) -> str:
        return "<not set yet>"


def _stand_in(cls: type[Any]) -> None:
    """Put an `Unset` wherever a class annotates a private attribute and gives it no value."""
    try:
        annotations = inspect.get_annotations(cls)
    except NameError:  # one that only a type checker can evaluate
        return
    for name in annotations:
        if name.startswith("_") and not hasattr(cls, name):
            setattr(cls, name, Unset(cls.__name__, name))
