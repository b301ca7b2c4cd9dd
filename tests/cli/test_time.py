"""`plugnet time`: the pieces of a step, what the figures mean, and the option --threads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused, Shown

from plugnet import Network, Trainer
from plugnet.cli import main
from plugnet.training import timing
from plugnet.training.threads import blas_threads
from plugnet.training.timing import stages_of, time_step

X, Y = np.random.default_rng(0).random((40, 6)), np.arange(40) % 3


def test_the_table_has_a_row_for_every_piece_and_fits_a_terminal(shown: Shown) -> None:
    lines = shown("time", "--rounds", "3", "--threads", "1").splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines[3:11]]
    layers = ["fc1", "tanh1", "fc2", "tanh2", "fc3"]
    assert names == ["data", *layers, "loss", "update"]
    assert "float32" in lines[0]
    assert "batch of 100" in lines[0]
    shares = [int(line.split()[-2].rstrip("%")) for line in lines[3:11]]
    assert 95 <= sum(shares) <= 105


def test_json_has_the_same_in_seconds(tmp_path: Path) -> None:
    target = tmp_path / "time.json"
    words = ["--set", "batch_size=20", "--rounds", "4", "--threads", "1", "--json", str(target)]
    assert main(["time", *words]) == 0
    found = json.loads(target.read_text())
    assert (found["batch_size"], found["rounds"], found["dtype"]) == (20, 4, "float32")
    assert found["threads"] == 1
    pieces = {piece["name"]: piece for piece in found["pieces"]}
    # 64 -> 50 -> 50 -> 10 outputs; the first layer's input gradient is not computed
    assert pieces["fc1"]["flops"] == 20 * 2 * (2 * 64 * 50 + 50)
    assert pieces["fc3"]["flops"] == 20 * 3 * (2 * 50 * 10 + 10)
    assert pieces["fc2"]["products_seconds"] > 0
    assert pieces["tanh1"]["products_seconds"] is None
    assert pieces["update"]["forward_seconds"] == 0
    assert sum(piece["share"] for piece in pieces.values()) == pytest.approx(1)
    named = [piece["products_seconds"] or 0 for piece in pieces.values()]
    assert found["products_seconds"] == pytest.approx(sum(named))


def test_labels_may_be_any_words(tmp_path: Path, shown: Shown) -> None:
    for name, labels in (("words", ["ant", "bee", "cow"]), ("numbers", ["-1", "1", "7"])):
        data = tmp_path / f"{name}.csv"
        rows = [f"{i % 7 + 0.5},{i % 5},{labels[i % 3]}" for i in range(30)]
        data.write_text("\n".join(["a,b,label", *rows]))
        ignored = f"ignore_label={labels[2]}"
        words = ["--data", str(data), "--set", "loss=sigmoid_cross_entropy", "--set", ignored]
        assert "standardize1" in shown("time", "--rounds", "1", *words)


@pytest.mark.parametrize("wrong", [["--threads", "0"], ["--threads", "two"], ["--rounds", "x"]])
def test_options_that_are_no_numbers(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["time", *wrong])
    assert caught.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_no_rounds_are_refused(refused: Refused) -> None:
    assert "'--rounds' must be an integer at least 1" in refused("time", "--rounds", "0")


class Counting:
    """Counts what is called, in a network like any other."""

    def __init__(self, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        for name, layer in zip(network.layer_names, network.layers, strict=True):
            for method in ("forward", "gradients", "backward"):
                monkeypatch.setattr(layer, method, self.noting(name, method, layer))

    def noting(self, name: str, method: str, layer: Any) -> Any:
        original = getattr(layer, method)

        def call(*arguments: Any) -> Any:
            self.calls.append(f"{name}.{method}")
            return original(*arguments)

        return call


def test_a_step_by_piece_does_what_a_whole_step_does(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(["tanh", ("fc", 6, 5), "tanh", ("fc", 5, 3)], input_shape=(6,))
    counting = Counting(network, monkeypatch)
    trainer = Trainer(network, batch_size=8)
    time_step(trainer, X, Y, 1)
    each = len(counting.calls) // 16  # one round and three to warm up, each with four steps
    assert counting.calls[:each] == counting.calls[each : 2 * each]
    assert "fc1.gradients" in counting.calls
    assert "fc1.backward" not in counting.calls


def test_timed_steps_are_those_of_fit() -> None:
    timed, fitted = (
        Trainer(Network([("fc", 6, 5), "tanh", ("fc", 5, 3)]), policy=("fixed", 0.1), batch_size=8)
        for _ in range(2)
    )
    time_step(timed, X, Y, 2)
    fitted.fit(X, Y, 20)  # two rounds and three to warm up, each with four steps
    one, other = timed.network.parameters().value, fitted.network.parameters().value
    np.testing.assert_array_equal(one, other)


def test_layers_within_a_layer_have_rows_of_their_own() -> None:
    layers = [("chain", [("fc", 6, 5), ("chain", ["tanh"])]), ("fc", 5, 3)]
    trainer = Trainer(Network(layers), batch_size=8)
    timing = time_step(trainer, X, Y, 3)
    depths = {piece.name: piece.depth for piece in timing.pieces}
    assert depths == {
        "data": 0, "chain1": 0, "chain1.fc1": 1, "chain1.chain1": 1, "chain1.chain1.tanh1": 2,
        "fc1": 0, "loss": 0, "update": 0,
    }  # fmt: skip
    times = {piece.name: piece for piece in timing.pieces}
    assert 0 < times["chain1.fc1"].backward < times["chain1"].backward
    assert timing.seconds < sum(piece.seconds for piece in timing.pieces)


def test_products_have_the_shapes_of_the_weights() -> None:
    network = Network([("fc", 6, 5), "tanh", ("fc", 5, 3)])
    shapes = []
    for stage in stages_of(network):
        calls, scale = stage.products(8)
        assert scale == 1
        shapes.append([(a.shape, b.shape, out.shape) for a, b, out in calls])
    first = [((8, 6), (6, 5), (8, 5)), ((6, 8), (8, 5), (6, 5))]
    last = [((8, 5), (5, 3), (8, 3)), ((5, 8), (8, 3), (5, 3)), ((8, 3), (3, 5), (8, 5))]
    assert shapes == [first, [], last]


def test_a_kernel_is_multiplied_by_every_pixel() -> None:
    network = Network([("conv2d", 4, {"kernel_size": 3})], input_shape=(6, 7, 2))
    ((forward, gradient), scale) = stages_of(network)[0].products(5)
    assert scale == 1
    assert (forward[0].shape, forward[1].shape) == ((5 * 4 * 5, 18), (18, 4))
    assert gradient[2].shape == (18, 4)


def test_larger_products_are_tried_with_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LARGEST", 60)
    ((forward, _), scale) = stages_of(Network([("fc", 6, 5)]))[0].products(25)
    assert forward[0].shape == (10, 6)
    assert scale == 2.5


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_threads_of_the_other_commands(command: str, digits_run: Path, shown: Shown) -> None:
    before = blas_threads()
    expected = shown(command, str(digits_run), "--json")
    assert shown(command, str(digits_run), "--json", "--threads", "1") == expected
    assert blas_threads() == before


@pytest.mark.usefixtures("sketches")
def test_training_with_a_number_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int | None] = []
    original = Trainer.fit

    def fit(self: Trainer, *arguments: Any, **options: Any) -> Any:
        made.append(self.threads)
        return original(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "fit", fit)
    words = ["--quiet", "--set", "iterations=2", "--out"]
    assert main(["train", *words, str(tmp_path / "a")]) == 0
    assert main(["train", "--threads", "2", *words, str(tmp_path / "b")]) == 0
    assert made == [None, 2]
