"""What `plugnet train` prints: what it is about to do, and how that went."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from plugnet import Trainer
from plugnet.cli import data_source
from plugnet.cli.config import Config, TrainingSettings
from plugnet.cli.inference import kind_of
from plugnet.cli.prose import wrap
from plugnet.cli.run_directory import contents
from plugnet.interfaces import DataSplits
from plugnet.registry import registry
from plugnet.training.given import ITERATIONS
from plugnet.training.trainer import DEFAULT

LONGEST = 50  # characters of a list of classes; of a longer one only their number is shown


def introduction(trainer: Trainer, samples: DataSplits, config: Config) -> str:
    """Return what is trained, and on what."""
    network, settings = trainer.network, config.training
    source, arguments = data_source.call(config.data.reader)
    path = config.data.path or arguments.get("path")
    size = " x ".join(map(str, samples.train.x.shape[1:]))
    tested = 0 if samples.test is None else len(samples.test.x)
    count = sum(p.value.size for p in network.parameters().values() if p.trainable)
    lines = [
        wrap(f"Data:     {source}{'' if path is None else f' {path}'}", 10),
        wrap(
            f"          {len(samples.train.x)} samples to train on, {tested} to test, each {size}; "
            f"{_answers(samples)}",
            0,
        ),
        *(
            wrap(f"          {what}", 0)
            for what in (_validation(settings), _table(samples))
            if what
        ),
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
        return (
            f"real values{names}" if samples.targets else f"{count} real value{'s' * (count > 1)}"
        )
    classes = samples.classes or range(int(samples.train.y.max()) + 1)
    shown = ", ".join(map(str, classes))
    listed = f": {shown}" if len(shown) <= LONGEST else ""
    return f"{len(classes)} classes{names}{listed}"


def _validation(settings: TrainingSettings) -> str:
    """Return what is validated on, where that must be said."""
    if settings.validation == "test":
        return "validated on the test samples, which are then no independent test"
    if settings.validation == "none":
        return ""
    return f"{settings.validation:.0%} of the training samples set aside for validation"


def _table(samples: DataSplits) -> str:
    """Return what was done with a table's columns, or ""."""
    done = f"left out: {', '.join(samples.dropped)}" if samples.dropped else ""
    if samples.missing is None:
        return done
    filled = "missing values filled with " + (
        "the column's mean" if samples.missing == "mean" else f"{samples.missing:g}"
    )
    return f"{done}; {filled}" if done else filled


def _length(settings: TrainingSettings) -> str:
    if settings.epochs is not None:
        return f"{settings.epochs:g} epochs"
    return f"{settings.iterations or ITERATIONS} iterations"


def summary(result: dict[str, Any], folder: Path) -> str:
    """Return how well the network does, and what to do next."""
    lines = []
    if result["stopped"]:
        done = result["iterations_done"]
        lines.append(wrap(f"Stopped after {done} iterations: {result['stopped']}"))
    if result["iterations"] < result["iterations_done"]:
        lines.append(f"Weights:  those of iteration {result['iterations']}, the best ones")
    part, tested = ("test", result["test_samples"]) if result["test"] else ("validation", 0)
    for name, value in sorted(result[part].items(), key=lambda item: item[0] == "loss"):
        shown = "not finite" if value is None else f"{value:.4f}"
        line = f"{name.capitalize() + ':':<10}{shown} on the {part} samples"
        if name == "accuracy" and tested and value is not None:
            wrong = round((1 - value) * tested)
            line = f"Accuracy: {shown} ({wrong} of {tested} test samples misclassified)"
        lines.append(line)
    lines += [
        f"Time:     {result['seconds']:.2f} s",
        f"Run:      {folder}",
        wrap(f"          {', '.join(contents(folder))}", 0),
        f"Next:     plugnet evaluate {shlex.quote(str(folder))}",
    ]
    return "\n".join(lines)
