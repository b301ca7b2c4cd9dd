"""LeNet, as examples/lenet.toml describes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.splits import held_out

from plugnet import Network, Trainer, registry
from plugnet.cli import config_file

CONFIG = config_file.load(Path(__file__).parents[2] / "examples/lenet.toml")


@pytest.fixture
def lenet() -> Trainer:
    training = CONFIG.training
    return Trainer(
        Network(CONFIG.network.layers, input_shape=(28, 28, 1), seed=CONFIG.seed),
        training.loss,
        training.optimizer,
        training.policy,
        training.regularizer,
        training.batch_size,
    )


def test_it_is_caffes_network_and_solver(lenet: Trainer) -> None:
    network = lenet.network
    images = [(24, 24, 20), (12, 12, 20), (8, 8, 50), (4, 4, 50)]
    assert list(network.output_shapes) == [*images, (500,), (500,), (10,)]
    assert network.parameters().value.size == 431_080
    assert lenet.policy(0) == 0.01
    assert lenet.policy(10_000) == pytest.approx(0.01 * 2**-0.75)
    assert CONFIG.training.iterations is not None
    assert CONFIG.training.iterations * lenet.batch_size >= 5 * 60_000


def test_one_step_equals_pytorchs(lenet: Trainer) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, 64)
    weights = {
        name: torch.tensor(value, requires_grad=True)
        for name, value in lenet.network.state().items()
    }

    def convolved(images: Any, name: str) -> Any:
        weight = weights[f"{name}.weight"].permute(3, 2, 0, 1)  # (h, w, in, out) -> (out, in, h, w)
        return functional.max_pool2d(functional.conv2d(images, weight, weights[f"{name}.bias"]), 2)

    hidden = convolved(convolved(torch.tensor(x).permute(0, 3, 1, 2), "conv2d1"), "conv2d2")
    hidden = hidden.permute(0, 2, 3, 1).flatten(1)  # channels last, as fc reads them here
    hidden = functional.relu(hidden @ weights["fc1.weight"] + weights["fc1.bias"])
    scores = hidden @ weights["fc2.weight"] + weights["fc2.bias"]
    loss = functional.cross_entropy(scores, torch.tensor(y))
    loss.backward()

    before = {name: value.copy() for name, value in lenet.network.state().items()}
    history = lenet.fit(x, y, 1)
    assert history.loss == [pytest.approx(loss.item(), rel=1e-5)]
    for name, value in lenet.network.state().items():
        decay = 0.0005 * before[name] if name.endswith("weight") else 0
        expected = before[name] - 0.01 * (weights[name].grad.numpy() + decay)
        np.testing.assert_allclose(value, expected, atol=2e-6, err_msg=name)


def test_it_learns_to_read_in_a_hundred_steps(mnist_folder: Path, lenet: Trainer) -> None:
    samples = registry.datasets.build("mnist", str(mnist_folder)).load()
    lenet.fit(samples.train.x[:6400], samples.train.y[:6400], 100)
    test = held_out(samples)
    result = lenet.evaluate(test.x[:1000], test.y[:1000])
    assert result["accuracy"] > 0.85
