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
from tests.splits import held_out

import plugnet
from plugnet import Model, Network, Trainer, registry
from plugnet.cli import config_file, main
from plugnet.cli.config import Config

FILES = {
    "config.toml",
    "run.json",
    "checkpoints",
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


def test_a_run_directory_holds_all_its_files(digits_run: Path) -> None:
    assert {path.name for path in digits_run.iterdir()} == FILES


def test_history_has_a_row_per_iteration_and_its_validation(digits_run: Path) -> None:
    history = rows(digits_run)
    assert [int(row["iteration"]) for row in history] == list(range(1, 61))
    # Caffe's inv: base * (1 + gamma * iteration) ** -power, iterations from 0
    rates = [0.1 * (1 + 0.0005 * iteration) ** -0.75 for iteration in range(60)]
    assert [float(row["rate"]) for row in history] == pytest.approx(rates, rel=1e-12)
    assert abs(float(history[0]["loss"]) - math.log(10)) < 0.3
    validated = [int(row["iteration"]) for row in history if row["validation_loss"]]
    assert validated == [25, 50, 60]
    assert [bool(row["validation_accuracy"]) for row in history] == [
        bool(row["validation_loss"]) for row in history
    ]


def test_the_config_as_used_loads_equal(digits_run: Path) -> None:
    used = config_file.load(digits_run / "config.toml")
    assert used == config_file.override(Config(), ["iterations=60", "evaluate_every=25"])


def test_result_agrees_with_the_model_and_the_data_computed_by_hand(digits_run: Path) -> None:
    arrays = stored_arrays(digits_run / "model.safetensors")
    test = held_out(registry.datasets.build("digits").load())
    y = test.x.reshape(300, 64)
    for layer in ("fc1", "fc2"):
        y = np.tanh(y @ arrays[f"{layer}.weight"] + arrays[f"{layer}.bias"])
    scores = (y @ arrays["fc3.weight"] + arrays["fc3.bias"]).astype(np.float64)
    right = scores.argmax(axis=1) == test.y
    log_sum = np.log(np.exp(scores).sum(axis=1))
    loss = np.mean(log_sum - scores[np.arange(300), test.y])

    result = json.loads((digits_run / "result.json").read_text())
    assert result["accuracy"] == right.mean()
    assert result["loss"] == pytest.approx(loss, rel=1e-5)
    assert result["test"] == {"loss": result["loss"], "accuracy": result["accuracy"]}
    last = rows(digits_run)[-1]
    assert result["validation"] == {
        "loss": float(last["validation_loss"]),
        "accuracy": float(last["validation_accuracy"]),
    }
    assert (result["validation_on"], result["test_samples"]) == (0.1, 300)
    assert (result["iterations"], result["iterations_done"]) == (60, 60)
    assert (result["seed"], result["stopped"]) == (0, None)
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
    assert rows(tmp_path / "run")[-1]["validation_accuracy"] != ""


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
    # A high rate lets the loss rise again, so the last weights are not the best ones.
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
    losses = [float(r["validation_loss"]) for r in rows(folder) if r["validation_loss"]]
    result = json.loads((folder / "result.json").read_text())
    assert losses.index(min(losses)) == len(losses) - 3
    assert result["validation"]["loss"] == pytest.approx(min(losses))
    assert result["stopped"].startswith("early_stop")
    assert result["iterations_done"] == 5 * len(losses)
    assert result["iterations"] == 5 * (len(losses) - 2)
    test = held_out(registry.datasets.build("digits").load())
    answers = Model.load(folder).predict(test.x)
    assert result["accuracy"] == np.mean(answers == test.y)
    wrong = round(300 * (1 - result["accuracy"]))
    assert titles == [f"{wrong} of 300 test samples misclassified"]


def test_ctrl_c_before_training_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("plugnet.cli.data_source.read", interrupted)
    assert main(["train", "--out", str(tmp_path / "run")]) == 130
    assert capsys.readouterr() == ("", "plugnet: interrupted\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("sketches")
def test_another_config_hook_and_no_regularizer(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ["--set", "regularizer=none", "--set", "hooks=[['best_model', 'best.safetensors']]"]
    assert main(["train", "--quiet", *words, "--set", "iterations=3", "--out", str(folder)]) == 0
    last = stored_arrays(folder / "model.safetensors")
    for name, array in stored_arrays(folder / "best.safetensors").items():
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


def test_data_by_suffix_with_names_and_an_odd_path(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "läuf 1"
    words = ["--set", "layers=[['fc', {outputs = 2}]]", "--set", "batch_size=10"]
    assert main(["train", "--data", str(table), *words, "--out", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "40 samples to train on, 10 to test, each 3 numbers; 2 classes of label" in out
    assert "inputs: a, b, c" in out
    assert "warning" not in err
    assert config_file.load(folder / "config.toml").data.path == str(table.absolute())
    assert {p.name for p in folder.iterdir()} == FILES - {"mistakes.png"}
    assert json.loads((folder / "result.json").read_text())["accuracy"] == 1.0


def test_a_table_of_prices_is_learnt_without_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = np.random.default_rng(0)
    area, rooms = draw.uniform(40, 250, 200), draw.integers(1, 8, 200)
    price = 1500.5 * area + 8000 * rooms
    lines = [
        f"{i},{a:.1f},{'' if i % 20 == 3 else r},{p:.2f}"
        for i, (a, r, p) in enumerate(zip(area, rooms, price, strict=True))
    ]
    (tmp_path / "houses.csv").write_text("\n".join(["Id,area,rooms,price", *lines]))
    reader = "['csv', {drop = ['Id'], missing = 'mean'}]"
    words = ["--data", str(tmp_path / "houses.csv"), "--set", f"reader={reader}"]
    assert main(["train", *words, "--out", str(tmp_path / "run")]) == 0
    out, err = capsys.readouterr()
    assert "warning" not in err
    assert "160 samples to train on, 40 to test, each 2 numbers; real values of price" in out
    assert "left out: Id" in out
    assert "missing values are filled with the column's mean" in out
    assert "Network:  standardize1 -> fc1 -> tanh1 -> fc2 -> tanh2 -> fc3" in out
    assert "Accuracy" not in out
    assert (
        (tmp_path / "run")
        .joinpath("history.csv")
        .read_text()
        .startswith("iteration,loss,rate,validation_loss,validation_rmse,validation_r2\n")
    )
    assert {p.name for p in (tmp_path / "run").iterdir()} == FILES - {
        "confusion.png", "mistakes.png"
    }  # fmt: skip
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["accuracy"] is None
    assert 0 < result["test"]["rmse"] < 0.1 * price.std()  # in the unit of the price
    assert result["test"]["r2"] > 0.95


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize(
    ("setting", "count", "on"),
    [
        ("auto", 99, "none"),
        ("auto", 100, 0.1),
        ("none", 100, "none"),
        ("0.25", 40, 0.25),
        ("test", 40, "test"),
    ],
)
def test_what_is_validated_on(
    tmp_path: Path, setting: str, count: int, on: Any, shown: Shown
) -> None:
    lines = [f"{i % 7},{i % 5},{i % 2 == 0}" for i in range(count)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,label", *lines]))
    reader = f"['csv', '{tmp_path / 't.csv'}', {{test_path = '{tmp_path / 't.csv'}'}}]"
    words = ["--set", f"reader={reader}", "--set", f"validation={setting}"]
    out = shown("train", *words, "--set", "iterations=3", "--out", str(tmp_path / "run"))
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["validation_on"] == on
    assert result["test_samples"] == count
    header = (tmp_path / "run/history.csv").read_text().splitlines()[0]
    assert ("validation_loss" in header) is (on != "none")
    assert (result["validation"] == {}) is (on == "none")
    if on == "test":
        assert result["validation"] == result["test"]
        assert "no independent test" in out
    if isinstance(on, float):
        assert f"{on:.0%} of the training samples are set aside" in out


@pytest.mark.usefixtures("sketches")
def test_without_anything_to_judge_by_only_the_loss_is_drawn(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--set", f"reader=['csv', '{table}', {{test_fraction = 0}}]", "--set", "iterations=3"]
    assert main(["train", "--quiet", *words, "--out", str(tmp_path / "run")]) == 0
    assert capsys.readouterr() == ("", "")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES - {
        "confusion.png", "mistakes.png"
    }  # fmt: skip
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert (result["accuracy"], result["test"], result["test_samples"]) == (None, {}, 0)


@pytest.mark.usefixtures("sketches")
def test_metrics_epochs_and_weights_of_classes(tmp_path: Path) -> None:
    lines = [f"{i % 7},{i % 5},{1 if i % 10 == 0 else 2}" for i in range(100)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,label", *lines]))
    words = ["metrics=['accuracy', 'f1', ['top_k', 1]]", "epochs=3", "batch_size=10"]
    words += ["class_weight={1 = 0, 2 = 1}", "validation=none"]
    sets = [word for text in words for word in ("--set", text)]
    run = ["--data", str(tmp_path / "t.csv"), *sets, "--out", str(tmp_path / "run")]
    assert main(["train", "--quiet", *run]) == 0
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["iterations"] == 3 * 80 / 10
    assert set(result["test"]) == {"loss", "accuracy", "f1", "top_k"}
    assert set(Model.load(tmp_path / "run").predict({"a": [1, 2], "b": [3, 4]})) == {2}


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize(("loss", "outputs"), [("sigmoid_cross_entropy", 1), ("hinge", 1)])
def test_a_loss_of_two_classes_gets_one_output(
    table: Path, tmp_path: Path, loss: str, outputs: int
) -> None:
    words = ["--set", f"loss={loss}", "--set", "iterations=100", "--set", "layers=['fc']"]
    run = tmp_path / "run"
    assert main(["train", "--quiet", "--data", str(table), *words, "--out", str(run)]) == 0
    model = Model.load(run)
    assert model.network.output_shape == (outputs,)
    assert model.classes == ("even", "odd")
    assert json.loads((run / "result.json").read_text())["accuracy"] == 1


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("last", ["'fc'", "['fc']", "['fc', {bias = false}]", "['fc', 5]"])
def test_the_last_layer_gets_an_output_for_each_class(
    table: Path, tmp_path: Path, last: str
) -> None:
    words = ["--set", f"layers=[['fc', 3, 5], 'tanh', {last}]", "--set", "iterations=2"]
    run = tmp_path / "run"
    assert main(["train", "--quiet", "--data", str(table), *words, "--out", str(run)]) == 0
    assert Model.load(run).network.output_shape == (2,)


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize(
    "reader",
    ['["csv", "table.csv"]', '["csv", { path = "table.csv" }]', '"csv"\npath = "table.csv"'],
)
def test_paths_in_a_config_begin_at_its_folder(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, shown: Shown
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/table.csv").write_bytes(table.read_bytes())
    (tmp_path / "own/my.toml").write_text(f"[data]\nreader = {reader}\n")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    words = ["--quiet", "--set", "iterations=2"]
    assert main(["train", "../own/my.toml", *words, "--out", "a"]) == 0
    assert json.loads(shown("evaluate", "a", "--json"))["samples"] == 10
    # given on the command line, they begin at the working directory, and any reader takes --data
    lines = (tmp_path / "own/table.csv").read_text().splitlines()[:31]
    Path("table.csv").write_text("\n".join(lines))
    for given in (["--set", "data.path=table.csv"], ["--data", "table.csv"]):
        assert main(["train", "../own/my.toml", *words, *given, "--out", "b", "--force"]) == 0
        assert json.loads(shown("evaluate", "b", "--json"))["samples"] == 6
    monkeypatch.chdir(tmp_path)
    assert json.loads(shown("evaluate", "other/b", "--json"))["samples"] == 6


@pytest.mark.usefixtures("sketches")
def test_the_home_folder_is_known_everywhere(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "table.csv").write_bytes(table.read_bytes())
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/my.toml").write_text('[data]\nreader = ["csv", "~/table.csv"]\n')
    (tmp_path / "sub/by_path.toml").write_text('[data]\nreader = "csv"\npath = "~/table.csv"\n')
    for number, words in enumerate(
        [["~/sub/my.toml"], ["~/sub/by_path.toml"], ["--data", "~/table.csv"]]
    ):
        run = f"~/run-{number}"
        assert main(["train", "--quiet", "--set", "iterations=2", *words, "--out", run]) == 0
        assert (tmp_path / f"run-{number}/model.safetensors").exists()
        assert main(["evaluate", run]) == 0


@pytest.mark.usefixtures("sketches")
def test_mnist_reaches_the_tutorials_accuracy(tmp_path: Path, mnist_folder: Path) -> None:
    config = Path(__file__).parents[2] / "examples/mnist.toml"
    folder = tmp_path / "run"
    words = ["train", str(config), "--data", str(mnist_folder), "--quiet", "--out", str(folder)]
    assert main(words) == 0
    assert 0.94 < json.loads((folder / "result.json").read_text())["accuracy"] < 0.97
    assert len(rows(folder)) == 800


@pytest.mark.usefixtures("sketches")
def test_a_matrix_that_nobody_could_read_is_not_drawn(tmp_path: Path) -> None:
    for classes, is_drawn in ((200, True), (201, False)):
        path, folder = tmp_path / f"{classes}.csv", tmp_path / f"run{classes}"
        rows = [f"{i % 7},{i % 5},c{i % classes}" for i in range(2 * classes)]
        path.write_text("\n".join(["a,b,label", *rows]))
        words = ["--data", str(path), "--quiet", "--set", "iterations=2", "--out", str(folder)]
        assert main(["train", *words]) == 0
        assert (folder / "confusion.png").exists() is is_drawn


@pytest.mark.usefixtures("sketches")
def test_a_reader_that_is_asked_for_reads_whatever_the_suffix(
    table: Path, tmp_path: Path, refused: Refused
) -> None:
    odd = tmp_path / "table.npz"
    odd.write_bytes(table.read_bytes())
    words = ["--quiet", "--set", "iterations=2", "--set", "data.reader=csv"]
    assert main(["train", "--data", str(odd), *words, "--out", str(tmp_path / "run")]) == 0
    words = ["--set", "data.reader=npz", "--out", str(tmp_path / "other")]
    assert "must be a NumPy archive" in refused("train", "--data", str(table), *words)
