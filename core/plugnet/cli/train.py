"""`plugnet train`: train a network and leave a run directory behind."""

from __future__ import annotations

import json
import math
import platform
import shlex
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import plugnet
from plugnet import Trainer, registry
from plugnet.cli import config_file, configured
from plugnet.cli.config import Config
from plugnet.cli.data import describe
from plugnet.cli.run_directory import (
    CONFUSION,
    HISTORY,
    LOSS,
    MISTAKES,
    MODEL,
    contents,
    run_directory,
    write_result,
)
from plugnet.cli.signals import stopped_by_signals
from plugnet.errors import DivergenceError
from plugnet.interfaces import DataSplits
from plugnet.training.trainer import DEFAULT

Say: TypeAlias = Callable[[str], None]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    configured.add_arguments(parser)
    parser.add_argument("--out", metavar="DIR", help="the run directory; else runs/NAME-NUMBER")
    parser.add_argument("--force", action="store_true", help="replace an older run in --out")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(arguments: Namespace) -> int:
    """Train as the arguments say, and return the exit status."""
    config, name = configured.configured(arguments)
    say = _silent if arguments.quiet or arguments.json else print
    text = config_file.dump(config)
    with run_directory(arguments.out, name, text, arguments.force) as folder:
        trainer, samples = _prepare(config, arguments.threads, folder, say, not arguments.quiet)
        received = _fit(trainer, samples, config, folder)
        trainer.network.save(folder / MODEL)
        result = _result(trainer, samples, config)
        write_result(folder, result)
    _report(result, folder, say)
    if arguments.json:
        print(json.dumps({"directory": str(folder), "files": contents(folder), **result}))
    return 128 + received if received else 0


def _prepare(
    config: Config, threads: int | None, folder: Path, say: Say, bar: bool
) -> tuple[Trainer, DataSplits]:
    """Build the trainer, read the data, and say what they are."""
    trainer, samples = configured.prepare(config, threads)
    network, training = trainer.network, config.training
    # After the config's own hooks: one that changes the weights at the end (early_stop) comes
    # before those that draw how the network answers.
    trainer.hooks += _run_hooks(folder, samples.classes, bar)
    count = sum(p.value.size for p in network.parameters().values() if p.trainable)
    say(f"Data:     {describe(config.data, samples)}")
    say(f"Network:  {' -> '.join(network.layer_names)}")
    say(f"          {count:,} parameters to train, {network.dtype.name}")
    say(f"Training: {training.iterations} iterations of {training.batch_size} samples")
    if training.regularizer == DEFAULT and trainer.regularizer is None:
        say("          without a regularizer, as the optimizer decays the weights itself")
    return trainer, samples


def _run_hooks(folder: Path, classes: tuple[str, ...], bar: bool) -> list[object]:
    """Return the hooks that fill the run directory, and the progress bar."""
    build = registry.hooks.build
    hooks = [
        build("csv_log", str(folder / HISTORY)),
        build("loss_curve", str(folder / LOSS)),
        build("confusion_matrix", str(folder / CONFUSION), classes=classes),
        build("mistakes", str(folder / MISTAKES), classes=classes),
    ]
    return [build("progress"), *hooks] if bar else hooks


def _fit(trainer: Trainer, samples: DataSplits, config: Config, folder: Path) -> int:
    """Train, and return the number of the signal that ended it early, or 0."""
    test = (samples.test_data, samples.test_label) if len(samples.test_data) else None
    with stopped_by_signals(trainer) as received:
        try:
            trainer.fit(
                samples.train_data,
                samples.train_label,
                config.training.iterations,
                test,
                config.training.evaluate_every,
            )
        except DivergenceError as error:
            if trainer.iteration:
                error.add_note(f"{folder} holds the course of the run up to there.")
            raise
    return received[0] if received else 0


def _result(trainer: Trainer, samples: DataSplits, config: Config) -> dict[str, Any]:
    """Judge the finished network, and return the content of ``result.json``."""
    test = None
    if len(samples.test_data):
        test = trainer.evaluate(samples.test_data, samples.test_label)
    return {
        "recognition_rate": test and test.accuracy,
        "loss": test.loss if test and math.isfinite(test.loss) else None,
        "test_samples": len(samples.test_data),
        "iterations": trainer.iteration,
        "stopped": trainer.history.stopped,
        "seconds": round(trainer.history.seconds, 3),
        "seed": config.seed,
        "versions": {
            "plugnet": plugnet.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _report(result: dict[str, Any], folder: Path, say: Say) -> None:
    if result["stopped"]:
        say(f"Stopped after {result['iterations']} iterations: {result['stopped']}")
    if result["recognition_rate"] is not None:
        wrong = round((1 - result["recognition_rate"]) * result["test_samples"])
        say(
            f"Recognition rate: {result['recognition_rate']:.4f} "
            f"({wrong} of {result['test_samples']} test samples wrong)"
        )
    if result["loss"] is not None:
        say(f"Test loss:        {result['loss']:.4f}")
    say(f"Time:             {result['seconds']:.2f} s")
    say(f"Run directory:    {folder}")
    say(textwrap.fill(", ".join(contents(folder)), 78, initial_indent="  ", subsequent_indent="  "))
    say(f"Next:             plugnet evaluate {shlex.quote(str(folder))}")


def _silent(_: str) -> None:
    """Say nothing."""
