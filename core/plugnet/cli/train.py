"""`plugnet train`: train a network, and make a directory with everything about the run."""

from __future__ import annotations

import json
import math
import signal
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plugnet import Trainer, registry
from plugnet.cli import config_file, run_setup
from plugnet.cli.config import TrainingSettings
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
from plugnet.errors import DivergenceError
from plugnet.interfaces import DataSplits


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    run_setup.add_arguments(parser)
    parser.add_argument(
        "--out", metavar="DIR", help="the run directory; by default runs/NAME-NUMBER"
    )
    parser.add_argument("--force", action="store_true", help="replace an older run in --out")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(arguments: Namespace) -> int:
    """Train as the arguments say, and return the exit status."""
    config, name = run_setup.configured(arguments)
    is_verbose = not (arguments.quiet or arguments.json)
    text = config_file.dump(config)
    with run_directory(arguments.out, name, text, arguments.force) as folder:
        trainer, samples = run_setup.build(config, arguments.threads)
        # After the config's own hooks: one that changes the weights at the end (early_stop) comes
        # before those that draw what the network predicts.
        trainer.hooks += _run_hooks(folder, samples.classes, with_bar=not arguments.quiet)
        if is_verbose:
            from plugnet.cli import train_report

            print(train_report.introduction(trainer, samples, config))
        received = _fit(trainer, samples, config.training, folder)
        trainer.network.save(folder / MODEL)
        result = _result(trainer, samples)
        write_result(folder, result)
    if is_verbose:
        print(train_report.summary(result, folder))
    if arguments.json:
        print(json.dumps({"directory": str(folder), "files": contents(folder), **result}))
    return 128 + received if received else 0


def _run_hooks(folder: Path, classes: tuple[str, ...], with_bar: bool) -> list[object]:
    """Return the hooks that fill the run directory, and the progress bar."""
    build = registry.hooks.build
    hooks = [
        build("csv_log", str(folder / HISTORY)),
        build("loss_curve", str(folder / LOSS)),
        build("confusion_matrix", str(folder / CONFUSION), classes=classes),
        build("mistakes", str(folder / MISTAKES), classes=classes),
    ]
    return [build("progress"), *hooks] if with_bar else hooks


def _fit(trainer: Trainer, samples: DataSplits, settings: TrainingSettings, folder: Path) -> int:
    """Train, and return the number of the signal that ended it early, or 0."""
    with _stopped_by_signals(trainer) as received:
        try:
            trainer.fit(
                samples.train.x,
                samples.train.y,
                settings.iterations,
                samples.test,
                settings.evaluate_every,
            )
        except DivergenceError as error:
            if trainer.iteration:
                error.add_note(f"{folder} has the history up to that point.")
            raise
    return received[0] if received else 0


@contextmanager
def _stopped_by_signals(trainer: Trainer) -> Iterator[list[int]]:
    """Let the first Ctrl-C or SIGTERM end training after the current step, a second one at once.

    Yields the list to which the number of a received signal is added.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may handle signals
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell lets background jobs ignore Ctrl-C, and None is a handler that is not Python's.
    previous = {n: handler for n, handler in found.items() if handler not in (signal.SIG_IGN, None)}

    def stop(number: int, _: object) -> None:
        received.append(number)
        trainer.stop(f"interrupted by {signal.Signals(number).name}")
        signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _result(trainer: Trainer, samples: DataSplits) -> dict[str, Any]:
    """Evaluate the finished network, and return the content of ``result.json``."""
    accuracy = loss = None
    if samples.test is not None:
        test = trainer.evaluate(samples.test.x, samples.test.y)
        accuracy = test.accuracy
        loss = test.loss if math.isfinite(test.loss) else None
    return {
        "accuracy": accuracy,
        "loss": loss,
        "test_samples": 0 if samples.test is None else len(samples.test.x),
        "iterations": trainer.iteration,
        "stopped": trainer.history.stopped,
        "seconds": round(trainer.history.seconds, 3),
        "seed": trainer.seed,
        "versions": run_setup.versions(),
    }
