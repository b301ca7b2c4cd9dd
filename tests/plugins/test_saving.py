"""Layers with a generator or running values: what they hold is saved, and goes on from there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def trainer(pieces: list[Any]) -> Trainer:
    return Trainer(Network(pieces), policy=("inv", 0.05), batch_size=16)


@pytest.mark.parametrize("pieces", [DROPOUT, NORMALIZATION], ids=["dropout", "normalization"])
def test_resuming_equals_never_having_stopped(
    rng: np.random.Generator, tmp_path: Path, pieces: list[Any]
) -> None:
    x, y = rng.normal(size=(70, 6)), rng.integers(0, 3, 70)
    whole = trainer(pieces)
    whole.fit(x, y, 23, test=(x, y), evaluate_every=10)
    first = trainer(pieces)
    first.fit(x, y, 10, test=(x, y), evaluate_every=10)
    first.save(tmp_path / "run")
    second = Trainer.resume(tmp_path / "run")
    second.fit(x, y, 13, test=(x, y), evaluate_every=10)
    assert second.history.loss == whole.history.loss
    assert second.history.evaluations == whole.history.evaluations
    for name, value in whole.network.state().items():
        np.testing.assert_array_equal(second.network.state()[name], value, err_msg=name)


def test_saved_network_keeps_its_running_values(rng: np.random.Generator, tmp_path: Path) -> None:
    x, y = rng.normal(4, 2, (64, 6)), rng.integers(0, 3, 64)
    trained = Trainer(Network([("fc", 6, 20), "batch_norm", ("fc", 20, 3)]), batch_size=16)
    trained.fit(x, y, 10)
    trained.network.save(tmp_path / "model")
    loaded = Network.load(tmp_path / "model")
    assert loaded.state()["batch_norm1.running_mean"].all()
    np.testing.assert_array_equal(loaded.predict(x), trained.network.predict(x))
