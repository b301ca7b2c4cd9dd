"""What a config leaves open, filled in from the data: layers, loss, batch size, validation."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.cli.config import AUTO, Config
from plugnet.data.lazy import LazyArray
from plugnet.data.mapped import mapped_file
from plugnet.data.samples import UNUSUAL
from plugnet.errors import ConfigError
from plugnet.evaluation import gives_probabilities
from plugnet.interfaces import DataSplits, Loss
from plugnet.registry import registry
from plugnet.schema import Label
from plugnet.targets import is_one_hot

HIDDEN: Final = (("fc", {"outputs": 50}), "tanh", ("fc", {"outputs": 50}), "tanh")
VALIDATION: Final = 0.1
FEW: Final = 100  # samples; of fewer none are set aside unless they are asked for


def infer(config: Config, samples: DataSplits) -> Config:
    """Return ``config`` with a value for each setting that is "auto".

    * The last layer has an output for each class, or for each real target.
    * Layers: two hidden ones of 50 tanh neurons; before them standardize for a table, and rescale
      for images of bytes.
    * The loss is softmax_with_loss for classes, least_square_error for real values.
    * Real values are scaled, unless the loss makes probabilities of them.
    * A batch has 100 samples, or all if there are fewer.
    * A tenth of the training samples is for validation, if there are 100 or more in memory.

    Raises:
        ConfigError: a setting cannot be inferred.
    """
    training, kind = config.training, kind_of(samples)
    loss = training.loss
    if loss == AUTO:
        loss = "softmax_with_loss" if kind == "class" else "least_square_error"
    built: Loss = registry.losses.resolve(loss)
    is_scaled = kind == "real" and not gives_probabilities(built)
    layers = config.network.layers
    if layers == AUTO:
        layers = (*_first(samples), *HIDDEN, "fc")
    outputs = len(classes_of(samples, training.ignore_label)) or samples.train.y.shape[1]
    if kind == "class" and built.threshold is not None and outputs == 2:
        outputs = 1
    validation = _validation(training.validation, samples)
    rows = len(samples.train.x)
    left = rows - round(rows * validation) if isinstance(validation, float) else rows
    return replace(
        config,
        network=replace(config.network, layers=with_outputs(layers, outputs)),
        training=replace(
            training,
            loss=loss,
            batch_size=min(100, left) if training.batch_size == AUTO else training.batch_size,
            validation=validation,
            scale_targets=is_scaled if training.scale_targets == AUTO else training.scale_targets,
        ),
    )


def _validation(setting: Any, samples: DataSplits) -> Any:
    """Return what to validate on: a fraction of the training samples, "test" or "none"."""
    if setting == "test" and samples.test is None:
        raise ConfigError(
            'training.validation is "test", but the data have no test samples. Set a fraction, '
            "such as 0.1.",
            key="training.validation",
        )
    if setting != AUTO:
        return setting
    x = samples.train.x
    return VALIDATION if len(x) >= FEW and mapped_file(x) is None else "none"


def kind_of(samples: DataSplits) -> str:
    """Return whether the labels are classes, "class", or real values, "real"."""
    y = samples.train.y
    if samples.classes or y.ndim == 1:
        return "class"
    return "class" if y.shape[1] > 1 and is_one_hot(y).all() else "real"


def with_outputs(layers: tuple[Any, ...], outputs: int) -> tuple[Any, ...]:
    """Return layers whose last one has ``outputs`` outputs, if it takes and lacks a number."""
    *others, last = layers
    name, *args = (last,) if isinstance(last, str) else last
    options = dict(args.pop()) if args and isinstance(args[-1], dict) else {}
    if not isinstance(name, str) or name not in registry.layers.names():
        return layers
    signature = inspect.signature(registry.layers.get(name))
    try:
        given = signature.bind_partial(*args, **options).arguments
    except TypeError:  # the registry will say what is wrong
        return layers
    if "outputs" not in signature.parameters or "outputs" in given:
        return layers
    return (*others, (name, *args, {**options, "outputs": outputs}))


def classes_of(samples: DataSplits, ignore_label: Label | None = None) -> tuple[Label, ...]:
    """Return all classes but the one that is ignored; () for real values."""
    parts = [samples.train.y] if samples.test is None else [samples.train.y, samples.test.y]
    y = parts[0]
    if samples.classes:
        return tuple(label for label in samples.classes if label != ignore_label)
    if y.ndim == 2:
        return tuple(range(y.shape[1])) if kind_of(samples) == "class" else ()
    if y.dtype.kind not in "iu":
        return tuple(label for label in np.unique(y).tolist() if label != ignore_label)
    largest = max(int(part[part != ignore_label].max(initial=0)) for part in parts)
    return tuple(range(largest + 1))


def _first(samples: DataSplits) -> tuple[Any, ...]:
    """Return the layers that bring samples to the order of 1."""
    x = samples.train.x
    if samples.missing is not None:
        return (("standardize", {"missing": samples.missing}),)
    if x.ndim == 2 and (samples.columns or _reaches(x) > UNUSUAL):
        return ("standardize",)
    return (("rescale", 255),) if x.dtype == np.uint8 else ()


def _reaches(x: Array) -> float:
    """Return the magnitude of a table's values, as far as they are in memory or soon read."""
    x = x[x.telling()] if isinstance(x, LazyArray) else x
    return float(max(-float(x.min()), float(x.max())))
