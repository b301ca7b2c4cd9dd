"""`plugnet evaluate` and `plugnet predict`: numbers that agree with the model and the data."""

import json
import shutil
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused, Shown

from plugnet import Network, registry
from plugnet.arrays import Array
from plugnet.cli import main
from plugnet.files import safetensors


def scored(folder: Path) -> tuple[Any, Any]:
    """Return scores and true classes of the digits' test part."""
    samples = registry.datasets.build("digits").load()
    network = Network.load(folder / "model.safetensors")
    return network.forward(samples.test.x).astype(np.float64), samples.test.y


def predicted(shown: Shown, *words: str) -> list[Any]:
    """Return the rows that `plugnet predict` gives."""
    return [json.loads(line) for line in shown("predict", *words, "--json").splitlines()]


def written(folder: Path, x: Array, labels: Any) -> str:
    """Write samples and labels, the same to train and to test on; return the file."""
    path = folder / "data.npz"
    np.savez(path, train_data=x, train_label=labels, test_data=x, test_label=labels)
    return str(path)


def test_evaluate_gives_the_accuracy_on_each_class(digits_run: Path, shown: Shown) -> None:
    report = json.loads(shown("evaluate", str(digits_run), "--json"))
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


def test_evaluate_in_words(digits_run: Path, shown: Shown) -> None:
    out = shown("evaluate", str(digits_run / "model.safetensors"))
    result = json.loads((digits_run / "result.json").read_text())
    assert f"Accuracy: {result['accuracy']:.4f} on 300 test samples" in out
    assert [line.split()[0] for line in out.splitlines()[3:]] == [str(n) for n in range(10)]


def test_evaluate_changes_no_file(digits_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    before = {path: path.read_bytes() for path in run.iterdir()}
    assert main(["evaluate", str(run)]) == 0
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_predict_gives_a_row_per_test_sample(digits_run: Path, shown: Shown) -> None:
    rows = predicted(shown, str(digits_run))
    scores, labels = scored(digits_run)
    powers = np.exp(scores)
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
    assert [row["row"] for row in rows] == list(range(300))
    assert [row["predicted_class"] for row in rows] == [str(n) for n in scores.argmax(axis=1)]
    assert [row["true_class"] for row in rows] == [str(n) for n in labels]
    np.testing.assert_allclose([row["probability"] for row in rows], probabilities, rtol=1e-5)


def test_predict_in_words_has_aligned_columns(digits_run: Path, shown: Shown) -> None:
    heading, *rows = shown("predict", str(digits_run)).splitlines()
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
    table_run: Path, table: Path, shown: Shown
) -> None:
    for words in ([], ["--data", str(table)]):
        assert json.loads(shown("evaluate", str(table_run), *words, "--json"))["samples"] == 10


def test_other_data_are_used_whole(
    table_run: Path, table: Path, tmp_path: Path, shown: Shown
) -> None:
    shutil.copy(table, tmp_path / "other.csv")
    rows = predicted(shown, str(table_run), "--data", str(tmp_path / "other.csv"))
    assert [row["true_class"] for row in rows] == ["even", "odd"] * 25
    assert [row["predicted_class"] for row in rows] == ["even", "odd"] * 25


def test_real_values_are_predicted_as_numbers(tmp_path: Path, shown: Shown) -> None:
    network = Network([("fc", 2, 1)])
    network.save(tmp_path / "model.safetensors")
    (tmp_path / "config.toml").write_text(
        'training.loss = "least_square_error"\ndata.reader = ["npz", { labels = "targets" }]\n'
    )
    x = np.array([[1.0, 2.0], [0.5, -1.0]])
    words = [str(tmp_path), "--data", written(tmp_path, x, [[1.5], [2.5]])]
    rows = predicted(shown, *words)
    values = network.parameters()["fc1.weight"].value
    assert [row["true_values"] for row in rows] == [[1.5], [2.5]]
    np.testing.assert_allclose([row["predicted_values"] for row in rows], x @ values, rtol=1e-5)
    assert json.loads(shown("evaluate", *words, "--json"))["accuracy"] is None


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
    tmp_path: Path, refused: Refused, command: str, change: tuple[str, str]
) -> None:
    network = Network([("fc", 2, 3)])
    text = json.dumps({"version": 1, "network": network.spec()})
    assert change[0] in text
    model = tmp_path / "model.safetensors"
    safetensors.write(model, network.state(), {"plugnet": text.replace(*change)})
    x, ids = np.array([[1.0, 2.0], [0.5, -1.5], [0.0, 1.0]]), [0, 1, 2]
    data = written(tmp_path, x, ids)
    refused(command, str(model), "--data", data)


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_network_whose_outputs_are_not_rows_is_refused(
    tmp_path: Path, command: str, refused: Refused
) -> None:
    Network([("reshape", [1, 2])], input_shape=(2,)).save(tmp_path / "model.safetensors")
    x = np.array([[1.0, 2.0], [0.5, -1.5]])
    data = written(tmp_path, x, [0, 1])
    assert "(2, 1, 2)" in refused(command, str(tmp_path / "model.safetensors"), "--data", data)


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_what_is_not_a_run_is_refused(
    tmp_path: Path, digits_run: Path, command: str, refused: Refused
) -> None:
    assert "model.safetensors" in refused(command, str(tmp_path))
    assert "config.toml" in refused(command, str(digits_run / "config.toml"))
    bare = tmp_path / "bare.safetensors"
    shutil.copy(digits_run / "model.safetensors", bare)
    assert "--data" in refused(command, str(bare))


@pytest.mark.parametrize(
    ("loss", "column", "strengths"),
    [
        ("sigmoid_cross_entropy", "probability", [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-1))]),
        ("hinge", "score", [3.0, -1.0]),
    ],
)
def test_a_single_output_gives_the_strength_of_its_class(
    tmp_path: Path, loss: str, column: str, strengths: list[float], shown: Shown
) -> None:
    network = Network([("fc", 2, 1, {"bias": False})])
    network.parameters()["fc1.weight"].value[...] = 1
    network.save(tmp_path / "model.safetensors")
    (tmp_path / "config.toml").write_text(f'training.loss = "{loss}"\n')
    x, ids = np.array([[1.0, 2.0], [0.5, -1.5]]), [1, 0]
    data = written(tmp_path, x, ids)
    rows = predicted(shown, str(tmp_path), "--data", data)
    assert [(row["predicted_class"], row["true_class"]) for row in rows] == [(1, 1), (0, 0)]
    np.testing.assert_allclose([row[column] for row in rows], strengths, rtol=1e-6)
