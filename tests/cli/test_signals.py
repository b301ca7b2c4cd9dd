"""Signals to `plugnet train`: what they leave behind, before, in and after the training."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runs import BASE, outcome, words, write_table

from plugnet import Model
from plugnet.cli import main
from plugnet.cli.run_hooks import with_checkpoint

ENDING = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Let signals be heard, which a shell lets its background jobs ignore."""
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, found)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_table(tmp_path / "table.csv")


def status(command: list[str]) -> Any:
    """Return what a command ends with, whether it returns or exits."""
    try:
        return main(command)
    except SystemExit as error:
        return error.code


class Raising:
    """Sends this process a signal after an iteration, and notes what checkpoints there are then."""

    observes = False

    def __init__(self, number: int, folder: Path) -> None:
        self.number, self.folder = number, folder
        self.saved: list[str] = []

    def plugnet_step_end(self, iteration: int) -> None:
        if iteration + 1 == 7:
            signal.raise_signal(self.number)
        elif iteration + 1 == 9:
            self.saved = [path.name for path in self.folder.glob("checkpoints/iteration*")]


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("out", [["--out", "some/deep/run"], []], ids=["out", "numbered"])
def test_a_signal_while_data_load_leaves_nothing(
    tmp_path: Path,
    number: signal.Signals,
    out: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    def read(_: object) -> None:
        signal.raise_signal(number)
        time.sleep(5)

    monkeypatch.setattr("plugnet.cli.data_source.read", read)
    before = signal.getsignal(number)
    assert status(["train", *out]) == 128 + number
    assert "Traceback" not in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) == before


@pytest.mark.usefixtures("sketches")
def test_a_hang_up_saves_and_goes_on(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    raising = Raising(signal.SIGHUP, run)
    monkeypatch.setattr(
        "plugnet.cli.train.with_checkpoint", lambda own: [raising, *with_checkpoint(own)]
    )
    never = "hooks=[['checkpoint', {seconds = 1000.0}]]"
    command = words(data, run, [*BASE, "validation=none", never])
    assert main(command) == 0
    assert raising.saved == ["iteration-00000007.safetensors"]
    assert json.loads((run / "result.json").read_text())["complete"] is True
    # as under nohup
    found = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert main([*command, "--force"]) == 0
    finally:
        signal.signal(signal.SIGHUP, found)
    assert raising.saved == []


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("number", ENDING)
def test_a_signal_while_pictures_are_drawn_lets_the_run_be_complete(
    tmp_path: Path, data: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    assert main(words(data, whole, BASE)) == 0

    def draw(path: Path, *_: object) -> None:
        signal.raise_signal(number)
        path.write_text("a picture")

    with monkeypatch.context() as patch:
        patch.setattr("plugnet_builtin.hooks.confusion_matrix.draw", draw)
        assert main(words(data, run, BASE)) == 128 + number
    assert outcome(run) == outcome(whole)


@pytest.mark.usefixtures("sketches")
def test_a_second_signal_ends_at_once_with_whole_files(tmp_path: Path, data: Path) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    long = [*BASE, "hooks=[['checkpoint', {iterations = 1}]]"]
    program = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from plugnet.cli import main
class Raising:
    observes = False
    def plugnet_step_end(self, iteration):
        if iteration + 1 == 15:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
from plugnet.cli import train
with_checkpoint = train.with_checkpoint
train.with_checkpoint = lambda own: [Raising(), *with_checkpoint(own)]
main({words(data, run, long)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert not (run / "model.safetensors").exists()
    assert not list(run.rglob(".plugnet-*"))
    newest = max((run / "checkpoints").glob("*.safetensors"))
    assert newest.name == "iteration-00000014.safetensors"
    Model.load(newest)
    assert main(["train", "--quiet", "--resume", str(run)]) == 0
    assert main(words(data, whole, long)) == 0
    names = ("model.safetensors", "history.csv", "loss.png", "confusion.png")
    assert [outcome(run)[name] for name in names] == [outcome(whole)[name] for name in names]


def test_a_process_that_is_terminated_says_how_to_go_on(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    command = words(data, run, ["iterations=10000000", *BASE[1:]])
    command.remove("--quiet")
    with subprocess.Popen(
        [sys.executable, "-m", "plugnet", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    ) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (run / "history.csv").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "interrupted by SIGTERM" in out
    assert f"plugnet train --resume {run}" in out
    result = json.loads((run / "result.json").read_text())
    assert result["complete"] is False
    assert Model.load(run).classes == ("a", "b", "c")
