"""How well the two example configurations read digits, and that the bands would notice a fault."""

from pathlib import Path
from typing import Any

import pytest

from plugnet import Network, Trainer, registry
from plugnet.cli import config_file
from plugnet.interfaces import DataSplits

EXAMPLES = Path(__file__).parents[1] / "examples"


def rate(samples: DataSplits, example: str, seed: int, **changes: Any) -> float:
    """Train as the example's configuration says, and return the recognition rate."""
    config = config_file.load(EXAMPLES / example)
    training = config.training
    trainer = Trainer(
        Network(config.network.layers, dtype=config.network.dtype, seed=seed),
        training.loss,
        changes.get("optimizer", training.optimizer),
        changes.get("policy", training.policy),
        changes.get("regularizer", training.regularizer),
        training.batch_size,
        seed,
        training.shuffle,
    )
    trainer.fit(samples.train_data, samples.train_label, training.iterations)
    accuracy = trainer.evaluate(samples.test_data, samples.test_label).accuracy
    assert accuracy is not None
    return accuracy


def test_the_embedded_digits_are_read_on_every_seed() -> None:
    digits = registry.datasets.build("digits").load()
    rates = [rate(digits, "digits.toml", seed) for seed in range(5)]
    assert min(rates) >= 0.96, rates


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> DataSplits:
    return registry.datasets.build("mnist", str(mnist_folder)).load()


def test_mnist_is_read_as_the_tutorial_reads_it(mnist: DataSplits) -> None:
    rates = [rate(mnist, "mnist.toml", seed) for seed in range(5)]
    assert all(0.94 <= one <= 0.97 for one in rates), rates
    assert sum(rates) / 5 >= 0.95, rates


@pytest.mark.parametrize(
    "change",
    [{"optimizer": ("sgd", 0.0)}, {"regularizer": ("l2", 0.1)}, {"policy": ("inv", 0.001)}],
    ids=["no momentum", "decay summed over the batch", "a hundredth of the rate"],
)
def test_a_wrong_recipe_falls_out_of_the_band(mnist: DataSplits, change: dict[str, Any]) -> None:
    assert rate(mnist, "mnist.toml", 0, **change) < 0.94
