"""`plugnet train`: train a network, and make a directory with everything about the run."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from plugnet import Trainer
from plugnet.cli import config_file, run_record, run_resumed, run_setup
from plugnet.cli.config import Config, TrainingSettings
from plugnet.cli.data_warnings import warn_of_data
from plugnet.cli.json_number import or_null
from plugnet.cli.noticed_warnings import noticed
from plugnet.cli.output import say
from plugnet.cli.run_directory import (
    CONFIG,
    RECORD,
    RESULT,
    RunDirectory,
    contents,
    resumed,
    run_directory,
    test_digest,
)
from plugnet.cli.run_hooks import (
    Recorded,
    SavedModel,
    SetAside,
    files_of,
    is_checkpoint,
    with_checkpoint,
)
from plugnet.cli.run_record import Record
from plugnet.cli.run_resumed import (
    LENGTHS,
    changes,
    go_on,
    is_complete,
    length,
    note_changes,
    other_than_settings,
)
from plugnet.cli.signals import SIGNALLED, Signals
from plugnet.errors import ConfigError, DivergenceError, PluginWarning
from plugnet.evaluation import Evaluation
from plugnet.interfaces import DataSplits
from plugnet.registry import registry
from plugnet.training import identity


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    run_setup.add_arguments(parser)
    parser.add_argument(
        "--out", metavar="DIR", help="the run directory; by default runs/NAME-NUMBER"
    )
    parser.add_argument("--force", action="store_true", help="replace an older run in --out")
    parser.add_argument(
        "--resume", metavar="RUN", help="go on with a run that was interrupted or killed"
    )
    parser.add_argument(
        "--inexact",
        action="store_true",
        help="go on even if data, settings or versions have changed since",
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(arguments: Namespace) -> int:
    """Train as the arguments say, and return the exit status."""
    signals = Signals()
    _check_together(arguments)
    with signals.handled(), _noted() as notes:
        if arguments.resume is None:
            config, name = run_setup.configured(arguments)
            with run_directory(arguments.out, name, arguments.force) as run:
                return _train(run, config, arguments, signals, notes)
        with resumed(arguments.resume) as (run, record):
            return _resume(run, record, arguments, signals, notes)


def _check_together(arguments: Namespace) -> None:
    """Refuse arguments that contradict each other.

    Raises:
        ConfigError: some do.
    """
    if arguments.resume is None:
        if arguments.inexact:
            raise ConfigError("--inexact needs --resume: it says how a run goes on.", key="inexact")
        return
    for name, shown in (("config", "CONFIG.toml"), ("out", "--out"), ("force", "--force")):
        if getattr(arguments, name):
            raise ConfigError(
                f"--resume goes on with a run in its own folder and with its own settings, so it "
                f"cannot be given together with {shown}. Change settings with --set and --inexact.",
                key=name,
            )


def _resume(
    run: RunDirectory, record: Record, arguments: Namespace, signals: Signals, notes: list[str]
) -> int:
    """Go on with a run, and return the exit status."""
    old = new = config_file.parse(record.config, run.folder / RECORD)
    if (run.folder / CONFIG).exists():  # otherwise it was killed before that
        new = config_file.load(run.folder / CONFIG)
    config = run_setup.reconfigured(new, arguments)
    changed = changes(old, config)
    if not changed and is_complete(run.folder):
        if arguments.json:
            _say_as_json(run.folder, run_record.read(run.folder / RESULT))
        elif not arguments.quiet:
            say(f"{run.folder} is complete: nothing is left to do.")
        return 0
    identity.check([*changed.values()], arguments.inexact)
    return _train(run, config, arguments, signals, notes, changed)


def _train(
    run: RunDirectory,
    config: Config,
    arguments: Namespace,
    signals: Signals,
    notes: list[str],
    changed: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Train in the folder of a run, and return the exit status.

    Args:
        run: the folder.
        config: the settings.
        arguments: of the command.
        signals: that end the training.
        notes: where warnings are added.
        changed: the settings that have changed since the run began, each with how.
    """
    is_verbose = not (arguments.quiet or arguments.json)
    threads = arguments.threads
    if threads is None and run.record is not None:
        threads = run_resumed.threads(run.record)
    text = config_file.dump(config)
    trainer, samples, config = run_setup.build(config, threads)
    own = with_checkpoint(trainer.hooks)
    checkpoint = next(filter(is_checkpoint, own))
    model = SavedModel(run, run.folder / checkpoint.path)
    trainer.hooks = [
        SetAside(run),
        *own,
        model,
        *([] if arguments.quiet else [registry.hooks.build("progress")]),
        *files_of(samples, config),
        Recorded(run, text, checkpoint if changed else None),
    ]
    trainer.keep_files_in(run.files)
    duration = length(config)
    if run.record is not None:
        folders = [checkpoint.path, *run.record.files]
        duration = go_on(trainer, run, config, folders, not changed.keys().isdisjoint(LENGTHS))
        trainer.expect(other_than_settings(run.record.identity), arguments.inexact)
        note_changes(trainer, run.record, changed)
    if is_verbose:
        from plugnet.cli import train_report

        say(train_report.introduction(trainer, samples, config))
    warn_of_data(samples, config.data)
    with _advised(trainer, run.folder):
        with signals.ending(trainer, checkpoint.ask):
            validation = config.training.validation
            trainer.fit(
                samples,
                evaluate_every=config.training.evaluate_every,
                validation=None if validation == "none" else validation,
                **duration,
            )
        if signals.received and not trainer.iteration:
            raise KeyboardInterrupt  # there is nothing to save
        model.renew(trainer)
        result = _result(trainer, samples, config.training, notes)
        run.write_result(result)
    if is_verbose:
        say(train_report.summary(trainer, samples, result, run.folder))
    elif arguments.json:
        _say_as_json(run.folder, result)
    if (all_notes := _all_notes(trainer, notes)) != result["notes"]:  # it could not be printed
        run.write_result({**result, "notes": all_notes})
    return SIGNALLED + signals.received if signals.received else 0


def _say_as_json(folder: Path, result: Mapping[str, Any]) -> None:
    found = {"directory": str(folder), "files": contents(folder)}
    say(json.dumps({**found, **result}))


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Yield a list to which all that fails without ending the run is added, as it is shown."""
    notes: list[str] = []

    def notice(message: str, category: type[Warning]) -> None:
        if issubclass(category, PluginWarning):
            notes.append(message)

    with noticed(notice):
        yield notes


@contextmanager
def _advised(trainer: Trainer, folder: Path) -> Iterator[None]:
    """Let an error that ends a run say what is there of it."""
    try:
        yield
    except DivergenceError as error:
        if trainer.history.loss:
            error.add_note(f"{folder} has the history up to that point.")
        raise
    except OSError as error:
        if trainer.iteration:
            error.add_note(
                "Remove the cause, then go on: plugnet train --resume " + shlex.quote(str(folder))
            )
        raise


def _result(
    trainer: Trainer,
    samples: DataSplits,
    settings: TrainingSettings,
    notes: list[str],
) -> dict[str, Any]:
    """Return the content of ``result.json``: what the weights at the end do."""
    history = trainer.history
    test = _numbers(history.at_end("test"))
    return {
        "accuracy": test.get("accuracy"),
        "loss": test.get("loss"),
        "test": test,
        "validation": _numbers(history.at_end("validation")),
        "validation_on": settings.validation,
        "test_sha256": None if samples.test is None else test_digest(samples.test),
        "test_samples": _tested(samples, settings),
        "iterations": history.iteration,
        "iterations_done": len(history.loss),
        "complete": trainer.goal is None,
        "stopped": history.stopped,
        "notes": _all_notes(trainer, notes),
        "seconds": round(history.seconds, 3),
        "seed": trainer.seed,
        "versions": trainer.model.versions,
    }


def _all_notes(trainer: Trainer, notes: list[str]) -> list[str]:
    """Return what went wrong without ending the run, each once."""
    return list(dict.fromkeys([*trainer.history.notes, *notes]))


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
