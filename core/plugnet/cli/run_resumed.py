"""A run that goes on: what has changed since, and where it goes on from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from plugnet.cli import run_record
from plugnet.cli.config import RULES, SECTIONS, Config
from plugnet.cli.run_directory import MODEL, RESULT, RunDirectory
from plugnet.cli.run_record import Record
from plugnet.errors import ConfigError, FileFormatError
from plugnet.files.toml_text import toml
from plugnet.training import Trainer
from plugnet.training.checkpoints import found
from plugnet.training.identity import ARGUMENT

#: The settings that say how long a training is.
LENGTHS = ("training.iterations", "training.epochs")


def changes(old: Config, new: Config) -> dict[str, str]:
    """Return which settings have changed, each with a line that says how.

    The path of the data does not count, because their content is compared.
    """
    before, now = _flat(old), _flat(new)
    return {
        key: f"{key}: {_shown(before[key])} before, {_shown(now[key])} now"
        for key in RULES
        if before[key] != now[key] and key != "data.path"
    }


def other_than_settings(known: Mapping[str, str]) -> dict[str, str]:
    """Return what must not change but is not in the config, whose `changes` are known."""
    return {name: text for name, text in known.items() if not name.startswith(ARGUMENT)}


def _shown(value: Any) -> str:
    return "none" if value is None else toml(value)


def _flat(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = {"seed": config.seed}
    for section in SECTIONS:
        settings = getattr(config, section)
        for setting in fields(settings):
            found[f"{section}.{setting.name}"] = getattr(settings, setting.name)
    return found


def is_complete(folder: Path) -> bool:
    """Tell whether a run has come to its end, with a result and a model."""
    try:
        result = run_record.read(folder / RESULT)
    except FileFormatError:  # it is missing or damaged, so it is written again
        return False
    return result.get("complete") is True and (folder / MODEL).is_file()


def length(config: Config) -> dict[str, Any]:
    """Return how long to train, as `Trainer.fit` takes it."""
    return {"iterations": config.training.iterations, "epochs": config.training.epochs}


def go_on(
    trainer: Trainer, run: RunDirectory, config: Config, folders: Iterable[str], is_longer: bool
) -> dict[str, Any]:
    """Let a trainer go on from the run's last checkpoint, and return how long to train.

    Args:
        trainer: built from the config, with all its hooks.
        run: the folder.
        config: the settings.
        folders: where checkpoints may be, in the folder of the run; the first that holds some.
        is_longer: whether the length has been changed.

    Raises:
        ConfigError: the run is longer already.
        FileFormatError: no checkpoint is intact.
    """
    saved = next((path for name in folders if found(path := run.folder / name)), None)
    if saved is None:
        return length(config)  # killed before the first: from the beginning
    trainer.load(saved, inexact=True)  # what has changed is checked against the run's record
    if not is_longer:
        return {}
    iterations = config.training.iterations
    if config.training.epochs is not None or iterations is None:
        raise ConfigError(
            "A run that goes on is made longer by its iterations, but training.epochs is set. Give "
            "--set training.iterations=NUMBER.",
            key="training.epochs",
        )
    if iterations <= trainer.iteration:
        raise ConfigError(
            f"The run has {trainer.iteration} iterations already, so training.iterations must be "
            f"more, but it is {iterations}.",
            key="training.iterations",
        )
    trainer.goal = trainer.stopping = None
    return {"iterations": iterations - trainer.iteration}


def threads(record: Record) -> int | None:
    """Return the number of threads that a run was made with, or None if it is not known."""
    text = record.identity.get("threads", "")
    return int(text) if text.isdecimal() and int(text) else None


def note_changes(trainer: Trainer, record: Record, changed: Mapping[str, str]) -> None:
    """Let the history say that settings have changed, now or before the last checkpoint."""
    notes = [*record.notes]
    if changed:
        notes.append(f"resumed inexactly: {'; '.join(changed.values())}")
    known = trainer.history.notes
    known += [note for note in notes if note not in known]
