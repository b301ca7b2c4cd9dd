"""`plugnet evaluate`, and what both it and `plugnet predict` refuse."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused, Shown
from tests.splits import held_out

from plugnet import Model, Network, registry
from plugnet.arrays import Array
from plugnet.cli import main
from plugnet.files import safetensors
from plugnet.schema import Schema


def scored(folder: Path) -> tuple[Any, Any]:
    """Return scores and true classes of the digits' test part."""
    test = held_out(registry.datasets.build("digits").load())
    network = Network.load(folder / "model.safetensors")
    return network.forward(test.x).astype(np.float64), test.y


def written(folder: Path, x: Array, labels: Any) -> str:
    """Write samples and labels, the same to train and to test on; return the file."""
    path = folder / "data.npz"
    np.savez(path, train_data=x, train_label=labels, test_data=x, test_label=labels)
    return str(path)


def test_evaluate_gives_recall_and_precision_of_each_class(digits_run: Path, shown: Shown) -> None:
    report = json.loads(shown("evaluate", str(digits_run), "--json"))
    scores, labels = scored(digits_run)
    answers = scores.argmax(axis=1)
    right = Counter(labels[answers == labels].tolist())
    total, answered = Counter(labels.tolist()), Counter(answers.tolist())
    assert report["samples"] == 300
    assert report["accuracy"] == sum(right.values()) / 300
    assert report["classes"] == [
        {
            "class": n,
            "samples": total[n],
            "correct": right[n],
            "recall": right[n] / total[n],
            "precision": right[n] / answered[n],
        }
        for n in range(10)
    ]
    result = json.loads((digits_run / "result.json").read_text())
    assert (report["loss"], report["accuracy"]) == (
        pytest.approx(result["loss"]),
        result["accuracy"],
    )


def test_a_class_that_never_occurs_has_no_recall(tmp_path: Path, shown: Shown) -> None:
    network = Network([("fc", 2, 3, {"bias": False})])
    network.parameters()["fc1.weight"].value[...] = [[1, 0, 0], [0, 1, 0]]
    schema = Schema("class", ("ant", "bee", "cow"), ("a", "b"), ("label",))
    Model(network, "softmax_with_loss", schema).save(tmp_path / "model.safetensors")
    file = str(tmp_path / "model.safetensors")
    data = tmp_path / "new.csv"
    data.write_text("a,b,label\n1,0,ant\n0,1,ant\n0,1,bee\n")
    found = json.loads(shown("evaluate", file, "--data", str(data), "--json"))
    assert found["classes"] == [
        {"class": "ant", "samples": 2, "correct": 1, "recall": 0.5, "precision": 1.0},
        {"class": "bee", "samples": 1, "correct": 1, "recall": 1.0, "precision": 0.5},
    ]
    data.write_text("a,b,label\n1,0,bee\n1,0,bee\n")
    ant, bee = json.loads(shown("evaluate", file, "--data", str(data), "--json"))["classes"]
    assert (ant["recall"], ant["precision"]) == (None, 0.0)
    assert (bee["recall"], bee["precision"]) == (0.0, None)


def test_evaluate_in_words(digits_run: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = shown("evaluate", str(digits_run / "model.safetensors")).splitlines()
    result = json.loads((digits_run / "result.json").read_text())
    assert lines[:4] == [
        f"Accuracy: {result['accuracy']:.4f}",
        f"Loss:     {result['loss']:.4f}",
        "On:       300 test samples",
        "",
    ]
    assert lines[4].split() == ["class", "samples", "correct", "recall", "precision"]
    assert [line.split()[0] for line in lines[5:]] == [str(n) for n in range(10)]
    assert len({len(line) for line in lines[4:]}) == 1


def test_evaluate_changes_no_file(digits_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    before = {path: path.read_bytes() for path in run.rglob("*.*") if path.is_file()}
    assert main(["evaluate", str(run)]) == 0
    assert {path: path.read_bytes() for path in run.rglob("*.*") if path.is_file()} == before


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


def test_a_file_with_a_network_only_is_told_what_it_lacks(tmp_path: Path, refused: Refused) -> None:
    Network([("fc", 2, 3)]).save(tmp_path / "model.safetensors")
    (tmp_path / "config.toml").write_text('training.loss = "softmax_with_loss"\n')
    for command in ("evaluate", "predict"):
        message = refused(command, str(tmp_path))
        assert "the loss and the classes are missing" in message
        assert "Model(network, loss, Schema(" in message


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_what_is_not_a_run_is_refused(
    tmp_path: Path, digits_run: Path, command: str, refused: Refused
) -> None:
    assert "it has no model.safetensors" in refused(command, str(tmp_path))
    missing = str(tmp_path / "nope")
    assert f"{missing} must be the directory of a finished run, or a model file" in refused(
        command, missing
    )
    assert "config.toml" in refused(command, str(digits_run / "config.toml"))
    bare = tmp_path / "bare.safetensors"
    shutil.copy(digits_run / "model.safetensors", bare)
    (tmp_path / "config.toml").write_text("a config of another program")
    assert f"{bare} needs data: give --data PATH." in refused(command, str(bare))
    table = tmp_path / "flowers.csv"
    table.write_text("sepal_length,species\n1,setosa\n")
    assert "it is not a safetensors file" in refused(command, str(table))


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_only_how_data_are_read_may_change(
    digits_run: Path, command: str, refused: Refused
) -> None:
    message = refused(command, str(digits_run), "--set", "loss=hinge")
    assert "--set must change how data are read here" in message


def test_the_weights_of_the_test_samples_count(tmp_path: Path, shown: Shown) -> None:
    data = tmp_path / "data.csv"
    rows = [f"{i % 7},{i % 5},{'even' if i % 3 else 'odd'},{1 + i % 4}" for i in range(60)]
    data.write_text("\n".join(["a,b,label,w", *rows]))
    run = str(tmp_path / "run")
    words = ["--set", f"reader=['csv', '{data}', {{weight = 'w'}}]", "--set", "iterations=5"]
    assert "misclassified" not in shown("train", *words, "--out", run)  # not a whole number
    result = json.loads((tmp_path / "run/result.json").read_text())
    found = json.loads(shown("evaluate", run, "--json"))
    assert found["accuracy"] == pytest.approx(result["accuracy"])
    assert found["loss"] == pytest.approx(result["loss"])
    samples = registry.datasets.build("csv", str(data), weight="w").load().test
    assert samples is not None
    assert samples.weights is not None
    answers = Model.load(run).predict(dict(zip("ab", samples.x.T, strict=True)))
    right = np.average(answers == samples.y, weights=samples.weights)
    assert found["accuracy"] == pytest.approx(right)


def test_an_ignored_label_counts_nowhere(tmp_path: Path, shown: Shown) -> None:
    data = tmp_path / "data.csv"
    names = ["even", "odd", "?!"]
    rows = [f"{i % 7},{i % 3},{names[i % 3]}" for i in range(60)]
    data.write_text("\n".join(["a,b,label", *rows]))
    run = str(tmp_path / "run")
    words = ["--set", "ignore_label='?!'", "--set", "iterations=100"]
    out = shown("train", "--data", str(data), *words, "--out", run)
    assert "(0 of 8 test samples misclassified)" in out
    assert Model.load(run).classes == ("even", "odd")
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert (result["accuracy"], result["test_samples"]) == (1, 8)
    found = json.loads(shown("evaluate", run, "--data", str(data), "--json"))
    assert (found["accuracy"], found["samples"]) == (1, 40)
    assert [row["samples"] for row in found["classes"]] == [20, 20]
    lines = shown("predict", run, "--data", str(data), "--json").splitlines()
    assert [json.loads(line)["true_class"] for line in lines] == names * 20
