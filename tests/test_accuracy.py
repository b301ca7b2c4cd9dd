"""The accuracy of two example configurations, and that the bands would notice a fault."""

from pathlib import Path
from typing import Any

import pytest

from plugnet import Network, Trainer, registry
from plugnet.cli import config_file
from plugnet.cli.inference import infer
from plugnet.interfaces import DataSplits

EXAMPLES = Path(__file__).parents[1] / "examples"


def accuracy(samples: DataSplits, example: str, seed: int, **changes: Any) -> float:
    """Train as the example's configuration says, and return the accuracy."""
    config = infer(config_file.load(EXAMPLES / example), samples)
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
    trainer.fit(samples.train, iterations=training.iterations)
    assert samples.test is not None
    return trainer.evaluate(samples.test)["accuracy"]


def test_the_embedded_digits_are_read_on_every_seed() -> None:
    digits = registry.datasets.build("digits").load()
    found = [accuracy(digits, "digits.toml", seed) for seed in range(5)]
    assert min(found) >= 0.96, found


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> DataSplits:
    return registry.datasets.build("mnist", str(mnist_folder)).load()


def test_mnist_is_read_as_the_tutorial_reads_it(mnist: DataSplits) -> None:
    found = [accuracy(mnist, "mnist.toml", seed) for seed in range(5)]
    assert all(0.94 <= one <= 0.97 for one in found), found
    assert sum(found) / 5 >= 0.95, found


@pytest.mark.parametrize(
    "change",
    [{"optimizer": ("sgd", 0.0)}, {"regularizer": ("l2", 0.1)}, {"policy": ("inv", 0.001)}],
    ids=["no momentum", "decay summed over the batch", "a hundredth of the rate"],
)
def test_a_wrong_recipe_falls_out_of_the_band(mnist: DataSplits, change: dict[str, Any]) -> None:
    assert accuracy(mnist, "mnist.toml", 0, **change) < 0.94
