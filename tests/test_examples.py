"""The examples run, and do what they say."""

import importlib
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer, registry
from plugnet.testing import check_component
from tests.splits import held_out

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str) -> Callable[..., Any]:
    """Return the example's ``main``."""
    found: Callable[..., Any] = runpy.run_path(str(EXAMPLES / name))["main"]
    return found


def test_train_learns_the_digits_and_draws_the_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rate = example("train.py")()
    assert rate >= 0.95
    assert f"accuracy: {rate:.4f}" in capsys.readouterr().out
    assert (tmp_path / "train_error.png").read_bytes().startswith(b"\x89PNG")


def test_train_reads_a_mat_file_in_the_tutorials_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scipy.io import savemat

    digits = registry.datasets.build("digits").load()
    test = held_out(digits)
    content = {
        "train_data": digits.train.x.reshape(-1, 64).astype(float),
        "train_label": np.eye(10)[digits.train.y],
        "test_data": test.x.reshape(-1, 64).astype(float),
        "test_label": np.eye(10)[test.y],
    }
    savemat(tmp_path / "data.mat", content)
    monkeypatch.chdir(tmp_path)
    main = example("train.py")
    assert main("data.mat", iterations=60) == main(iterations=60)


def test_by_hand_gives_the_same_bits_as_the_trainer() -> None:
    iterations = 47  # the cursor wraps three times, not at a batch's edge
    net, rate = example("by_hand.py")(iterations)

    digits = registry.datasets.build("digits").load()
    network = Network([("fc", 64, 50), "tanh", ("fc", 50, 50), "tanh", ("fc", 50, 10)])
    trainer = Trainer(network, policy=("inv", 0.1), shuffle=False)
    trainer.fit(digits.train, iterations=iterations)

    by_hand = [parameter.value for parameter in net.parameters]
    for value, (name, expected) in zip(by_hand, network.state().items(), strict=True):
        np.testing.assert_array_equal(value, expected, err_msg=name)
    assert rate == trainer.evaluate(digits.test)["accuracy"]


def test_custom_layer_is_trained() -> None:
    with registry.isolated():
        assert example("custom_layer.py")(iterations=200) > 0.9


@pytest.mark.parametrize(
    ("name", "layer"), [("custom_layer", "Gain"), ("composite_layer", "Highway")]
)
def test_layers_keep_the_contract(name: str, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)  # as pickle imports the module of a class
    with registry.isolated():
        check_component(getattr(importlib.import_module(name), layer))


def test_composite_layer_says_what_it_computes() -> None:
    with registry.isolated():
        runpy.run_path(str(EXAMPLES / "composite_layer.py"))
        layer = registry.layers.build("highway", 40)
        assert layer.flops((40,)) > 2 * registry.layers.build("fc", 40, 40).flops((40,))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_run_as_scripts(path: Path, tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, path], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    (line,) = (line for line in shown.splitlines() if line.startswith("accuracy: "))
    least = {"names.py": 0.85}.get(path.name, 0.95)  # a name may belong to two languages
    assert float(line.split()[-1]) > least


# The layer of the guide --------------------------------------------------------------------------


@pytest.fixture
def rms_norm(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The guide's layer for samples of 4 numbers, with gains that are not all 1."""
    monkeypatch.syspath_prepend(EXAMPLES / "guide")
    layer = importlib.import_module("rms_norm").RmsNorm()
    layer.initialize((4,), np.random.default_rng(0), np.dtype("float64"))
    layer.parameters()["gain"].value[...] = [1.0, 0.5, -2.0, 3.0]
    return layer


def test_the_guides_layer_divides_by_the_root_mean_square(rms_norm: Any) -> None:
    y = rms_norm.forward(np.array([[3.0, 4.0, 0.0, 0.0], [2.0, -2.0, 2.0, 2.0]]))
    np.testing.assert_allclose(y, [[1.2, 0.8, 0.0, 0.0], [1.0, -0.5, -2.0, 3.0]], rtol=1e-6)


def test_the_guides_layers_gradients_agree_with_central_differences(
    rms_norm: Any, numerical_gradient: Callable[..., Any]
) -> None:
    x, dy = np.random.default_rng(1).normal(size=(2, 3, 4))
    rms_norm.forward(x, training=True)
    rms_norm.gradients(dy)
    gain = rms_norm.parameters()["gain"]

    def loss() -> Any:
        return np.vdot(rms_norm.forward(x), dy)

    np.testing.assert_allclose(rms_norm.backward(dy), numerical_gradient(loss, x), atol=1e-8)
    np.testing.assert_allclose(gain.grad, numerical_gradient(loss, gain.value), atol=1e-8)
