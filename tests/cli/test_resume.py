"""`plugnet train --resume`: a run that was ended anywhere ends as if it had not been."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.aliases import Refused, Shown
from tests.runs import BASE, SETTINGS, outcome, with_sets, words, write_table

from plugnet.cli import main
from plugnet.cli.run_directory import RunDirectory
from plugnet.cli.run_hooks import with_checkpoint
from plugnet.training import Evaluation, Trainer, Training

#: Saves after every third step, so that a run goes on from between two evaluations.
OFTEN = "['checkpoint', {iterations = 3, seconds = 1000.0}]"

pytestmark = [
    pytest.mark.usefixtures("sketches"),
    pytest.mark.filterwarnings("always::plugnet.errors.TrainingWarning"),
]


class Copied:
    """Copies the folder of a run: what is there if the process is killed at that moment."""

    observes = False

    def plugnet_train_start(self, training: Trainer) -> None:
        self.folder = folder_of(training)

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

    def plugnet_train_start(self, training: Trainer) -> None:
        self.folder = folder_of(training)

    def plugnet_train_end(self) -> None:
        copy_of(self.folder, "before-pictures")


class Raising:
    """Sends this process a signal after some iterations."""

    observes = False

    def __init__(self, number: int, at: tuple[int, ...]) -> None:
        self.number, self.at = number, at

    def plugnet_step_end(self, iteration: int) -> None:
        if iteration + 1 in self.at:
            signal.raise_signal(self.number)


def put_first(patch: pytest.MonkeyPatch, *hooks: object) -> None:
    """Put hooks before a run's own."""
    patch.setattr("plugnet.cli.train.with_checkpoint", lambda own: [*hooks, *with_checkpoint(own)])


def folder_of(training: Trainer) -> Path:
    assert training._files is not None
    return training._files.folder


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
    def write_result(run: RunDirectory, result: Any) -> None:
        copy_of(run.folder, "before-result")
        written(run, result)

    written = RunDirectory.write_result
    put_first(monkeypatch, Copied(), CopiedLate())
    monkeypatch.setattr(RunDirectory, "write_result", write_result)
    run = tmp_path / "run"
    assert main(words(data, run, hooked(SETTINGS[kind], OFTEN))) == 0
    expected = outcome(run)
    copies = sorted((tmp_path / "copies").iterdir())
    assert len(copies) > 25
    for copy in copies[:: 3 if kind == "early_stop" else 4]:
        assert main(["train", "--quiet", "--resume", str(copy)]) == 0
        assert outcome(copy) == expected, copy.name


@pytest.fixture
def ended(tmp_path: Path, data: Path) -> Path:
    """The folder of a run that was killed after its model was saved, so it has no result."""
    run = tmp_path / "run"
    assert main(words(data, run, hooked(BASE, OFTEN))) == 0
    (run / "result.json").unlink()
    return run


def content(folder: Path) -> dict[str, bytes]:
    """Return all that is in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_to_the_same_files(
    tmp_path: Path, data: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    assert main(words(data, whole, SETTINGS["plateau"])) == 0
    raising = Raising(number, (4, 13, 20))
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    put_first(monkeypatch, raising)
    try:
        assert main(words(data, run, SETTINGS["plateau"])) == 128 + number
        for done in (13, 20):
            assert main(["train", "--quiet", "--resume", str(run)]) == 128 + number
            result = json.loads((run / "result.json").read_text())
            assert result["iterations"] == done
            assert result["complete"] is False
            assert result["stopped"] == f"interrupted by {number.name}"
        assert main(["train", "--quiet", "--resume", str(run)]) == 0
    finally:
        signal.signal(signal.SIGINT, heard)
    assert outcome(run) == outcome(whole)


def test_a_complete_run_has_nothing_left_to_do(tmp_path: Path, data: Path, shown: Shown) -> None:
    run = tmp_path / "run"
    assert main(words(data, run, BASE)) == 0
    before = content(run)
    assert shown("train", "--resume", str(run)) == f"{run} is complete: nothing is left to do.\n"
    assert shown("train", "--resume", str(run), "--quiet") == ""
    result = json.loads(shown("train", "--resume", str(run), "--json"))
    assert result["complete"] is True
    assert result["directory"] == str(run)
    assert content(run) == before


def test_changed_settings_are_refused_field_by_field(ended: Path, refused: Refused) -> None:
    before = content(ended)
    sets = with_sets("policy=['fixed', 0.05]", "seed=3", "dtype=float64", "data.path=other.csv")
    err = refused("train", "--quiet", "--resume", str(ended), *sets)
    assert 'training.policy: ["inv", 0.1] before, ["fixed", 0.05] now' in err
    assert "seed: 0 before, 3 now" in err
    assert 'network.dtype: "float32" before, "float64" now' in err
    assert "training.loss" not in err
    assert "--inexact" in err
    assert content(ended) == before


def test_changed_settings_are_allowed_by_inexact(
    ended: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = with_sets("policy=['fixed', 0.05]", "training.iterations=30")
    assert main(["train", "--quiet", "--resume", str(ended), "--inexact", *sets]) == 0
    how = 'training.policy: ["inv", 0.1] before, ["fixed", 0.05] now'
    assert how in capsys.readouterr().err
    result = json.loads((ended / "result.json").read_text())
    (note,) = result["notes"]
    assert note.startswith("resumed inexactly: ")
    assert how in note
    assert "training.iterations: 23 before, 30 now" in note
    assert (result["complete"], result["iterations"]) == (True, 30)
    rates = [float(line.split(",")[2]) for line in lines(ended)]
    assert rates[23:] == [0.05] * 7
    assert rates[22] > 0.05
    assert 'policy = ["fixed", 0.05]' in (ended / "config.toml").read_text()


def test_a_note_survives_a_kill_before_the_next_checkpoint(
    tmp_path: Path, ended: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = with_sets("policy=['fixed', 0.05]", "training.iterations=30")
    with monkeypatch.context() as patch:
        put_first(patch, Copied())
        assert main(["train", "--quiet", "--resume", str(ended), "--inexact", *sets]) == 0
    killed = tmp_path / "copies" / "step-24"
    assert main(["train", "--quiet", "--resume", str(killed)]) == 0
    assert outcome(killed) == outcome(ended)


def lines(folder: Path) -> list[str]:
    """Return the rows of a run's history."""
    return (folder / "history.csv").read_text().splitlines()[1:]


def test_a_longer_run_has_the_bits_of_one_that_was_as_long(tmp_path: Path, data: Path) -> None:
    short, long = tmp_path / "short", tmp_path / "long"
    assert main(words(data, short, ["iterations=20", *BASE[1:]])) == 0
    assert main(words(data, long, ["iterations=30", *BASE[1:]])) == 0
    sets = with_sets("training.iterations=30")
    assert main(["train", "--quiet", "--resume", str(short), *sets, "--inexact"]) == 0
    new, expected = outcome(short), outcome(long)
    assert [name for name in expected if new[name] != expected[name]] == [
        "result.json", "run.json"
    ]  # the notes  # fmt: skip


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        (["training.iterations=23"], "is 23"),
        (["training.iterations=9"], "has 23 iterations already"),
        (["training.epochs=3", "training.iterations=100"], "training.epochs is set"),
    ],
)
def test_a_run_can_only_be_made_longer(
    tmp_path: Path, data: Path, ended: Path, sets: list[str], says: str, refused: Refused
) -> None:
    before = content(ended)
    if sets[0].endswith("23"):
        assert main(["train", "--quiet", "--resume", str(ended), *with_sets(*sets)]) == 0
        return
    words = ["--quiet", "--inexact", *with_sets(*sets)]
    assert says in refused("train", "--resume", str(ended), *words)
    assert content(ended) == before


def spoil_value(lines: list[str]) -> None:
    lines[2] = "9.5" + lines[2][lines[2].index(",") :]


def drop_rows(lines: list[str]) -> None:
    del lines[-6:]


def change_label(lines: list[str]) -> None:
    lines[3] = lines[3][:-1] + ("b" if lines[3].endswith("a") else "a")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (spoil_value, ["training samples"]),
        (drop_rows, ["training samples", "training labels"]),
        (change_label, ["training labels"]),
    ],
)
def test_changed_data_are_refused_or_noted(
    data: Path,
    ended: Path,
    change: Callable[[list[str]], None],
    fields: list[str],
    refused: Refused,
) -> None:
    before = content(ended)
    table = data.read_text().splitlines()
    change(table)
    data.write_text("\n".join(table))
    err = refused("train", "--quiet", "--resume", str(ended))
    for field in fields:
        assert f"{field}: " in err
    assert "..." in err
    assert "--inexact" in err
    assert content(ended) == before
    assert main(["train", "--quiet", "--resume", str(ended), "--inexact"]) == 0
    (note,) = json.loads((ended / "result.json").read_text())["notes"]
    assert "training " in note


def test_moved_data_are_the_same_data(
    tmp_path: Path, data: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    put_first(monkeypatch, Copied())
    words = ["train", "--data", str(data), "--quiet", *with_sets(*BASE)]
    assert main([*words, "--set", "reader=['csv', {missing = 'mean'}]", "--out", str(run)]) == 0
    (tmp_path / "other").mkdir()
    moved = data.rename(tmp_path / "other" / "moved.csv")
    killed = tmp_path / "copies" / "step-9"
    assert "table.csv" in refused("train", "--quiet", "--resume", str(killed))
    assert main(["train", "--quiet", "--resume", str(killed), "--data", str(moved)]) == 0
    new, expected = outcome(killed), outcome(run)
    assert [name for name in expected if new[name] != expected[name]] == [
        "config.toml", "run.json"
    ]  # which hold the path  # fmt: skip


def test_another_number_of_threads_is_refused(ended: Path, refused: Refused) -> None:
    known = json.loads((ended / "run.json").read_text())["identity"]["threads"]
    err = refused("train", "--quiet", "--resume", str(ended), "--threads", str(int(known) + 1))
    assert f"threads: {known} before, {int(known) + 1} now" in err
    assert f"--threads {known}" in err
    assert main(["train", "--quiet", "--resume", str(ended), "--threads", known]) == 0


def test_the_record_tells_the_number_of_threads(
    ended: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugnet.training.state.count_of", lambda threads: threads or 99)
    assert main(["train", "--quiet", "--resume", str(ended)]) == 0  # also with other processors


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "other"], "together with --out"),
        (["--force"], "together with --force"),
        (["some.toml"], "together with CONFIG.toml"),
    ],
)
def test_what_contradicts_resume_is_refused(
    ended: Path, words: list[str], says: str, refused: Refused
) -> None:
    before = content(ended)
    assert says in refused("train", *words, "--resume", str(ended))
    assert content(ended) == before


def test_inexact_needs_resume(tmp_path: Path, refused: Refused) -> None:
    assert "--resume" in refused("train", "--inexact", "--out", str(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []


def test_only_the_folder_of_a_run_can_go_on(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("empty", "file", "missing"):
        err = refused("train", "--resume", str(tmp_path / name))
        assert "--resume takes the folder of a run" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


def record(**changes: Any) -> str:
    """Return the text of a record, with changes."""
    held = {"version": 1, "config": "", "identity": {}, "files": [], "notes": []}
    return json.dumps(held | changes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a file that plugnet train wrote"),
        ("[" * 5000, "must be a file that plugnet train wrote"),
        ('{"version": 2}', "a newer plugnet wrote it (format 2): pip install -U plugnet"),
        (record(files=[1]), "it lacks a part"),
        (record(identity={"threads": 1}), "it lacks a part"),
        (record(notes=None), "it lacks a part"),
        (record(config="seed = 'x'"), "seed"),
        (record(config="[" * 9999), "run.json"),
        (" " * (2**22 + 1), "more than 4194304 bytes"),
    ],
)
def test_a_damaged_record_is_refused(ended: Path, text: str, says: str, refused: Refused) -> None:
    (ended / "run.json").write_text(text)
    before = content(ended)
    assert says in refused("train", "--resume", str(ended))
    assert content(ended) == before


def test_of_a_damaged_checkpoint_the_one_before_is_taken(
    tmp_path: Path, data: Path, ended: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = max((ended / "checkpoints").glob("*.safetensors"))
    damaged = newest.read_bytes()
    newest.write_bytes(damaged[:-9])
    assert main(["train", "--quiet", "--resume", str(ended)]) == 0
    assert newest.name in capsys.readouterr().err
    whole = tmp_path / "whole"
    assert main(words(data, whole, hooked(BASE, OFTEN))) == 0
    assert outcome(ended) == outcome(whole)
    for path in (ended / "checkpoints").glob("*.safetensors"):
        path.write_bytes(b"")
    (ended / "result.json").unlink()
    assert main(["train", "--quiet", "--resume", str(ended)]) == 2
    assert "iteration-00000023" in capsys.readouterr().err


def test_checkpoints_elsewhere_in_the_run_are_found(tmp_path: Path, data: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    elsewhere = "['checkpoint', {path = 'sub/saved', iterations = 3}]"
    for folder in (run, other):
        assert main(words(data, folder, hooked(BASE, elsewhere))) == 0
    assert main([*words(data, other, hooked(BASE, elsewhere)), "--force"]) == 0
    (run / "result.json").unlink()
    (run / "model.safetensors").unlink()
    (run / "history.csv").write_text("")
    assert main(["train", "--quiet", "--resume", str(run)]) == 0
    assert not (run / "checkpoints").exists()
    names = ("model.safetensors", "history.csv")
    assert [outcome(run)[name] for name in names] == [outcome(other)[name] for name in names]


def test_a_run_that_diverged_goes_on_with_another_rate(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    sets = [*hooked(BASE[:-1], OFTEN), "layers=[['standardize', {missing = 'mean'}], 'fc']"]
    steep = "policy=['multistep', 0.1, [12], 1e42]"
    assert main(words(data, run, [*sets, steep, "regularizer=none"])) == 3
    err = capsys.readouterr().err
    assert "diverged at iteration 13" in err
    assert "The trainer is back at iteration 12" in err
    assert "fc1" in err
    assert str(run) in err
    assert [int(line.split(",")[0]) for line in lines(run)] == [*range(1, len(lines(run)) + 1)]
    assert len(lines(run)) > 9
    assert (run / "model.safetensors").exists()
    assert not (run / "result.json").exists()
    flat = with_sets("policy=['fixed', 0.1]")
    assert main(["train", "--quiet", "--resume", str(run), *flat, "--inexact"]) == 0
    assert len(lines(run)) == 23
    assert json.loads((run / "result.json").read_text())["complete"] is True


def test_a_config_that_was_edited_is_a_changed_setting(ended: Path, refused: Refused) -> None:
    config = ended / "config.toml"
    config.write_text(config.read_text().replace("seed = 0", "seed = 5"))
    assert "seed: 0 before, 5 now" in refused("train", "--quiet", "--resume", str(ended))
    config.unlink()  # as if it had been killed before that was written
    assert main(["train", "--quiet", "--resume", str(ended)]) == 0
    assert "seed = 0" in config.read_text()


def test_an_older_run_stays_until_the_new_one_begins(
    tmp_path: Path, data: Path, ended: Path, refused: Refused
) -> None:
    (ended / "checkpoints" / "notes.txt").write_text("mine")
    before = content(ended)
    for hooks in (
        "[['best_model', '../x']]",
        "[['early_stop']]",
        "[['csv_log', 'sub/a.csv'], 'f']",
    ):
        command = words(data, ended, [*BASE, f"hooks={hooks}", "validation=none"])
        refused(*command, "--force")
        assert content(ended) == before
        assert sorted(path.name for path in ended.iterdir() if path.is_dir()) == ["checkpoints"]
    assert main([*words(data, ended, BASE), "--force"]) == 0
    kept = list(ended.rglob("notes.txt"))
    assert [path.read_text() for path in kept] == ["mine"]
    assert main(["train", "--quiet", "--resume", str(ended)]) == 0


def test_an_older_run_is_put_back_after_a_kill(ended: Path, data: Path) -> None:
    before = content(ended)
    (ended / "checkpoints").rename(ended / "checkpoints.replaced")
    (ended / "checkpoints").mkdir()
    assert main(["train", "--quiet", "--resume", str(ended)]) == 0
    assert set(content(ended)) == {*before, "result.json"}


def test_files_that_no_run_has_made_are_not_replaced(
    tmp_path: Path, data: Path, refused: Refused
) -> None:
    (tmp_path / "model.safetensors").write_text("mine")
    for more in ([], ["--force"]):
        err = refused(*words(data, tmp_path, BASE), *more)
        assert "it holds model.safetensors" in err
    assert (tmp_path / "model.safetensors").read_text() == "mine"


def test_a_journal_of_two_kills_ago_does_no_harm(ended: Path) -> None:
    # killed in its first save, begun anew, and killed before it removed what that had left
    (ended / "checkpoints" / "history-deadbeef-0001.jsonl").write_bytes(b"{}")
    assert main(["train", "--quiet", "--resume", str(ended)]) == 0
