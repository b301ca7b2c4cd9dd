"""The kinds of component, in one table. A new kind is one row of `Kinds`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from plugnet.interfaces import (
    Activation,
    Dataset,
    Initializer,
    Layer,
    Loss,
    LRPolicy,
    Optimizer,
    Regularizer,
)
from plugnet.registry.view import View

if TYPE_CHECKING:
    from plugnet.registry.facade import Registry

T = TypeVar("T")

CORE: Final = "plugnet"  # the distribution whose entry points are the built-in components
API_GROUP: Final = "plugnet.api"
API_VERSION: Final = 2  # of the plugin API; a plugin written for this or the one before is accepted
FIRST_API: Final = 2  # that was released; a plugin without a mark is taken to be written for it


class Kind(Generic[T]):
    """One kind of component. As an attribute of the registry it gives the kind's typed view.

    Attributes:
        name: the word for one of them, as in a spec: "layer".
        interface: the class that all of them implement.
        group: the entry-point group in which distributions declare them.
        view: the attribute of the registry: "layers".
    """

    def __init__(self, name: str, interface: type[Any], group: str) -> None:
        self.name = name
        self.interface = interface
        self.group = group

    def __set_name__(self, owner: type[Kinds], view: str) -> None:
        self.view = view

    @overload
    def __get__(self, registry: None, owner: type[Registry]) -> Kind[T]: ...

    @overload
    def __get__(self, registry: Registry, owner: type[Registry]) -> View[T]: ...

    def __get__(self, registry: Registry | None, owner: type[Registry]) -> Kind[T] | View[T]:
        if registry is None:
            return self
        # Kept in the instance, where the next access finds it without coming here.
        view: View[T] = View(registry, self.name, self.interface)
        return registry.__dict__.setdefault(self.view, view)  # type: ignore[no-any-return]


class Kinds:
    """The table: the name of the view, then kind, interface and entry-point group."""

    layers = Kind[Layer]("layer", Layer, "plugnet.layers")
    activations = Kind[Activation]("activation", Activation, "plugnet.activations")
    losses = Kind[Loss]("loss", Loss, "plugnet.losses")
    initializers = Kind[Initializer]("initializer", Initializer, "plugnet.initializers")
    lr_policies = Kind[LRPolicy]("lr_policy", LRPolicy, "plugnet.lr_policies")
    optimizers = Kind[Optimizer]("optimizer", Optimizer, "plugnet.optimizers")
    regularizers = Kind[Regularizer]("regularizer", Regularizer, "plugnet.regularizers")
    datasets = Kind[Dataset]("dataset", Dataset, "plugnet.datasets")
    hooks = Kind[Any]("hook", object, "plugnet.hooks")  # any class; its methods are the contract


KINDS: Final[dict[str, Kind[Any]]] = {
    kind.name: kind for kind in vars(Kinds).values() if isinstance(kind, Kind)
}
