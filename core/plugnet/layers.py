"""From what a user writes for a network's layers to layers with names and shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Shape
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Activation, Layer
from plugnet.registry import registry


def as_layers(values: Iterable[Any]) -> tuple[Layer, ...]:
    """Return the layers that ``values`` mean; see `Network`.

    Raises:
        ArgumentError: they are no list, or an empty one.
        RegistryError: a name cannot be built.
    """
    single = isinstance(values, str | Mapping)
    layers = () if single or not isinstance(values, Iterable) else tuple(map(as_layer, values))
    if not layers:
        raise ArgumentError(
            'A network needs a list of at least one layer, as [("fc", 784, 10)], but it was given '
            f"{values!r}.",
            argument="layers",
            value=values,
        )
    return layers


def as_layer(value: Any) -> Layer:
    """Return the layer that ``value`` means; an activation is wrapped in the layer for it."""
    if isinstance(value, Activation) or _names_activation(value):
        return registry.layers.build("activation", value)
    return registry.layers.resolve(value)


def names_of(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return a name for each layer: its registered one and a number, as "fc1", "tanh1", "fc2"."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        label = _label(layer)
        seen[label] += 1
        names.append(f"{label}{seen[label]}")
    return tuple(names)


def as_shape(shape: Sequence[int]) -> Shape:
    """Return the shape of one sample as a tuple.

    Raises:
        ShapeError: it is none.
    """
    sizes = tuple(shape) if isinstance(shape, Iterable) else ()
    if not sizes or not all(map(_is_size, sizes)):
        raise ShapeError(
            "The shape of one sample must be positive whole numbers, as (784,) or (28, 28, 1), "
            f"but it is {shape!r}. Samples are the rows of a 2-D array, or images in a 4-D one.",
            expected="positive sizes",
            got=shape,
        )
    return tuple(map(int, sizes))


def _is_size(size: object) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and int(size) > 0


def infer_shapes(layers: Sequence[Layer], names: Sequence[str], shape: Shape) -> list[Shape]:
    """Return the shape after each layer for samples of ``shape``.

    Raises:
        ShapeError: a layer cannot take what it is given; the message says by whom.
    """
    shapes: list[Shape] = []
    giver = "the network's input"
    for name, layer in zip(names, layers, strict=True):
        try:
            shape = tuple(layer.output_shape(shape))
        except ShapeError as error:
            raise ShapeError(
                f"Layer '{name}' cannot take what {giver} gives, shape {shape}: {error}",
                expected=getattr(error, "expected", None),
                got=shape,
                layer=name,
            ) from error
        shapes.append(shape)
        giver = f"layer '{name}'"
    return shapes


def check_differentiable(layers: Sequence[Layer], names: Sequence[str], first: int = 0) -> None:
    """Check that a gradient can go back through all layers from number ``first`` on.

    Raises:
        ArgumentError: one of them has none by its inputs.
    """
    for layer, name in zip(layers[first:], names[first:], strict=True):
        if not layer.differentiable:
            raise ArgumentError(
                f"Layer '{name}' has no gradient by its inputs ({type(layer).__name__}."
                "differentiable is False), so none can reach what lies before it. Put it before "
                "all layers that have anything to train.",
                argument="layers",
                value=layer,
            )


def _names_activation(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("kind") == "activation"
    name = value[0] if isinstance(value, tuple | list) and value else value
    if not isinstance(name, str):
        return False
    kind, _, bare = name.rpartition(":")
    if kind:
        return kind == "activation"
    return bare in registry.activations.names() and bare not in registry.layers.names()


def _label(layer: Layer) -> str:
    """Return the layer's registered name; where it wraps an activation, that one's."""
    wrapped = getattr(layer, "activation", None)
    component = wrapped if isinstance(wrapped, Activation) else layer
    return registry.name_of(component) or type(component).__name__.lower()
