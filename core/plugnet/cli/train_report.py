"""What `plugnet train` prints: what it is about to do, and how that went."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plugnet import Trainer
from plugnet.cli import data_source
from plugnet.cli.config import Config, TrainingSettings
from plugnet.cli.inference import classes_of, kind_of
from plugnet.cli.prose import wrap
from plugnet.cli.run_directory import contents
from plugnet.cli.text_table import SCALED, number
from plugnet.errors import counted
from plugnet.interfaces import DataSplits
from plugnet.registry import registry
from plugnet.training.given import ITERATIONS
from plugnet.training.trainer import DEFAULT

LONGEST = 50  # characters of a list of classes or columns; a longer one is not shown


def introduction(trainer: Trainer, samples: DataSplits, config: Config) -> str:
    """Return what is trained, and on what."""
    network, settings = trainer.network, config.training
    source, arguments = data_source.call(config.data.reader)
    path = config.data.path or arguments.get("path")
    size = " x ".join(map(str, samples.train.x.shape[1:]))
    size += " numbers" * (samples.train.x.ndim == 2)
    tested = 0 if samples.test is None else len(samples.test.x)
    count = sum(p.value.size for p in network.parameters().values() if p.trainable)
    lines = [
        wrap(f"Data:     {source}{'' if path is None else f' {path}'}", 10),
        wrap(
            f"          {counted(len(samples.train.x), 'sample')} to train on, {tested} to test, "
            f"each {size}; {_answers(samples)}",
            0,
        ),
        *(wrap(f"          {what}", 0) for what in (_validation(settings), *_table(samples))),
        wrap(f"Network:  {' -> '.join(network.layer_names)}", 10),
        f"          {count:,} parameters to train, {network.dtype.name}",
        f"Training: {_length(settings)} of {trainer.batch_size} samples, "
        f"{registry.name_of(trainer.loss)}",
    ]
    if settings.regularizer == DEFAULT and trainer.regularizer is None:
        lines.append("          no regularizer, because the optimizer decays the weights itself")
    return "\n".join(lines)


def _answers(samples: DataSplits) -> str:
    """Return what is learnt."""
    names = f" of {', '.join(samples.targets)}" if samples.targets else ""
    if kind_of(samples) == "real":
        count = samples.train.y.shape[1]
        return f"real values{names}" if names else counted(count, "real value")
    classes = classes_of(samples)
    shown = ", ".join(map(str, classes))
    listed = f": {shown}" if len(shown) <= LONGEST else ""
    return f"{counted(len(classes), 'class', 'classes')}{names}{listed}"


def _validation(settings: TrainingSettings) -> str:
    """Return what is validated on."""
    if settings.validation == "test":
        return "validated on the test samples, which are then no independent test"
    if settings.validation == "none":
        return "no validation during training"
    return f"{100 * settings.validation:.3g}% of the training samples are set aside for validation"


def _table(samples: DataSplits) -> Iterator[str]:
    """Yield what a table's columns are, and what is done with missing values."""
    inputs = ", ".join(samples.columns)
    if 0 < len(inputs) <= LONGEST:
        yield f"inputs: {inputs}"
    if samples.dropped:
        yield f"left out: {', '.join(samples.dropped)}"
    if samples.missing is not None:
        value = "the column's mean" if samples.missing == "mean" else f"{samples.missing:g}"
        yield f"missing values are filled with {value}"


def _length(settings: TrainingSettings) -> str:
    if settings.epochs is not None:
        return f"{settings.epochs:g} epochs"
    return f"{settings.iterations or ITERATIONS} iterations"


def summary(trainer: Trainer, samples: DataSplits, result: dict[str, Any], folder: Path) -> str:
    """Return how well the network does, and what to do next."""
    is_scaled = trainer.schema is not None and bool(trainer.schema.scales)
    judged = result["test"] or result["validation"]
    part = "test" if result["test"] else "validation"
    is_counted = samples.test is not None and samples.test.weights is None
    tested = result["test_samples"] if result["test"] and is_counted else 0
    lines = []
    if result["stopped"]:
        done = result["iterations_done"]
        lines.append(wrap(f"Stopped after {done} iterations: {result['stopped']}"))
    if result["iterations"] < result["iterations_done"]:
        lines.append(f"The weights are those of iteration {result['iterations']}, the best ones.")
    width = max([9, *(len(name) + 1 for name in judged)])
    for name, value in sorted(judged.items(), key=lambda item: item[0] == "loss"):
        shown = "not finite" if value is None else number(value)
        if name == "accuracy" and tested and value is not None:
            shown += f" ({round((1 - value) * tested)} of {tested} test samples misclassified)"
        elif name != "loss" or len(judged) == 1:
            shown += f" on the {part} samples"
        elif is_scaled:
            shown += SCALED
        lines.append(f"{name.capitalize() + ':':<{width}} {shown}")
    run = shlex.quote(str(folder))
    lines += [
        f"{'Time:':<{width}} {result['seconds']:.2f} s",
        f"{'Run:':<{width}} {folder}",
        wrap(f"{'':<{width}} {', '.join(contents(folder))}", 0),
        f"{'Next:':<{width}} plugnet evaluate {run}",
        f"{'':<{width}} plugnet predict {run} --data NEW_DATA",
    ]
    return "\n".join(lines)
