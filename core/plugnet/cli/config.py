"""Config: what `plugnet train` does, as plain data that a TOML file can say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from plugnet.parameter import MULTIPLIERS
from plugnet.training.trainer import DEFAULT


class Rule(NamedTuple):
    """What a setting must be, as a test and in words."""

    holds: Callable[[Any], bool]
    words: str


def _is_component(value: object) -> bool:
    """Whether ``value`` could name a component: the registry will say whether it does."""
    return isinstance(value[0] if isinstance(value, tuple) and value else value, str)


def _is_components(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_component, value))


def _is_patterns(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_options, value.values()))


def _is_options(value: object) -> bool:
    """Whether ``value`` says of parameters what there is to say; empty, it would say nothing."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and value.keys() <= {*MULTIPLIERS}
        and all(
            isinstance(option, bool)
            if name == "trainable"
            else type(option) in (int, float) and 0 <= option < math.inf
            for name, option in value.items()
        )
    )


TEXT = Rule(lambda value: isinstance(value, str), "a string")
FLAG = Rule(lambda value: isinstance(value, bool), "true or false")
SEED = Rule(lambda value: type(value) is int and value >= 0, "a whole number from 0")
COUNT = Rule(lambda value: type(value) is int and value >= 1, "a whole number from 1")
DTYPE = Rule(lambda value: value in ("float32", "float64"), 'the string "float32" or "float64"')
COMPONENT = Rule(_is_component, 'a name, or a list of a name and its arguments, as ["inv", 0.1]')
COMPONENTS = Rule(_is_components, "a list whose items are names, or lists as [name, argument]")
LAYERS = Rule(
    lambda value: bool(value) and _is_components(value),
    'a list of at least one layer, as [["fc", 784, 50], "tanh", ["fc", 50, 10]]',
)
PATTERNS = Rule(
    _is_patterns,
    "a table from patterns of names to lr_mult and decay_mult, numbers from 0, or trainable, true "
    'or false, as { "*.bias" = { lr_mult = 2 } }',
)


@dataclass(frozen=True)
class DataSettings:
    """``[data]``: where samples come from.

    Attributes:
        reader: the dataset's name, or its name and arguments.
        path: its argument ``path``, if it takes one. A relative path starts at the working
            directory.
    """

    reader: Any = "digits"
    path: str | None = None


@dataclass(frozen=True)
class NetworkSettings:
    """``[network]``: the arguments of `Network`. A layer's size that is not said is inferred.

    Attributes:
        parameters: for patterns of parameters' names the multipliers of rate and decay, and whether
            to train at all.
    """

    layers: tuple[Any, ...] = (
        ("fc", {"outputs": 50}),
        "tanh",
        ("fc", {"outputs": 50}),
        "tanh",
        ("fc", {"outputs": 10}),
    )
    dtype: str = "float32"
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingSettings:
    """``[training]``: the arguments of `Trainer` and `Trainer.fit`.

    Attributes:
        regularizer: "none" for none, "default" for what `Trainer` has by itself.
        evaluate_every: iterations between two tests.
        hooks: further hooks, besides those that fill the run directory.
    """

    loss: Any = "softmax_with_loss"
    optimizer: Any = ("sgd", 0.9)
    policy: Any = ("inv", 0.1)
    regularizer: Any = DEFAULT
    batch_size: int = 100
    iterations: int = 800
    shuffle: bool = True
    evaluate_every: int = 100
    hooks: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Config:
    """All settings. The defaults train on the digits that come with plugnet.

    Attributes:
        seed: what the first weights and the order of the samples are drawn from.
    """

    seed: int = 0
    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()


SECTIONS = ("data", "network", "training")

#: What each setting must be, by its full name.
RULES = {
    "seed": SEED,
    "data.reader": COMPONENT,
    "data.path": TEXT,
    "network.layers": LAYERS,
    "network.dtype": DTYPE,
    "network.parameters": PATTERNS,
    "training.loss": COMPONENT,
    "training.optimizer": COMPONENT,
    "training.policy": COMPONENT,
    "training.regularizer": COMPONENT,
    "training.batch_size": COUNT,
    "training.iterations": COUNT,
    "training.shuffle": FLAG,
    "training.evaluate_every": COUNT,
    "training.hooks": COMPONENTS,
}
