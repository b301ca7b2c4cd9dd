"""The first pass of a batch shape through a chain: what each layer gives is checked, and named.

In later passes of that shape nothing is checked: see `plugnet.chain.Chain`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, PlugnetError, ShapeError
from plugnet.interfaces import Layer

#: What a backward pass calls for one layer: its gradients, and what gives dx, as far as needed;
#: and which layer it is.
Stage: TypeAlias = tuple[
    Callable[[Array], None] | None, Callable[[Array], Array | None] | None, int
]


def initialize(
    layer: Layer, name: str, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
) -> None:
    """Initialize a layer for inputs of ``shape``.

    Raises:
        ArgumentError: its parameters are too large.
    """
    try:
        layer.initialize(shape, rng, dtype)
    except PlugnetError:
        raise
    except (MemoryError, ValueError) as error:  # NumPy raises either for a size beyond all
        raise ArgumentError(
            f"The parameters of layer '{name}', {layer!r}, cannot be made for inputs of shape "
            f"{shape}: {error}. If it is too large for the memory, make it smaller.",
            argument="layers",
            value=layer,
        ) from error


def forward(
    layers: Mapping[str, Layer],
    shapes: Sequence[Shape],
    x: Array,
    dtype: np.dtype[Any],
    training: bool,
) -> Array:
    """Return what the last layer gives.

    Args:
        layers: by name, first to last.
        shapes: of one sample after each.
        x: ``(N, *shape)``.
        dtype: that each layer must give: that of ``x``, unless the first takes samples as stored.
        training: whether to prepare each layer, and to let it keep what a backward pass reads.
    """
    for (name, layer), shape in zip(layers.items(), shapes, strict=True):
        try:
            if training:
                layer.prepare(x.shape, x.dtype)
            y = layer.forward(x, training)
        except Exception as error:
            _locate(error, f"a {'training ' * training}forward of layer '{name}'", len(x))
            raise
        _check(y, (len(x), *shape), dtype, f"{type(layer).__name__}.forward", name)
        x = y
    return x


def backprop(
    layers: Mapping[str, Layer],
    batch_shapes: Sequence[Shape],
    dy: Array,
    stages: Sequence[Stage],
    last: int,
) -> Array:
    """Go back through the stages, and return what the last of them returns.

    Args:
        layers: by name, first to last.
        batch_shapes: of what goes into each layer, and out of the last.
        dy: the gradient of the loss with respect to the last outputs.
        stages: what to call.
        last: the number of the layer that gives no dx.
    """
    if dy.shape != batch_shapes[-1]:
        raise ShapeError(
            "The gradient must have the shape of the last training outputs, "
            f"{batch_shapes[-1]}, but it has {np.shape(dy)}. Give what the loss's backward "
            "returned for them.",
            expected=batch_shapes[-1],
            got=np.shape(dy),
        )
    held = list(layers.items())
    for gradients, backward, index in stages:
        name, layer = held[index]
        dx = None
        method = "gradients"
        try:
            if gradients is not None:
                gradients(dy)
            method = "backward"
            if backward is not None:
                dx = backward(dy)
        except Exception as error:
            _locate(error, f"the backward pass of layer '{name}', in {method}", len(dy))
            raise
        if index != last:
            _check(dx, batch_shapes[index], dy.dtype, f"{type(layer).__name__}.backward", name)
            dy = dx  # type: ignore[assignment] # as checked
    return dy


def blame(
    error: Exception,
    layers: Sequence[tuple[str, Layer]],
    failed: int,
    given: object,
    method: str,
) -> NoReturn:
    """Say in which layer ``error`` was raised, or which layer gave it something else than an array.

    Args:
        error: what a pass raised after the first one.
        layers: their names and they, in the order of the pass.
        failed: the number of the layer in which it was raised.
        given: what that layer was given.
        method: which method gave it, "forward" or "backward".
    """
    if not isinstance(given, np.ndarray) and failed:
        name, giver = layers[failed - 1]
        _refuse(f"{type(giver).__name__}.{method}", name, f"a {type(given).__name__}", error)
    rows = len(given) if isinstance(given, np.ndarray) else 0
    _locate(error, f"the {method} pass of layer '{layers[failed][0]}'", rows)
    raise error


def _locate(error: Exception, place: str, rows: int) -> None:
    """Add a note that says where an error was raised, and how to need less memory if it is that."""
    error.add_note(f"Raised in {place}.")
    is_first = len(error.__notes__) == 1  # not noted by a chain within
    if isinstance(error, MemoryError) and rows > 1 and is_first:
        error.add_note(
            f"A batch of {rows} samples does not fit into memory. Use smaller ones, such as "
            f"batch_size={rows // 2}, or a smaller layer."
        )


def _check(array: Any, shape: Shape, dtype: np.dtype[Any], method: str, name: str) -> None:
    """Check what a layer's method has returned."""
    if not isinstance(array, np.ndarray):
        _refuse(method, name, f"a {type(array).__name__}")
    if array.shape != shape:
        raise ShapeError(
            f"{method} of layer '{name}' must return an array of shape {shape}, but it returned "
            f"one of shape {array.shape}. Correct it, or the layer's output_shape.",
            expected=shape,
            got=array.shape,
            layer=name,
            method=method,
        )
    if array.dtype != dtype:
        _refuse(method, name, f"one of {array.dtype} for {dtype}")


def _refuse(method: str, name: str, what: str, cause: Exception | None = None) -> NoReturn:
    raise ArgumentError(
        f"{method} of layer '{name}' must return an array of the dtype that it was given, but it "
        f"returned {what}. Correct the layer.",
        argument="layers",
        value=name,
        layer=name,
        method=method,
    ) from cause
