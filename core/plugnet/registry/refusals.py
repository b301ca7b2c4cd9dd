"""What is said about a value that is given as a component and means none."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Final

from plugnet.errors import ArgumentError, shown
from plugnet.interfaces import Component
from plugnet.registry.kinds import KINDS

#: How a component of each kind is written.
EXAMPLES: Final = {
    "layer": '("fc", 784, 50)',
    "activation": '"tanh"',
    "loss": '"softmax_with_loss"',
    "initializer": '"he_normal"',
    "lr_policy": '("fixed", 0.1)',
    "optimizer": '("sgd", 0.9)',
    "regularizer": '("l2", 0.001)',
    "dataset": '("csv", "table.csv")',
    "hook": '"progress"',
    "metric": '"accuracy"',
}

#: What a number may have meant; {} stands for it.
NUMBERS: Final = {
    "layer": 'For that many outputs write ("fc", {{"outputs": {}}}).',
    "initializer": 'For that value everywhere write ("constant", {}).',
    "lr_policy": 'For a constant rate write ("fixed", {}).',
    "optimizer": 'For that momentum write ("sgd", {0}); for that rate, policy=("fixed", {0}).',
    "regularizer": 'For that strength write ("l2", {}).',
    "metric": 'For the best of several answers write ("top_k", {}).',
}
COUNTS: Final = {"layer": Integral, "metric": Integral}  # of which only whole numbers mean it


def refused(kind: str | None, value: Any) -> ArgumentError:
    """Return the error for a value that is not a component of ``kind`` (None: any)."""
    example = EXAMPLES.get(kind or "layer", "")
    what = f"the class {value.__name__}" if isinstance(value, type) else shown(value)
    return ArgumentError(
        f"A component of kind {kind or 'any'} is given as an object, its name, a tuple or list of "
        f"its name and its arguments, or a spec, such as {example}, but it is {what}. "
        f"{_advice(kind, value)}".rstrip(),
        argument=kind or "component",
        value=value,
    )


def _advice(kind: str | None, value: Any) -> str:
    """Return what to write instead, or "" if that cannot be told."""
    interface = KINDS[kind].interface if kind else Component
    first = value[0] if isinstance(value, tuple | list) and value else None
    if isinstance(value, type) and issubclass(value, interface):
        return f"Write {value.__name__}(), an object of it."
    if isinstance(first, type) and issubclass(first, interface):
        return f"Write {first.__name__}(...), an object of it."
    if kind == "layer" and first is not None:
        return "For layers in a row write ['chain', [...]]."
    is_number = isinstance(value, COUNTS.get(kind or "", Real)) and not isinstance(value, bool)
    if kind in NUMBERS and is_number:
        return NUMBERS[kind].format(value)
    for other in KINDS.values():
        if isinstance(value, Component) and isinstance(value, other.interface):
            return f"That is of kind {other.name}."
    if kind and callable(value):
        methods = " and ".join(sorted(interface.__abstractmethods__))
        return (
            f"Write a class that derives from plugnet.interfaces.{interface.__name__} and "
            f"implements {methods}, and give an object of it."
        )
    return ""
