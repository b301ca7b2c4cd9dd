"""Saving a trainer and going on from the file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Parameter, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import FileFormatError
from plugnet.interfaces import Layer

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(70, 4)), RNG.integers(0, 3, 70)


class Noise(Layer):
    """Adds noise in training: a layer with a generator, and an array that is not trained."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.rng = rng
        self.seen = Parameter("seen", np.zeros(1, dtype), trainable=False)

    def parameters(self) -> list[Parameter]:
        return [self.seen]

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        self.seen.value += len(x)
        return x + self.rng.standard_normal(x.shape, np.float32)

    def backward(self, dy: Array) -> Array:
        return dy


def trainer(optimizer: Any, shuffle: bool) -> Trainer:
    network = Network([("fc", 4, 6), "noise", "tanh", ("fc", 6, 3)])
    return Trainer(
        network, optimizer=optimizer, policy=("inv", 0.01), batch_size=16, shuffle=shuffle
    )


OPTIMIZERS = [("sgd", 0.9), "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("shuffle", [False, True])
def test_resuming_equals_never_having_stopped(
    tmp_path: Path, optimizer: Any, shuffle: bool
) -> None:
    with registry.isolated():
        registry.layers.register("noise")(Noise)
        whole = trainer(optimizer, shuffle)
        whole.fit(X, Y, 23, test=(X, Y), evaluate_every=10)

        first = trainer(optimizer, shuffle)
        first.fit(X, Y, 10, test=(X, Y), evaluate_every=10)
        first.save(tmp_path / "run")
        second = Trainer.resume(tmp_path / "run")
        second.fit(X, Y, 13, test=(X, Y), evaluate_every=10)

    assert second.iteration == 23
    assert second.history.loss == whole.history.loss
    assert second.history.rate == whole.history.rate
    assert second.history.evaluations == whole.history.evaluations
    for name, value in whole.network.state().items():
        np.testing.assert_array_equal(second.network.state()[name], value, err_msg=name)


def test_network_load_finds_the_network_in_a_saved_trainer(tmp_path: Path) -> None:
    trained = Trainer(Network([("fc", 4, 3)]), batch_size=16)
    trained.fit(X, Y, 5)
    trained.save(tmp_path / "run")
    network = Network.load(tmp_path / "run")
    np.testing.assert_array_equal(network.predict(X), trained.network.predict(X))


def test_a_network_without_its_training_cannot_be_resumed(tmp_path: Path) -> None:
    Network([("fc", 4, 3)]).save(tmp_path / "net")
    with pytest.raises(FileFormatError, match=r"Network\.load"):
        Trainer.resume(tmp_path / "net")
