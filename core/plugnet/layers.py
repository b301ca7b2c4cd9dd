"""Layers in a row and in each other: what a user writes for them, their names, their shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from plugnet.arrays import Shape
from plugnet.errors import ArgumentError, PlugnetError, ShapeError, shown
from plugnet.interfaces import Activation, Layer
from plugnet.parameter import Parameter
from plugnet.registry import registry

MOST_DIMENSIONS = 63  # of one sample; NumPy's arrays have 64 axes, and the first is for the samples
BEYOND = 10**60  # no size; so the number of values in any sample has few enough digits to be shown


def as_layers(values: Iterable[Any]) -> tuple[Layer, ...]:
    """Return the layers that ``values`` mean; see `Chain`.

    Raises:
        ArgumentError: they are not a list, or the list is empty.
        RegistryError: a name cannot be built.
    """
    if isinstance(values, Iterable) and not isinstance(values, str | Mapping):
        values = list(values)
        try:
            layers = tuple(map(registry.layers.resolve, values))
        except PlugnetError:
            if _is_one_layer(values):
                raise _no_list(tuple(values)) from None
            raise
        if layers:
            return layers
    raise _no_list(values)


def _is_one_layer(values: Sequence[Any]) -> bool:
    """Tell whether what should be layers is a name and its arguments.

    Raises:
        ArgumentError: it is, and a list is missing in its arguments, too.
    """
    if len(values) < 2 or not isinstance(values[0], str):
        return False
    if any(value is None or isinstance(value, float | int | np.generic) for value in values):
        return True
    try:
        registry.layers.resolve(values)
    except ArgumentError as error:
        if error.argument == "layers":
            raise error from None
        return False
    except PlugnetError:
        return False
    return True


def _no_list(values: Any) -> ArgumentError:
    """Return the error for what is not a list of layers."""
    text = 'The layers must be a list of at least one, such as [("fc", 784, 10)]'
    is_one = bool(values) and isinstance(values, str | tuple | Mapping | Layer | Activation)
    advice = f" A list is missing around it: [{shown(values)}]." if is_one else ""
    return ArgumentError(
        f"{text}, but they are {shown(values)}.{advice}", argument="layers", value=values
    )


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
        ShapeError: it is not a shape.
    """
    sizes = tuple(shape) if isinstance(shape, Iterable) else ()
    if not sizes or len(sizes) > MOST_DIMENSIONS or not all(map(_is_size, sizes)):
        advice = "Samples are the rows of a 2-D array, or images in a 4-D one."
        if any(isinstance(size, str) for size in sizes):
            advice = "If it is a layer, put all layers into one list."
        raise ShapeError(
            "The shape of one sample must be positive whole numbers, as (784,) or (28, 28, 1), "
            f"but it is {shown(shape)}. {advice}",
            expected="positive sizes",
            got=shape,
        )
    return tuple(map(int, sizes))


def _is_size(size: object) -> bool:
    is_whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    return is_whole and 0 < int(size) < BEYOND  # type: ignore[call-overload]


def infer_shapes(layers: Sequence[Layer], names: Sequence[str], shape: Shape) -> list[Shape]:
    """Return the shape after each layer for samples of ``shape``.

    Raises:
        ShapeError: a layer cannot take what it is given; the message names both layers.
    """
    shapes: list[Shape] = []
    giver = "the input"
    for name, layer in zip(names, layers, strict=True):
        try:
            given = layer.output_shape(shape)
        except ShapeError as error:
            raise ShapeError(
                f"Layer '{name}' cannot take what {giver} gives, shape {shape}: {error}",
                expected=getattr(error, "expected", None),
                got=shape,
                layer=name,
            ) from error
        if not isinstance(given, tuple | list) or not all(map(_is_size, given)):
            raise ArgumentError(
                f"{type(layer).__name__}.output_shape of layer '{name}' must return the shape of "
                f"one sample, such as (50,), but it returned {shown(given)}. Correct the layer.",
                argument="layers",
                value=layer,
            )
        shapes.append(shape := tuple(given))
        giver = f"layer '{name}'"
    return shapes


def walk(layers: Mapping[str, Layer], seen: dict[int, str] | None = None) -> dict[str, Layer]:
    """Return ``layers`` and all that they hold, at any depth, by path, as "residual1.fc2".

    Raises:
        ArgumentError: one layer stands in two places: what it keeps is for one place only.
    """
    seen = {} if seen is None else seen
    found: dict[str, Layer] = {}
    for path, layer in layers.items():
        first = seen.setdefault(id(layer), path)
        if first != path:
            raise ArgumentError(
                f"Layer '{first}' is used in a second place, '{path}', but a layer keeps what one "
                f"place needs: {layer!r}. Name it, or give its spec, to get a new one.",
                argument="layers",
                value=layer,
            )
        found[path] = layer
        found |= walk({f"{path}.{name}": held for name, held in layer.inner().items()}, seen)
    return found


def parameters_of(layers: Mapping[str, Layer]) -> dict[str, Parameter]:
    """Return the parameters of layers by path, as "residual1.fc2.weight".

    Args:
        layers: by path, as `walk` gives them.

    Raises:
        ArgumentError: one parameter stands in two places, or a name cannot be part of a path.
    """
    found: dict[str, Parameter] = {}
    seen: dict[int, str] = {}
    for path, layer in layers.items():
        for name, parameter in layer.parameters().items():
            own = f"{path}.{name}"
            first = seen.setdefault(id(parameter), own)
            if first != own or not name.isidentifier():
                problem = (
                    f"The parameter '{first}' is used in a second place, '{own}'. Make one for each"
                    if first != own
                    else f"The name of a parameter must be an identifier, but layer '{path}' has "
                    f"{name!r}. Rename it"
                )
                raise ArgumentError(f"{problem} in the layer.", argument="layers", value=layer)
            found[own] = parameter
    return found


def is_trained(layer: Layer) -> bool:
    """Tell whether a layer, or one that it holds, has anything to train."""
    owned = any(parameter.trainable for parameter in layer.parameters().values())
    return owned or any(map(is_trained, layer.inner().values()))


def is_differentiable(layer: Layer) -> bool:
    """Tell whether a gradient can go back through a layer and all that it holds."""
    return layer.differentiable and all(map(is_differentiable, layer.inner().values()))


def check_differentiable(layers: Mapping[str, Layer]) -> None:
    """Check that a gradient can go back through all ``layers``, given by name.

    Raises:
        ArgumentError: one of them has none with respect to its inputs.
    """
    for name, layer in layers.items():
        if not is_differentiable(layer):
            raise ArgumentError(
                f"Layer '{name}' has no gradient with respect to its inputs "
                f"({type(layer).__name__}.differentiable is False), so none can reach what comes "
                "before it. Put it before all layers that have anything to train.",
                argument="layers",
                value=layer,
            )


def _label(layer: Layer) -> str:
    """Return the layer's registered name; where it wraps an activation, that one's."""
    wrapped = getattr(layer, "activation", None)
    component = wrapped if isinstance(wrapped, Activation) else layer
    return registry.name_of(component) or type(component).__name__.lower()
