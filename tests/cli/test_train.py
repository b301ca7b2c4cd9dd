"""`plugnet train`: what it leaves in the run directory, and what it refuses."""

import csv
import json
import math
import os
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from tests.aliases import Refused, Shown

import plugnet
from plugnet import Network, Trainer, registry
from plugnet.cli import config_file, main
from plugnet.cli.config import Config

FILES = {
    "config.toml",
    "history.csv",
    "loss.png",
    "confusion.png",
    "mistakes.png",
    "model.safetensors",
    "result.json",
}


def stored_arrays(path: Path) -> dict[str, Any]:
    """Return the float32 arrays of a safetensors file, read without plugnet."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__")
    arrays = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        assert entry["dtype"] == "F32"
        arrays[name] = np.frombuffer(content[start:end], "<f4").reshape(entry["shape"])
    return arrays


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_directory_holds_all_seven_files(digits_run: Path) -> None:
    assert {path.name for path in digits_run.iterdir()} == FILES


def test_history_has_a_row_per_iteration_and_its_tests(digits_run: Path) -> None:
    history = rows(digits_run)
    assert [int(row["iteration"]) for row in history] == list(range(1, 61))
    # Caffe's inv: base * (1 + gamma * iteration) ** -power, iterations from 0
    rates = [0.1 * (1 + 0.0005 * iteration) ** -0.75 for iteration in range(60)]
    assert [float(row["rate"]) for row in history] == pytest.approx(rates, rel=1e-12)
    assert abs(float(history[0]["loss"]) - math.log(10)) < 0.3
    tested = [int(row["iteration"]) for row in history if row["test_loss"]]
    assert tested == [25, 50, 60]
    assert [bool(row["test_accuracy"]) for row in history] == [
        bool(r["test_loss"]) for r in history
    ]


def test_the_config_as_used_loads_equal(digits_run: Path) -> None:
    used = config_file.load(digits_run / "config.toml")
    assert used == config_file.override(Config(), ["iterations=60", "evaluate_every=25"])


def test_result_agrees_with_the_model_and_the_data_computed_by_hand(digits_run: Path) -> None:
    arrays = stored_arrays(digits_run / "model.safetensors")
    samples = registry.datasets.build("digits").load()
    y = samples.test.x.reshape(300, 64)
    for layer in ("fc1", "fc2"):
        y = np.tanh(y @ arrays[f"{layer}.weight"] + arrays[f"{layer}.bias"])
    scores = (y @ arrays["fc3.weight"] + arrays["fc3.bias"]).astype(np.float64)
    right = scores.argmax(axis=1) == samples.test.y
    log_sum = np.log(np.exp(scores).sum(axis=1))
    loss = np.mean(log_sum - scores[np.arange(300), samples.test.y])

    result = json.loads((digits_run / "result.json").read_text())
    assert result["accuracy"] == right.mean()
    assert result["loss"] == pytest.approx(loss, rel=1e-5)
    assert result["accuracy"] == float(rows(digits_run)[-1]["test_accuracy"])
    assert (result["iterations"], result["seed"], result["stopped"]) == (60, 0, None)
    assert result["versions"]["plugnet"] == plugnet.__version__
    assert result["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize("name", ["loss.png", "confusion.png", "mistakes.png"])
def test_pictures_are_pictures_and_not_blank(digits_run: Path, name: str) -> None:
    image = imread(digits_run / name)
    height, width, _ = image.shape
    assert 300 <= width <= 1600
    assert 100 <= height <= 1600
    dark = (image[..., :3].min(axis=2) < 0.5).mean()
    assert 0.002 < dark < 0.5


@pytest.mark.usefixtures("sketches")
def test_the_same_seed_gives_the_same_model_and_another_does_not(
    tmp_path: Path, digits_run: Path
) -> None:
    words = ["train", "--quiet", "--set", "iterations=60", "--set", "evaluate_every=25"]
    assert main([*words, "--out", str(tmp_path / "same")]) == 0
    assert main([*words, "--set", "seed=1", "--out", str(tmp_path / "other")]) == 0
    same = stored_arrays(tmp_path / "same" / "model.safetensors")
    other = stored_arrays(tmp_path / "other" / "model.safetensors")
    for name, array in stored_arrays(digits_run / "model.safetensors").items():
        np.testing.assert_array_equal(same[name], array)
    assert not np.array_equal(other["fc1.weight"], same["fc1.weight"])


@pytest.mark.usefixtures("sketches")
def test_it_says_plainly_what_it_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["train", "--set", "iterations=20", "--set", "evaluate_every=10"]) == 0
    out, err = capsys.readouterr()
    result = json.loads((tmp_path / "runs/digits-1/result.json").read_text())
    assert "1497 samples to train on, 300 to test, each 8 x 8 x 1; 10 classes" in out
    assert "fc1 -> tanh1 -> fc2 -> tanh2 -> fc3" in out
    assert "6,310 parameters to train" in out  # 64 * 50 + 50 + 50 * 50 + 50 + 50 * 10 + 10
    assert f"Accuracy: {result['accuracy']:.4f}" in out
    assert "plugnet evaluate runs/digits-1" in out.replace(os.sep, "/")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["10/20", "20/20"]
    assert max(map(len, (out + err).splitlines())) <= 80
    assert (out + err).isascii()


@pytest.mark.usefixtures("sketches")
def test_runs_are_numbered_by_config_and_free_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my own.toml").write_text("[training]\niterations = 2\n")
    (tmp_path / "runs" / "my own-2").mkdir(parents=True)
    for _ in range(3):
        assert main(["train", "my own.toml", "--quiet"]) == 0
    made = {p.name for p in (tmp_path / "runs").iterdir() if (p / "result.json").exists()}
    assert made == {"my own-1", "my own-3", "my own-4"}


@pytest.mark.usefixtures("sketches")
def test_quiet_is_quiet_and_json_is_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shown: Shown
) -> None:
    assert main(["train", "--quiet", "--set", "iterations=2", "--out", str(tmp_path / "a")]) == 0
    assert capsys.readouterr() == ("", "")
    out = shown("train", "--json", "--set", "iterations=2", "--out", str(tmp_path / "b"))
    found = json.loads(out)
    written = json.loads((tmp_path / "b" / "result.json").read_text())
    assert found.pop("directory") == str(tmp_path / "b")
    assert set(found.pop("files")) == FILES
    assert found == written


@pytest.mark.usefixtures("sketches")
def test_a_directory_with_a_run_is_refused_or_replaced_by_force(
    tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    words = ["train", "--quiet", "--out", str(tmp_path)]
    assert main([*words, "--set", "iterations=3"]) == 0
    assert "--force" in refused(*words, "--set", "iterations=2")
    assert len(rows(tmp_path)) == 3
    assert main([*words, "--set", "iterations=2", "--force"]) == 0
    assert len(rows(tmp_path)) == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Trainer, "fit", lambda *_: pytest.fail("training began"))
    assert "cannot be written" in refused("train", "--out", str(tmp_path / "file" / "run"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "optimizer=sdg"], "sgd"),
        (["--set", "layers=[['fc', 3, 10]]"], "(3,)"),
        (["--set", "layers=[['fc', 64, 9]]"], "9"),
        (["--set", "layers=[[['fc', 64, 10], 'tanh']]"], "a list of at least one layer"),
        (["--set", "layers=[['chain', ['fc', 64, 10]]]"], "while building layer 'chain'"),
        (["--set", "parameters={'*.bais' = {lr_mult = 2}}"], "'*.bais' fits no parameter"),
        (["--set", "batch_size=5000"], "batch_size"),
        (["--data", "missing.mat"], "missing.mat"),
        (["missing.toml"], "missing.toml"),
        (["--set", "reader=os:system"], "os:system"),
    ],
)
def test_an_error_is_one_clean_message_and_leaves_no_directory(
    tmp_path: Path, words: list[str], message: str, refused: Refused
) -> None:
    err = refused("train", *words, "--quiet", "--out", str(tmp_path / "run"))
    assert message in err
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("sketches")
def test_divergence_ends_with_3_and_a_complete_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert main(["train", "--quiet", "--set", "policy=['fixed', 1e12]", "--out", str(folder)]) == 3
    err = capsys.readouterr().err
    assert "diverged" in err
    assert str(folder) in err
    history = rows(folder)
    assert 1 <= len(history) < 800
    assert [int(row["iteration"]) for row in history] == list(range(1, len(history) + 1))
    assert all(math.isfinite(float(row["loss"])) for row in history)
    assert not (folder / "result.json").exists()


class RaiseSignal:
    """A hook that sends this process a signal after the given number of steps, once or twice."""

    def __init__(self, number: int, after: int, times: int = 1) -> None:
        self.number = number
        self.after = after
        self.times = times

    def plugnet_step_end(self, iteration: int) -> None:
        if iteration + 1 == self.after:
            for _ in range(self.times):
                signal.raise_signal(self.number)


@pytest.fixture
def heard() -> Iterator[None]:
    """Let signals be heard, which a shell lets its background jobs ignore."""
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, found)


@pytest.mark.usefixtures("sketches", "heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_training_tidily(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with registry.isolated():
        registry.hooks.register("raise_signal")(RaiseSignal)
        words = ["--set", f"hooks=[['raise_signal', {int(number)}, 7]]"]
        assert main(["train", *words, "--out", str(tmp_path / "run")]) == 128 + number
    assert signal.getsignal(number) == before
    assert f"Stopped after 7 iterations: interrupted by {number.name}" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert len(rows(tmp_path / "run")) == 7
    assert rows(tmp_path / "run")[-1]["test_accuracy"] != ""


@pytest.mark.usefixtures("sketches", "heard")
def test_a_second_interrupt_ends_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with registry.isolated():
        registry.hooks.register("raise_signal")(RaiseSignal)
        words = ["--set", f"hooks=[['raise_signal', {int(signal.SIGINT)}, 7, 2]]"]
        assert main(["train", "--quiet", *words, "--out", str(tmp_path / "run")]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert 6 <= len(rows(tmp_path / "run")) <= 7
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.usefixtures("sketches")
def test_training_outside_the_main_thread_works(tmp_path: Path) -> None:
    status: list[int] = []
    words = ["train", "--quiet", "--set", "iterations=2", "--out", str(tmp_path / "run")]
    thread = threading.Thread(target=lambda: status.append(main(words)))
    thread.start()
    thread.join()
    assert status == [0]


@pytest.mark.usefixtures("sketches")
def test_the_result_is_that_of_the_weights_early_stop_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A high rate lets the test loss rise again, so the last weights are not the best ones.
    titles: list[str] = []

    def keep_title(_path: Path, _size: object, paint: Callable[[Figure], None]) -> None:
        figure = Figure()
        paint(figure)
        titles.append(figure.axes[0].get_title())

    monkeypatch.setattr("plugnet_builtin.hooks.confusion_matrix.draw", keep_title)
    folder = tmp_path / "run"
    words = ["policy=['fixed', 1.0]", "hooks=[['early_stop', 2]]", "evaluate_every=5"]
    sets = [word for pair in zip(["--set"] * 3, words, strict=True) for word in pair]
    assert main(["train", "--quiet", *sets, "--out", str(folder)]) == 0
    tested = [float(row["test_loss"]) for row in rows(folder) if row["test_loss"]]
    result = json.loads((folder / "result.json").read_text())
    assert tested.index(min(tested)) == len(tested) - 3
    assert result["loss"] == pytest.approx(min(tested))
    assert result["stopped"].startswith("early_stop")
    assert result["iterations"] == 5 * len(tested)
    wrong = round(300 * (1 - result["accuracy"]))
    assert titles == [f"{wrong} of 300 test samples misclassified"]


def test_ctrl_c_before_training_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("plugnet.cli.run_setup.read", interrupted)
    assert main(["train", "--out", str(tmp_path / "run")]) == 130
    assert capsys.readouterr() == ("", "plugnet: interrupted\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("sketches")
def test_another_config_hook_and_no_regularizer(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    best = str(tmp_path / "best.safetensors")
    words = ["--set", "regularizer=none", "--set", f"hooks=[['best_model', '{best}']]"]
    assert main(["train", "--quiet", *words, "--set", "iterations=3", "--out", str(folder)]) == 0
    last = stored_arrays(folder / "model.safetensors")
    for name, array in stored_arrays(Path(best)).items():
        np.testing.assert_array_equal(array, last[name])


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["optimizer=adamw", "policy=['fixed', 0.001]"], True),
        (["optimizer=adamw", "regularizer=['l2', 0.1]"], False),
        (["optimizer=adamw", "regularizer=none"], False),
        (["optimizer=adam", "policy=['fixed', 0.001]"], False),
    ],
)
def test_it_says_that_adamw_trains_without_a_regularizer(
    tmp_path: Path, words: list[str], says: bool, shown: Shown
) -> None:
    sets = [word for text in [*words, "iterations=1"] for word in ("--set", text)]
    out = shown("train", *sets, "--out", str(tmp_path / "run"))
    assert ("no regularizer" in out) is says


@pytest.mark.usefixtures("sketches")
def test_a_chain_within_the_layers_is_trained_saved_and_asked(tmp_path: Path, shown: Shown) -> None:
    path, flat, nested = tmp_path / "some.toml", tmp_path / "flat", tmp_path / "nested"
    path.write_text(
        "[network]\n"
        'layers = [["chain", [["fc", { outputs = 50 }], "tanh"]], ["fc", { outputs = 10 }]]\n'
        'parameters = { "chain1.*" = { lr_mult = 0.5 } }\n'
    )
    words = ["--quiet", "--set", "iterations=100"]
    assert main(["train", str(path), *words, "--out", str(nested)]) == 0
    in_a_row = "layers=[['fc', {outputs = 50}], 'tanh', ['fc', {outputs = 10}]]"
    assert main(["train", *words, "--set", in_a_row, "--out", str(flat)]) == 0
    arrays = stored_arrays(nested / "model.safetensors")
    assert sorted(arrays) == [
        f"{layer}.{name}" for layer in ("chain1.fc1", "fc1") for name in ("bias", "weight")
    ]
    others = stored_arrays(flat / "model.safetensors")
    assert [a.shape for a in arrays.values()] == [a.shape for a in others.values()]
    again = Network.load(nested / "model.safetensors").parameters()
    assert {path: p.lr_mult for path, p in again.items()} == {
        "chain1.fc1.weight": 0.5, "chain1.fc1.bias": 0.5, "fc1.weight": 1, "fc1.bias": 1
    }  # fmt: skip
    assert json.loads((nested / "result.json").read_text())["accuracy"] > 0.8
    used = config_file.load(nested / "config.toml").network
    assert used == config_file.load(path).network
    rate = json.loads(shown("evaluate", str(nested), "--json"))["accuracy"]
    assert rate == json.loads((nested / "result.json").read_text())["accuracy"]


@pytest.mark.usefixtures("sketches")
def test_frozen_parameters_stay_as_they_are_and_are_not_counted(
    tmp_path: Path, shown: Shown
) -> None:
    words = ["--set", "parameters={'*.bias' = {trainable = false}}", "--set", "iterations=3"]
    out = shown("train", *words, "--out", str(tmp_path / "run"))
    assert "6,200 parameters to train" in out  # without 50 + 50 + 10 biases
    arrays = stored_arrays(tmp_path / "run" / "model.safetensors")
    assert [name for name, array in arrays.items() if not array.any()] == [
        "fc1.bias", "fc2.bias", "fc3.bias"
    ]  # fmt: skip


@pytest.mark.filterwarnings("default::plugnet.errors.PluginWarning")
def test_data_by_suffix_with_names_and_an_odd_path(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "läuf 1"
    words = ["--set", "layers=[['fc', {outputs = 2}]]", "--set", "batch_size=10"]
    assert main(["train", "--data", str(table), *words, "--out", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "40 samples to train on, 10 to test, each 3; 2 classes" in out
    assert "warning: mistakes.png is not drawn" in err
    assert config_file.load(folder / "config.toml").data.path == str(table.absolute())
    assert {p.name for p in folder.iterdir()} == FILES - {"mistakes.png"}
    assert json.loads((folder / "result.json").read_text())["accuracy"] == 1.0


@pytest.mark.filterwarnings("default::plugnet.errors.PluginWarning")
def test_real_targets_have_a_loss_and_no_accuracy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "line.csv"
    path.write_text("\n".join(f"{i / 50},{2 * i / 50 - 1}" for i in range(50)))
    words = ["--set", f"reader=['csv', '{path}', {{labels = 'targets'}}]", "--set", "batch_size=10"]
    words += ["--set", "layers=[['fc', 1, 1]]", "--set", "loss=least_square_error"]
    assert main(["train", *words, "--out", str(tmp_path / "run")]) == 0
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["accuracy"] is None
    assert result["loss"] < 0.01
    out, err = capsys.readouterr()
    assert "Accuracy" not in out
    assert "confusion.png is not drawn" in err


@pytest.mark.usefixtures("sketches")
def test_mnist_reaches_the_tutorials_accuracy(tmp_path: Path, mnist_folder: Path) -> None:
    config = Path(__file__).parents[2] / "examples/mnist.toml"
    folder = tmp_path / "run"
    words = ["train", str(config), "--data", str(mnist_folder), "--quiet", "--out", str(folder)]
    assert main(words) == 0
    assert 0.94 < json.loads((folder / "result.json").read_text())["accuracy"] < 0.97
    assert len(rows(folder)) == 800
