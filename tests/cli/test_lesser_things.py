"""The model comes first: what fails beside it is a warning and a note, and the run goes on."""

import errno
import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.aliases import Fake, Refused
from tests.runs import BASE, with_sets, words, write_table

from plugnet import Model, registry
from plugnet.cli import main
from plugnet.files.lock import locked

pytestmark = pytest.mark.filterwarnings("always::UserWarning")

COMMAND = [sys.executable, "-m", "plugnet"]
#: A disk that is full: a file of more bytes cannot be written.
LARGEST = 9000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_table(tmp_path / "table.csv")


@pytest.fixture
def short(data: Path, tmp_path: Path) -> list[str]:
    """The words of a short run that prints what it does."""
    command = words(data, tmp_path / "run", BASE)
    command.remove("--quiet")
    return command


def notes(run: Path) -> list[str]:
    """Return the notes of a complete run, whose model can be used."""
    Model.load(run)
    result = json.loads((run / "result.json").read_text())
    assert result["complete"] is True
    found: list[str] = result["notes"]
    return found


# Hooks of others ----------------------------------------------------------------------------------


@pytest.fixture
def plugin(install: Fake) -> Callable[[str, str], None]:
    """Return a function that installs a hook ``lesser`` which raises in one of its methods."""

    def put(hook: str, attribute: str = "") -> None:
        source = (
            f"class Lesser:\n    {attribute}\n    def {hook}(self): raise ValueError('no luck')"
        )
        install("stranger", {"hooks": {"lesser": "stranger:Lesser"}}, {"stranger.py": source})

    return put


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("hook", ["step_end", "evaluate_end", "checkpoint", "train_end"])
def test_a_hook_of_others_that_raises_is_left_out(
    tmp_path: Path,
    data: Path,
    hook: str,
    plugin: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    plugin(f"plugnet_{hook}")
    run = tmp_path / "run"
    assert main(words(data, run, [*BASE, "hooks=['lesser']"])) == 0
    says = "lesser has failed and is left out: ValueError: no luck"
    assert capsys.readouterr().err.count(says) == 1
    assert notes(run) == [says]


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("hook", ["step_end", "evaluate_end", "checkpoint", "train_end"])
def test_a_hook_that_a_training_needs_ends_it_with_the_model_saved(
    tmp_path: Path, data: Path, hook: str, plugin: Callable[..., None]
) -> None:
    plugin(f"plugnet_{hook}", "observes = False")
    run = tmp_path / "run"
    hooks = "hooks=[['checkpoint', {iterations = 1}], 'lesser']"
    with pytest.raises(ValueError, match="no luck") as caught:
        main(words(data, run, [*BASE, hooks]))
    assert f"Raised by the hook plugnet_{hook} of plugin 'lesser'." in caught.value.__notes__
    done = len((run / "history.csv").read_text().splitlines()) - 1
    assert done == {"step_end": 1, "evaluate_end": 5, "checkpoint": 1, "train_end": 23}[hook]
    assert Model.load(run).classes == ("a", "b", "c")
    assert not (run / "result.json").exists()
    registry.refresh()
    sets = with_sets("hooks=[['checkpoint', {iterations = 1}]]")
    assert main(["train", "--quiet", "--resume", str(run), "--inexact", *sets]) == 0


# Paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hooks", "says"),
    [
        ("['best_model', '../best']", "inside the run's folder"),
        ("['best_model', 'sub/../../best']", "inside the run's folder"),
        ("['best_model', '{}/best']", "inside the run's folder"),
        ("['best_model', 'link/best']", "a link leads out of it"),
        ("['best_model', 'model.safetensors']", "the run's own files"),
        ("['csv_log', 'sub/../run.json']", "inside the run's folder"),
        ("['csv_log', '.lock']", "the run's own files"),
        ("['csv_log', 'mine.txt']", "a file that the run has not made"),
        ("['csv_log', 'link']", "a file that the run has not made"),
        ("['csv_log', 'sub']", "not made"),
        ("['csv_log', 'a.csv'], ['loss_curve', './a.csv']", "by one hook only"),
        ("['csv_log', 'history.csv']", "by one hook only"),
        ("['csv_log', 'mine.txt/a.csv']", "can be written"),
        ("['csv_log', '{}']", "inside the run's folder"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--force"]], ids=["new", "force"])
def test_a_path_that_hooks_must_not_write_is_refused_first(
    tmp_path: Path, data: Path, hooks: str, says: str, more: list[str], refused: Refused
) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    for folder in (run, other):
        (folder / "sub").mkdir(parents=True)
    (run / "mine.txt").write_text("mine")
    (run / "link").symlink_to(other)
    before = sorted(tmp_path.rglob("*"))
    hooks = hooks.replace("{}", str(other))
    command = words(data, run, [*BASE, f"hooks=[{hooks}]"])
    assert says in refused(*command, *more)
    assert sorted(tmp_path.rglob("*")) == before
    assert (run / "mine.txt").read_text() == "mine"


def test_hooks_may_write_in_folders_of_the_run(
    tmp_path: Path, data: Path, sketches: None, refused: Refused
) -> None:
    run = tmp_path / "run"
    hooks = "hooks=[['csv_log', 'a/b/log.csv'], ['best_model', 'a/best.safetensors']]"
    assert main(words(data, run, [*BASE, hooks])) == 0
    assert (run / "a/b/log.csv").read_bytes() == (run / "history.csv").read_bytes()
    assert (run / "a/best.safetensors").exists()
    assert main([*words(data, run, BASE), "--force"]) == 0
    assert not (run / "a").exists()


# Disks and streams --------------------------------------------------------------------------------


def test_a_disk_too_full_for_pictures_keeps_the_model(
    tmp_path: Path, data: Path, short: list[str]
) -> None:
    shell = f'ulimit -f {LARGEST // 512}; exec "$0" "$@"'
    done = subprocess.run(
        ["sh", "-c", shell, *COMMAND, *short, "--set", "hooks=[['checkpoint', {seconds = 0.01}]]"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "2000"},
    )
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    found = notes(run)
    assert any("loss.png cannot be written" in note for note in found)
    assert "raise the limit with 'ulimit -f'" in done.stderr
    assert all(note in done.stdout for note in found)
    assert not (run / "loss.png").exists()
    assert (run / "history.csv").exists()
    assert not list(run.rglob(".plugnet-*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_streams_do_no_harm(tmp_path: Path, short: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *short], stdout=full, stderr=full, check=False)
    assert done.returncode == 0
    assert any("Nothing more is printed" in note for note in notes(tmp_path / "run"))


def test_a_reader_that_goes_away_is_a_note(tmp_path: Path, short: list[str]) -> None:
    with subprocess.Popen(
        [*COMMAND, *short], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("Data:")
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0
    assert err.count("Nothing more is printed") == 1
    assert "Traceback" not in err
    (note,) = notes(tmp_path / "run")
    assert note.startswith("Nothing more is printed")


def test_a_terminal_that_is_closed_does_no_harm(tmp_path: Path, short: list[str]) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [*short, *with_sets("iterations=500", "evaluate_every=500")]
    with subprocess.Popen([*COMMAND, *command], stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"/500 |" not in seen:
            seen += os.read(ours, 4096)
        os.close(ours)  # which is a hang-up, too
    assert process.returncode == 0
    (note,) = notes(tmp_path / "run")  # the bar ends without an error
    assert note.startswith("Nothing more is printed")


@pytest.mark.usefixtures("sketches")
def test_a_model_that_cannot_be_saved_is_an_error_and_the_run_goes_on_later(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "model.safetensors")

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Model, "save", full)
        assert main(words(data, run, BASE)) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err
    assert f"plugnet train --resume {run}" in err
    assert not (run / "result.json").exists()
    assert main(["train", "--quiet", "--resume", str(run)]) == 0
    assert notes(run) == []


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("folder", ["checkpoints", "saved/often"])
@pytest.mark.usefixtures("sketches")
def test_checkpoints_make_room_for_the_model(
    tmp_path: Path, data: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, save = tmp_path / "run", Model.save

    def save_if_there_is_room(model: Model, path: Path) -> None:
        if any((run / folder).glob("iteration-*")):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        save(model, path)

    monkeypatch.setattr(Model, "save", save_if_there_is_room)
    sets = with_sets(f"hooks=[['checkpoint', '{folder}', {{iterations = 2}}]]")
    assert main([*words(data, run, BASE), *sets]) == 0
    assert notes(run) == []


def test_a_hook_that_changes_the_network_at_the_end_is_heeded(
    tmp_path: Path, data: Path, install: Fake
) -> None:
    source = """class Lesser:
    def plugnet_train_end(self, training):
        training.network.parameters()["fc2.bias"].value[...] = 7
"""
    install("stranger", {"hooks": {"lesser": "stranger:Lesser"}}, {"stranger.py": source})
    run = tmp_path / "run"
    assert main(words(data, run, [*BASE, "hooks=['lesser']"])) == 0
    assert (Model.load(run).network.parameters()["fc2.bias"].value == 7).all()


# Neighbours ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sketches")
def test_a_run_that_goes_on_keeps_others_out(tmp_path: Path, data: Path, refused: Refused) -> None:
    run = tmp_path / "run"
    long = words(data, run, ["iterations=100000000", *BASE[1:]])
    with subprocess.Popen([*COMMAND, *long], stderr=subprocess.DEVNULL) as process:
        while not list(run.glob("checkpoints/iteration*")):
            assert process.poll() is None
        before = (run / "config.toml").read_bytes()
        for command in ([*long, "--force"], ["train", "--quiet", "--resume", str(run)]):
            err = refused(*command)
            assert f"{run} must have one writer at a time, but process {process.pid}" in err
        assert (run / "config.toml").read_bytes() == before
        process.kill()
    assert main([*words(data, run, BASE), "--force"]) == 0
    assert notes(run) == []
    with locked(run):
        pass
