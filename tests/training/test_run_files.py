"""Where hooks may write: `RunFiles` in a run of the command line, `Trainer.file` elsewhere."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.small import X, Y, trainer

from plugnet.errors import ConfigError
from plugnet.training.run_files import RunFiles

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder, beside which something else lies."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "precious").write_text("precious")
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def refusal(files: RunFiles, name: Any) -> str:
    before = sorted(files.folder.parent.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        files.path(name)
    assert sorted(files.folder.parent.rglob("*")) == before
    assert caught.value.key == "training.hooks"
    assert "--out moves the run" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["../others/precious", "..", ".", "a/../../others/new", "sub/../log.csv", "/tmp/log.csv"],
)
def test_a_path_out_of_the_run_is_refused(name: str, folder: Path) -> None:
    assert "lead to a file inside the run's folder" in refusal(RunFiles(folder), name)


def test_the_runs_own_absolute_path_is_refused_too(folder: Path) -> None:
    assert "lead to a file inside" in refusal(RunFiles(folder), folder / "log.csv")


def test_a_link_out_of_the_run_is_refused(folder: Path) -> None:
    (folder / "link").symlink_to("../others")
    assert "a link leads out" in refusal(RunFiles(folder), "link/precious")
    assert "a link leads out" in refusal(RunFiles(folder), "link/new/log.csv")
    with pytest.raises(ConfigError, match="a link leads out"):
        RunFiles(folder).path("link", is_folder=True)
    (folder / "log.csv").symlink_to("../others/precious")
    assert "that the run has not made" in refusal(RunFiles(folder), "log.csv")
    (folder / "dead").symlink_to("nowhere")
    assert "that the run has not made" in refusal(RunFiles(folder), "dead")
    assert (folder.parent / "others" / "precious").read_text() == "precious"


def test_a_link_within_the_run_is_followed(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    assert RunFiles(folder).path("link/log.csv") == folder / "link" / "log.csv"


def test_names_of_the_run_itself_are_refused(folder: Path) -> None:
    files = RunFiles(folder, reserved=["result.json"])
    assert "one of the run's own files" in refusal(files, "result.json")
    assert "one of the run's own files" in refusal(files, "./result.json")
    assert files.path("sub/result.json") == folder / "sub" / "result.json"


def test_two_hooks_cannot_write_one_file(folder: Path) -> None:
    files = RunFiles(folder)
    files.path("log.csv")
    assert "by one hook only" in refusal(files, "log.csv")
    assert "by one hook only" in refusal(files, "./log.csv")
    files.begin()
    (folder / "log.csv").write_text("made by the run")
    assert files.path("log.csv") == folder / "log.csv"


def test_a_file_that_the_run_has_not_made_is_left_alone(folder: Path) -> None:
    (folder / "log.csv").write_text("precious")
    assert "that the run has not made" in refusal(RunFiles(folder), "log.csv")
    assert RunFiles(folder, made=["log.csv"]).path("log.csv") == folder / "log.csv"
    assert (folder / "log.csv").read_text() == "precious"


def test_a_folder_in_the_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "log").mkdir()
    refusal(RunFiles(folder), "log")
    assert "is a folder" in refusal(RunFiles(folder, made=["log"]), "log")


def test_a_file_in_the_place_of_a_folder_is_refused(folder: Path) -> None:
    (folder / "saved").write_text("precious")
    for made in ([], ["saved"]):
        with pytest.raises(ConfigError):
            RunFiles(folder, made=made).path("saved", is_folder=True)
    assert "be one that can be written" in refusal(RunFiles(folder), "saved/log.csv")
    assert (folder / "saved").read_text() == "precious"


def test_folders_on_the_way_are_made(folder: Path) -> None:
    assert RunFiles(folder).path("a/b/log.csv") == folder / "a" / "b" / "log.csv"
    assert list((folder / "a" / "b").iterdir()) == []
    assert RunFiles(folder).path("saved", is_folder=True).is_dir()
    assert RunFiles(folder).path("saved", is_folder=True).is_dir()  # of a run that goes on


def test_a_name_that_is_too_long_is_refused(folder: Path) -> None:
    assert "File name too long" in refusal(RunFiles(folder), "x" * 300)


@pytest.mark.skipif(ROOT or sys.platform == "win32", reason="root may write all")
def test_a_folder_that_cannot_be_written_is_refused(folder: Path) -> None:
    folder.chmod(0o500)
    try:
        assert "Permission denied" in refusal(RunFiles(folder), "log.csv")
    finally:
        folder.chmod(0o700)


def test_a_disk_that_cannot_be_written_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("plugnet.training.run_files.tempfile.TemporaryFile", full)
    assert "Read-only file system" in refusal(RunFiles(folder), "log.csv")


# Trainer.file ------------------------------------------------------------------------------------


def test_from_python_a_hook_writes_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    run = trainer()
    for name in ("log.csv", "../others/precious", folder / "log.csv"):
        assert run.file(name) == Path(name).absolute()
    assert run.file("saved", is_folder=True).is_dir()
    assert list(folder.iterdir()) == [folder / "saved"]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing/log.csv", FileNotFoundError),
        ("run", IsADirectoryError),
        ("others/precious/log.csv", NotADirectoryError),
        ("x" * 300, OSError),
    ],
)
@pytest.mark.parametrize("hook", ["csv_log", "loss_curve", "best_model", "confusion_matrix"])
def test_a_bad_path_is_refused_before_the_first_step(
    hook: str, name: str, error: type[Exception], folder: Path
) -> None:
    run = trainer(hooks=[(hook, str(folder.parent / name))])
    with pytest.raises(error):
        run.fit(X, Y, 3, validation=(X, Y))
    assert run.iteration == 0
    assert run.history.loss == []


def test_in_a_run_hooks_write_into_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    run = trainer(hooks=[("csv_log", "logs/log.csv"), ("checkpoint", "saved")])
    run.keep_files_in(RunFiles(folder))
    run.fit(X, Y, 2)
    run.fit(X, Y, 2)
    assert len((folder / "logs" / "log.csv").read_text().splitlines()) == 5
    assert (folder / "saved" / "iteration-00000004.safetensors").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["others", "run"]


def test_in_a_run_two_hooks_of_one_path_are_refused(folder: Path) -> None:
    run = trainer(hooks=[("csv_log", "log"), ("loss_curve", "log")])
    run.keep_files_in(RunFiles(folder))
    with pytest.raises(ConfigError, match="by one hook only"):
        run.fit(X, Y, 2)
    assert run.iteration == 0
