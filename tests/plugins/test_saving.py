"""Layers with a generator or running values: their state is saved and restored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import trainer

from plugnet import Network, Trainer

DROPOUT: list[Any] = [("fc", 6, 20), "relu", ("dropout", 0.3), ("fc", 20, 3)]
NORMALIZATION: list[Any] = [
    ("fc", 6, 20),
    "batch_norm",
    "relu",
    ("dropout", 0.3),
    ("fc", 20, 5),
    "layer_norm",
    ("fc", 5, 3),
]


SETTINGS: dict[str, Any] = {"policy": ("inv", 0.05), "batch_size": 16}
both = pytest.mark.parametrize("pieces", [DROPOUT, NORMALIZATION], ids=["dropout", "normalization"])


@both
def test_continuing_from_a_copy_equals_never_having_stopped(
    rng: np.random.Generator, pieces: list[Any], copied: Callable[[Trainer], Trainer]
) -> None:
    x, y = rng.normal(size=(70, 6)), rng.integers(0, 3, 70)
    whole = trainer(Network(pieces), **SETTINGS)
    whole.fit(x, y, 23, validation=(x, y), evaluate_every=10)
    first = trainer(Network(pieces), **SETTINGS)
    first.fit(x, y, 10, validation=(x, y), evaluate_every=10)
    second = copied(first)
    second.fit(x, y, 13, validation=(x, y), evaluate_every=10)
    assert second.history.loss == whole.history.loss
    assert second.history.evaluations == whole.history.evaluations
    for name, value in whole.network.state().items():
        np.testing.assert_array_equal(second.network.state()[name], value, err_msg=name)


class Failing:
    """Fails once, at an iteration's step, before any parameter changes."""

    def __init__(self, iteration: int) -> None:
        self.iteration: int | None = iteration

    def plugnet_gradients_ready(self, iteration: int) -> None:
        if iteration == self.iteration:
            self.iteration = None
            raise OSError("the disk is full")


@both
def test_a_failed_step_has_not_happened(rng: np.random.Generator, pieces: list[Any]) -> None:
    x, y = rng.normal(size=(70, 6)), rng.integers(0, 3, 70)
    whole, broken = trainer(Network(pieces), **SETTINGS), trainer(Network(pieces), **SETTINGS)
    whole.fit(x, y, 12)
    broken.hooks = [Failing(7)]
    with pytest.raises(Exception, match="the disk is full"):
        broken.fit(x, y, 12)
    broken.fit(x, y, 5)
    assert broken.history.loss == whole.history.loss
    for name, value in whole.network.state().items():
        np.testing.assert_array_equal(broken.network.state()[name], value, err_msg=name)


def test_saved_network_keeps_its_running_values(rng: np.random.Generator, tmp_path: Path) -> None:
    x, y = rng.normal(4, 2, (64, 6)), rng.integers(0, 3, 64)
    trained = Trainer(Network([("fc", 6, 20), "batch_norm", ("fc", 20, 3)]), batch_size=16)
    trained.fit(x, y, 10)
    trained.network.save(tmp_path / "model")
    loaded = Network.load(tmp_path / "model")
    assert loaded.state()["batch_norm1.running_mean"].all()
    np.testing.assert_array_equal(loaded.predict(x), trained.network.predict(x))
