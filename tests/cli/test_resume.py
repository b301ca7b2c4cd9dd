"""`plugnet train --resume`: a run that was ended anywhere ends as if it had not been."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.aliases import Refused, Shown
from tests.runs import BASE, SETTINGS, outcome, with_sets, words, write_table

from plugnet.cli import main
from plugnet.cli.run_directory import RunDirectory
from plugnet.cli.run_hooks import hooks_of
from plugnet.training import Evaluation, Training

#: Saves after every third step, so that a run goes on from between two evaluations.
OFTEN = "['checkpoint', {iterations = 3, seconds = 1000.0}]"

pytestmark = pytest.mark.usefixtures("sketches")


class Copied:
    """Copies the folder of a run: what is there if the process is killed at that moment."""

    observes = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plugnet_step_end(self, iteration: int) -> None:
        copy_of(self.folder, f"step-{iteration + 1}")

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        copy_of(self.folder, f"evaluation-{evaluation.part}-{evaluation.iteration}")

    def plugnet_checkpoint(self, training: Training) -> None:
        copy_of(self.folder, f"checkpoint-{training.iteration}")

    def plugnet_train_end(self) -> None:
        copy_of(self.folder, "before-model")


class CopiedLate:
    """Copies the folder when the model is saved, before the pictures are drawn."""

    observes = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plugnet_train_end(self) -> None:
        copy_of(self.folder, "before-pictures")


def copy_of(folder: Path, name: str) -> None:
    """Copy the folder of a run as it is now, unless that was done before."""
    target = folder.parent / "copies" / name
    if folder.name == "run" and not target.exists():
        shutil.copytree(folder, target)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_table(tmp_path / "table.csv")


def hooked(settings: tuple[str, ...], *more: str) -> list[str]:
    """Return settings with further hooks."""
    hooks = [setting.removeprefix("hooks=[")[:-1] for setting in settings if "hooks" in setting]
    others = [setting for setting in settings if "hooks" not in setting]
    return [*others, f"hooks=[{', '.join([*hooks, *more])}]"]


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_run_killed_anywhere_goes_on_to_the_same_files(
    tmp_path: Path, data: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hooks(run: RunDirectory, own: list[Any], *arguments: Any, **named: Any) -> list[Any]:
        copying = [Copied(run.folder), CopiedLate(run.folder)]
        return hooks_of(run, [*copying, *own], *arguments, **named)

    def write_result(run: RunDirectory, result: Any) -> None:
        copy_of(run.folder, "before-result")
        written(run, result)

    written = RunDirectory.write_result
    monkeypatch.setattr("plugnet.cli.train.hooks_of", hooks)
    monkeypatch.setattr(RunDirectory, "write_result", write_result)
    run = tmp_path / "run"
    assert main(words(data, run, hooked(SETTINGS[kind], OFTEN))) == 0
    expected = outcome(run)
    copies = sorted((tmp_path / "copies").iterdir())
    assert len(copies) > 25
    for copy in copies if kind == "early_stop" else copies[::3]:
        assert main(["train", "--quiet", "--resume", str(copy)]) == 0
        assert outcome(copy) == expected, copy.name
