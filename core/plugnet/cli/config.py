"""Config: what `plugnet train` does, as plain data that a TOML file can hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Annotated, Any, NamedTuple, get_type_hints

from plugnet import Network, Trainer
from plugnet.parameter import MULTIPLIERS


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
    """Whether ``value`` sets multipliers of parameters; an empty table would set nothing."""
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


#: Of a setting that follows the data.
AUTO = "auto"


def _is_fraction(value: object) -> bool:
    return isinstance(value, float) and 0 < value < 1


def _is_weights(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        type(weight) in (int, float) and 0 <= weight < math.inf for weight in value.values()
    )


def or_auto(rule: Rule) -> Rule:
    """Return a rule that also allows "auto"."""
    return Rule(lambda value: value == AUTO or rule.holds(value), f'"auto", or {rule.words}')


TEXT = Rule(lambda value: isinstance(value, str), "a string")
FLAG = Rule(lambda value: isinstance(value, bool), "true or false")
SEED = Rule(lambda value: type(value) is int and value >= 0, "a whole number from 0")
COUNT = Rule(lambda value: type(value) is int and value >= 1, "a whole number from 1")
DTYPE = Rule(lambda value: value in ("float32", "float64"), 'the string "float32" or "float64"')
COMPONENT = Rule(
    _is_component, 'a name, or a list of a name and its arguments, such as ["inv", 0.1]'
)
METRICS = Rule(
    _is_components, 'a list of names, such as ["f1"], or of lists, such as [["top_k", 5]]'
)
HOOKS = Rule(_is_components, 'a list of names, or of lists, such as [["early_stop", 3]]')
VALIDATION = Rule(
    lambda value: value in ("auto", "none", "test") or _is_fraction(value),
    '"auto", "none", "test", or a fraction of the training samples between 0 and 1',
)
EPOCHS = Rule(
    lambda value: type(value) in (int, float) and 0 < value < math.inf, "a number above 0"
)
CLASS_WEIGHT = Rule(
    lambda value: value == "balanced" or _is_weights(value),
    '"balanced", or a table from classes to numbers from 0, such as { yes = 10 }',
)
LABEL = Rule(
    lambda value: isinstance(value, str) or type(value) is int, "a class: a string or whole number"
)
LAYERS = Rule(
    lambda value: bool(value) and _is_components(value),
    'a list of at least one layer, such as [["fc", 784, 50], "tanh", ["fc", 50, 10]]',
)
PATTERNS = Rule(
    _is_patterns,
    "a table from patterns of names to lr_mult and decay_mult, numbers from 0, or trainable, true "
    'or false, such as { "*.bias" = { lr_mult = 2 } }',
)


# A setting that is an argument of these has its default.
NETWORK = signature(Network).parameters
TRAINER = signature(Trainer).parameters
FIT = signature(Trainer.fit).parameters


@dataclass(frozen=True)
class DataSettings:
    """``[data]``: where samples come from. A setting is annotated with its rule.

    Attributes:
        reader: the dataset's name, or its name and arguments.
        path: its argument ``path``, if it takes one. A relative path starts at the config's
            folder.
    """

    reader: Annotated[Any, COMPONENT] = "digits"
    path: Annotated[str | None, TEXT] = None


@dataclass(frozen=True)
class NetworkSettings:
    """``[network]``: the arguments of `Network`. Layers infer the sizes that are left out.

    Attributes:
        layers: "auto" for two hidden layers, behind one that brings the samples to the order of 1.
            The last layer's outputs may be left out.
        parameters: multipliers of rate and decay, and whether to train at all, for patterns of the
            parameters' names.
    """

    layers: Annotated[Any, or_auto(LAYERS)] = AUTO
    dtype: Annotated[str, DTYPE] = NETWORK["dtype"].default
    parameters: Annotated[Mapping[str, Any] | None, PATTERNS] = NETWORK["parameters"].default


@dataclass(frozen=True)
class TrainingSettings:
    """``[training]``: the arguments of `Trainer` and `Trainer.fit`.

    Attributes:
        loss: "auto" for the one that suits classes or real values.
        regularizer: "none" for none, "default" for the trainer's default.
        batch_size: "auto" for 100, or all samples if there are fewer.
        iterations: how many; 800 unless ``epochs`` says something else.
        validation: what to evaluate on during training: a fraction of the training samples, "test"
            for the test samples, "none", or "auto" for a tenth.
        evaluate_every: iterations between two evaluations on the validation part.
        scale_targets: "auto" if they are real values.
        hooks: further hooks, besides those that fill the run directory.
    """

    loss: Annotated[Any, COMPONENT] = AUTO
    optimizer: Annotated[Any, COMPONENT] = TRAINER["optimizer"].default
    policy: Annotated[Any, COMPONENT] = TRAINER["policy"].default
    regularizer: Annotated[Any, COMPONENT] = TRAINER["regularizer"].default
    batch_size: Annotated[Any, or_auto(COUNT)] = AUTO
    iterations: Annotated[int | None, COUNT] = FIT["iterations"].default
    epochs: Annotated[float | None, EPOCHS] = FIT["epochs"].default
    shuffle: Annotated[bool, FLAG] = TRAINER["shuffle"].default
    validation: Annotated[Any, VALIDATION] = AUTO
    evaluate_every: Annotated[int, COUNT] = 100
    metrics: Annotated[tuple[Any, ...] | None, METRICS] = TRAINER["metrics"].default
    class_weight: Annotated[Any, CLASS_WEIGHT] = TRAINER["class_weight"].default
    ignore_label: Annotated[Any, LABEL] = TRAINER["ignore_label"].default
    scale_targets: Annotated[Any, or_auto(FLAG)] = AUTO
    hooks: Annotated[tuple[Any, ...], HOOKS] = TRAINER["hooks"].default


@dataclass(frozen=True)
class Config:
    """All settings. The defaults train on the digits that come with plugnet.

    Attributes:
        seed: what the initial weights and the order of the samples are drawn from.
    """

    seed: int = TRAINER["seed"].default
    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()


SECTIONS = {"data": DataSettings, "network": NetworkSettings, "training": TrainingSettings}

#: The rule of each setting, by its full name.
RULES: dict[str, Rule] = {
    "seed": SEED,
    **{
        f"{section}.{name}": annotation.__metadata__[0]
        for section, settings in SECTIONS.items()
        for name, annotation in get_type_hints(settings, include_extras=True).items()
    },
}
