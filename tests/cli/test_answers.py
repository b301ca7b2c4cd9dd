"""`plugnet evaluate` and `plugnet predict`: numbers that agree with the model and the data."""

import json
import shutil
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Network, registry
from plugnet.cli import main
from plugnet.files import safetensors


def scored(folder: Path) -> tuple[Any, Any]:
    """Return scores and true classes of the digits' test part."""
    samples = registry.datasets.build("digits").load()
    network = Network.load(folder / "model.safetensors")
    return network.forward(samples.test_data).astype(np.float64), samples.test_label


def test_evaluate_gives_the_accuracy_on_each_class(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(digits_run), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    scores, labels = scored(digits_run)
    right = Counter(labels[scores.argmax(axis=1) == labels].tolist())
    total = Counter(labels.tolist())
    assert report["samples"] == 300
    assert report["accuracy"] == sum(right.values()) / 300
    assert report["classes"] == [
        {
            "class": str(n),
            "samples": total[n],
            "correct": right[n],
            "accuracy": right[n] / total[n],
        }
        for n in range(10)
    ]
    result = json.loads((digits_run / "result.json").read_text())
    assert (report["loss"], report["accuracy"]) == (
        pytest.approx(result["loss"]),
        result["accuracy"],
    )


def test_evaluate_in_words(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(digits_run / "model.safetensors")]) == 0
    out = capsys.readouterr().out
    result = json.loads((digits_run / "result.json").read_text())
    assert f"Accuracy: {result['accuracy']:.4f} on 300 test samples" in out
    assert [line.split()[0] for line in out.splitlines()[3:]] == [str(n) for n in range(10)]


def test_evaluate_changes_no_file(digits_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    before = {path: path.read_bytes() for path in run.iterdir()}
    assert main(["evaluate", str(run)]) == 0
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_predict_gives_a_row_per_test_sample(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(digits_run), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    scores, labels = scored(digits_run)
    powers = np.exp(scores)
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
    assert [row["row"] for row in rows] == list(range(300))
    assert [row["predicted_class"] for row in rows] == [str(n) for n in scores.argmax(axis=1)]
    assert [row["true_class"] for row in rows] == [str(n) for n in labels]
    np.testing.assert_allclose([row["probability"] for row in rows], probabilities, rtol=1e-5)


def test_predict_in_words_has_aligned_columns(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(digits_run)]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["row", "predicted", "class", "probability", "true", "class"]
    assert len(rows) == 300
    assert {len(line) for line in (heading, *rows)} == {len(heading)}


@pytest.fixture(scope="session")
def table_run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table") / "run"
    words = ["--set", "layers=[['fc', 3, 2]]", "--set", "batch_size=10", "--set", "iterations=200"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its rows are not images, so there are no mistakes.png
        assert main(["train", "--quiet", "--data", str(table), *words, "--out", str(folder)]) == 0
    return folder


def test_a_run_is_evaluated_on_its_own_held_out_part(
    table_run: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([], ["--data", str(table)]):
        assert main(["evaluate", str(table_run), "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out)["samples"] == 10


def test_other_data_are_used_whole(
    table_run: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(table, tmp_path / "other.csv")
    assert main(["predict", str(table_run), "--json", "--data", str(tmp_path / "other.csv")]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["true_class"] for row in rows] == ["even", "odd"] * 25
    assert [row["predicted_class"] for row in rows] == ["even", "odd"] * 25


def test_real_values_are_predicted_as_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Network([("fc", 2, 1)])
    network.save(tmp_path / "model.safetensors")
    (tmp_path / "config.toml").write_text(
        'training.loss = "least_square_error"\ndata.reader = ["npz", { labels = "targets" }]\n'
    )
    x = np.array([[1.0, 2.0], [0.5, -1.0]])
    np.savez(
        tmp_path / "data.npz",
        train_data=x,
        train_label=[[1.5], [2.5]],
        test_data=x,
        test_label=[[1.5], [2.5]],
    )
    words = ["predict", str(tmp_path), "--json", "--data", str(tmp_path / "data.npz")]
    assert main(words) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = network.parameters()["fc1.weight"].value
    assert [row["true_values"] for row in rows] == [[1.5], [2.5]]
    np.testing.assert_allclose([row["predicted_values"] for row in rows], x @ values, rtol=1e-5)
    assert main(["evaluate", *words[1:]]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] is None


#: Descriptions of networks that no program of ours writes, each a text in one that one does.
CRAFTED = {
    "no layers": ('"layers": [', '"layers": 3, "x": ['),
    "unknown layer": ('"name": "fc"', '"name": "nothing"'),
    "an import": ('"name": "fc"', '"name": "os:system"'),
    "a hook": ('"kind": "layer"', '"kind": "hook"'),
    "huge": ('"outputs": 3', '"outputs": 4611686018427387904'),
    "other sizes": ('"outputs": 3', '"outputs": 4'),
    "no number": ('"outputs": 3', '"outputs": "three"'),
    "no such argument": ('"outputs": 3', '"outputs": 3, "eval": "1"'),
    "no dtype": ('"float32"', '"object"'),
    "no shape": ('"input_shape": [2]', '"input_shape": [-2, null]'),
    "no object": ('"network": {', '"network": [], "x": {'),
}


@pytest.mark.parametrize("command", ["evaluate", "predict"])
@pytest.mark.parametrize("change", CRAFTED.values(), ids=CRAFTED.keys())
def test_a_crafted_model_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, change: tuple[str, str]
) -> None:
    network = Network([("fc", 2, 3)])
    text = json.dumps({"version": 1, "network": network.spec()})
    assert change[0] in text
    model = tmp_path / "model.safetensors"
    safetensors.write(model, network.state(), {"plugnet": text.replace(*change)})
    x, ids = np.array([[1.0, 2.0], [0.5, -1.5], [0.0, 1.0]]), [0, 1, 2]
    data = tmp_path / "data.npz"
    np.savez(data, train_data=x, train_label=ids, test_data=x, test_label=ids)
    assert main([command, str(model), "--data", str(data)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("plugnet: ")


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_network_whose_outputs_are_not_rows_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    Network([("reshape", [1, 2])], input_shape=(2,)).save(tmp_path / "model.safetensors")
    x = np.array([[1.0, 2.0], [0.5, -1.5]])
    data = tmp_path / "data.npz"
    np.savez(data, train_data=x, train_label=[0, 1], test_data=x, test_label=[0, 1])
    assert main([command, str(tmp_path / "model.safetensors"), "--data", str(data)]) == 2
    assert "(2, 1, 2)" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_what_is_not_a_run_is_refused(
    tmp_path: Path, digits_run: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(tmp_path)]) == 2
    assert "model.safetensors" in capsys.readouterr().err
    assert main([command, str(digits_run / "config.toml")]) == 2
    assert "config.toml" in capsys.readouterr().err
    bare = tmp_path / "bare.safetensors"
    shutil.copy(digits_run / "model.safetensors", bare)
    assert main([command, str(bare)]) == 2
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("loss", "column", "strengths"),
    [
        ("sigmoid_cross_entropy", "probability", [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-1))]),
        ("hinge", "score", [3.0, -1.0]),
    ],
)
def test_a_single_output_gives_the_strength_of_its_class(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    loss: str,
    column: str,
    strengths: list[float],
) -> None:
    network = Network([("fc", 2, 1, {"bias": False})])
    network.parameters()["fc1.weight"].value[...] = 1
    network.save(tmp_path / "model.safetensors")
    (tmp_path / "config.toml").write_text(f'training.loss = "{loss}"\n')
    x, ids = np.array([[1.0, 2.0], [0.5, -1.5]]), [1, 0]
    data = tmp_path / "data.npz"
    np.savez(data, train_data=x, train_label=ids, test_data=x, test_label=ids)
    assert main(["predict", str(tmp_path), "--json", "--data", str(data)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["predicted_class"], row["true_class"]) for row in rows] == [(1, 1), (0, 0)]
    np.testing.assert_allclose([row[column] for row in rows], strengths, rtol=1e-6)
