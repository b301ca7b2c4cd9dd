"""From what a user writes for a network's layers to layers with names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from plugnet.interfaces import Activation, Layer
from plugnet.registry import registry


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
