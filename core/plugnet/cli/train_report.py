"""What `plugnet train` prints: what it is about to do, and how that went."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from plugnet import Trainer
from plugnet.cli import data_source
from plugnet.cli.config import Config, TrainingSettings
from plugnet.cli.inference import classes_of, kind_of
from plugnet.cli.prose import columns, wrap
from plugnet.cli.run_directory import contents
from plugnet.cli.text_table import SCALED, number, title
from plugnet.errors import counted
from plugnet.interfaces import DataSplits
from plugnet.registry import registry
from plugnet.training.given import ITERATIONS
from plugnet.training.state import DEFAULT

LONGEST = 50  # characters of a list of classes; a longer one is not shown
MOST_LINES = 3  # of names of columns


def introduction(trainer: Trainer, samples: DataSplits, config: Config) -> str:
    """Return what is trained, and on what."""
    network, settings = trainer.network, config.training
    source, arguments = data_source.call(config.data.reader)
    path = config.data.path or arguments.get("path")
    size = " x ".join(map(str, samples.train.x.shape[1:]))
    size += (" number" if size == "1" else " numbers") * (samples.train.x.ndim == 2)
    tested = 0 if samples.test is None else len(samples.test.x)
    count = sum(p.value.size for p in network.parameters().values() if p.trainable)
    lines = [
        wrap(f"Data:     {source}{'' if path is None else f' {path}'}", 10),
        wrap(
            f"          {counted(len(samples.train.x), 'sample')} to train on, {tested} to test, "
            f"each {size}; {_answers(samples)}",
            0,
        ),
        *(_indented(what) for what in (_validation(settings), *_table(samples))),
        wrap(f"Network:  {' -> '.join(network.layer_names)}", 10),
        f"          {count:,} parameters to train, {network.dtype.name}",
        f"Training: {_length(settings)} of {_counted(trainer.batch_size, 'sample')}, "
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
    for what, names in (("inputs", samples.columns), ("left out", samples.dropped)):
        if names:
            yield _listed(what, names)
    if samples.missing is not None:
        value = "the column's mean" if samples.missing == "mean" else f"{samples.missing:g}"
        yield f"missing values are filled with {value}"


def _listed(what: str, names: Sequence[str]) -> str:
    """Return names that fill at most three lines, and how many more there are."""
    shown = min(len(names), MOST_LINES * columns() // 3)
    while True:
        more = f" and {len(names) - shown} more" * (shown < len(names))
        text = f"{what}: {', '.join(names[:shown])}{more}"
        if shown == 1 or _indented(text).count("\n") < MOST_LINES:
            return text
        shown -= 1


def _indented(text: str) -> str:
    return wrap(f"{'':10}{text}", 0)


def _length(settings: TrainingSettings) -> str:
    if settings.epochs is not None:
        return _counted(settings.epochs, "epoch")
    return _counted(settings.iterations or ITERATIONS, "iteration")


def _counted(count: float, what: str) -> str:
    return f"{count:.15g} {what}{'s' * (count != 1)}"


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
        lines.append(wrap(f"Stopped after {_counted(done, 'iteration')}: {result['stopped']}"))
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
        lines.append(f"{title(name) + ':':<{width}} {shown}")
    run = shlex.quote(str(folder))
    if not result["complete"]:
        lines.append(f"{'Go on:':<{width}} plugnet train --resume {run}")
    for note in result["notes"]:
        lines.append(wrap(f"{'Note:':<{width}} {note}", width + 1))
    lines += [
        f"{'Time:':<{width}} {result['seconds']:.2f} s",
        f"{'Run:':<{width}} {folder}",
        wrap(f"{'':<{width}} {', '.join(contents(folder))}", 0),
        f"{'Next:':<{width}} plugnet evaluate {run}",
        f"{'':<{width}} plugnet predict {run} --data NEW_DATA",
    ]
    return "\n".join(lines)
