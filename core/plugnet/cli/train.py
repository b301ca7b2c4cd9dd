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
from plugnet.arrays import Shape
from plugnet.cli import config_file, run_setup
from plugnet.cli.config import Config, TrainingSettings
from plugnet.cli.data_warnings import warn_of_data
from plugnet.cli.inference import classes_of, kind_of
from plugnet.cli.json_number import or_null
from plugnet.cli.run_directory import (
    CONFUSION,
    HISTORY,
    LOSS,
    MISTAKES,
    MODEL,
    contents,
    digest,
    run_directory,
    write_result,
)
from plugnet.errors import DivergenceError
from plugnet.evaluation import Evaluation
from plugnet.interfaces import DataSplits

#: Classes in a confusion matrix; of more nobody sees the cells.
MOST_DRAWN = 200


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    run_setup.add_arguments(parser)
    parser.add_argument(
        "--out", metavar="DIR", help="the run directory; by default runs/NAME-NUMBER"
    )
    parser.add_argument("--force", action="store_true", help="replace an older run in --out")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(arguments: Namespace) -> int:
    """Train as the arguments say, and return the exit status."""
    config, name = run_setup.configured(arguments)
    is_verbose = not (arguments.quiet or arguments.json)
    text = config_file.dump(config)
    with run_directory(arguments.out, name, text, arguments.force) as folder:
        trainer, samples, config = run_setup.build(config, arguments.threads)
        # After the config's own hooks: one that changes the weights at the end (early_stop) comes
        # before those that draw what the network predicts.
        trainer.hooks += _run_hooks(folder, samples, config, with_bar=not arguments.quiet)
        if is_verbose:
            from plugnet.cli import train_report

            print(train_report.introduction(trainer, samples, config))
        warn_of_data(samples, config.data)
        received = _fit(trainer, samples, config.training, folder)
        trainer.model.save(folder / MODEL)
        result = _result(trainer, samples, config.training)
        write_result(folder, result)
    if is_verbose:
        print(train_report.summary(trainer, samples, result, folder))
    if arguments.json:
        print(json.dumps({"directory": str(folder), "files": contents(folder), **result}))
    return 128 + received if received else 0


def _run_hooks(folder: Path, samples: DataSplits, config: Config, with_bar: bool) -> list[object]:
    """Return the hooks that fill the run directory, and the progress bar.

    There are no pictures of answers if nothing is evaluated, if answers are not classes, or are too
    many of them to see; and no mistakes if there are no images.
    """
    build = registry.hooks.build
    hooks = [
        build("csv_log", str(folder / HISTORY)),
        build("loss_curve", str(folder / LOSS)),
    ]
    is_judged = samples.test is not None or config.training.validation != "none"
    if is_judged and kind_of(samples) == "class":
        if len(classes_of(samples)) <= MOST_DRAWN:
            hooks.append(build("confusion_matrix", str(folder / CONFUSION)))
        if not samples.columns and _are_images(samples.train.x.shape[1:]):
            hooks.append(build("mistakes", str(folder / MISTAKES)))
    return [build("progress"), *hooks] if with_bar else hooks


def _are_images(shape: Shape) -> bool:
    """Tell whether samples are images, or rows of pixels of square ones."""
    side = math.isqrt(shape[0])
    return len(shape) == 3 or (len(shape) == 1 and side >= 4 and side * side == shape[0])


def _fit(trainer: Trainer, samples: DataSplits, settings: TrainingSettings, folder: Path) -> int:
    """Train, and return the number of the signal that ended it early, or 0."""
    with _stopped_by_signals(trainer) as received:
        try:
            trainer.fit(
                samples,
                iterations=settings.iterations,
                epochs=settings.epochs,
                evaluate_every=settings.evaluate_every,
                validation=None if settings.validation == "none" else settings.validation,
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


def _result(trainer: Trainer, samples: DataSplits, settings: TrainingSettings) -> dict[str, Any]:
    """Return the content of ``result.json``: what the weights at the end do."""
    history = trainer.history
    test = _numbers(history.at_end("test"))
    return {
        "accuracy": test.get("accuracy"),
        "loss": test.get("loss"),
        "test": test,
        "validation": _numbers(history.at_end("validation")),
        "validation_on": settings.validation,
        "test_sha256": None if samples.test is None else digest(samples.test),
        "test_samples": _tested(samples, settings),
        "iterations": history.iteration,
        "iterations_done": len(history.loss),
        "stopped": history.stopped,
        "seconds": round(history.seconds, 3),
        "seed": trainer.seed,
        "versions": trainer.model.versions,
    }


def _tested(samples: DataSplits, settings: TrainingSettings) -> int:
    """Return the number of test samples, without those whose label is ignored."""
    if samples.test is None:
        return 0
    y = samples.test.y
    return len(y) if settings.ignore_label is None else int((y != settings.ignore_label).sum())


def _numbers(found: Evaluation | None) -> dict[str, float | None]:
    """Return loss and metrics as JSON has them: what is not finite is null."""
    if found is None:
        return {}
    held = {"loss": found.loss, **found.metrics}
    return {name: or_null(value) for name, value in held.items()}
