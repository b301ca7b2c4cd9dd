"""Saving a trainer and going on from the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.layers import Same

from plugnet import Model, Network, Parameter, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, CallOrderError, FileFormatError, SpecError
from plugnet.files import documents
from plugnet.interfaces import Batch, DataSplits, Layer
from plugnet.parameter import Statistic

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(70, 4)), RNG.integers(0, 3, 70)


class Noise(Same):
    """Adds noise in training: a layer with a generator, and a statistic."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.rng = rng
        self.seen = Statistic(np.zeros(1, dtype), momentum=0.5)

    def parameters(self) -> dict[str, Parameter]:
        return {"seen": self.seen}

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        assert self.rng is not None
        self.seen.grad[...] = x.mean()
        return x + self.rng.standard_normal(x.shape, np.float32)


def noisy_trainer(optimizer: Any, shuffle: bool) -> Trainer:
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
        whole = noisy_trainer(optimizer, shuffle)
        whole.fit(X, Y, 23, validation=(X, Y), evaluate_every=10)

        first = noisy_trainer(optimizer, shuffle)
        first.fit(X, Y, 10, validation=(X, Y), evaluate_every=10)
        first.save(tmp_path / "run")
        second = Trainer.resume(tmp_path / "run")
        second.fit(X, Y, 13, validation=(X, Y), evaluate_every=10)

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


class Wrapped(Same):
    """Holds a layer that draws."""

    def __init__(self) -> None:
        self.noise = Noise()

    def inner(self) -> dict[str, Layer]:
        return {"noise": self.noise}

    def forward(self, x: Array, training: bool = False) -> Array:
        return self.noise.forward(x, training)


def test_the_generator_of_a_layer_inside_a_layer_is_saved_too(tmp_path: Path) -> None:
    with registry.isolated():
        registry.layers.register("wrapped")(Wrapped)
        whole, first = (
            Trainer(Network([("fc", 4, 6), "wrapped", ("fc", 6, 3)]), batch_size=16)
            for _ in range(2)
        )
        whole.fit(X, Y, 8)
        first.fit(X, Y, 4)
        first.save(tmp_path / "run")
        second = Trainer.resume(tmp_path / "run")
        second.fit(X, Y, 4)
    assert list(second.network.rngs) == ["wrapped1.noise"]
    assert second.history.loss == whole.history.loss


def test_settings_given_as_numpy_numbers_are_saved(tmp_path: Path) -> None:
    three: Any = np.int64(3)
    trained = Trainer(Network([("fc", 4, 3)], seed=three), batch_size=three, seed=three)
    trained.fit(X, Y, 1)
    trained.save(tmp_path / "run")
    assert Trainer.resume(tmp_path / "run").seed == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["trainer"].pop("components"),
        lambda document: document["trainer"]["settings"].update(extra=1),
        lambda document: document["trainer"].update(evaluations=[3]),
        lambda document: document["trainer"].update(components=3),
        lambda document: document["trainer"].update(iteration=-1),
        lambda document: document["trainer"].update(seconds="x"),
        lambda document: document["trainer"].update(rate_scale="1"),
        lambda document: document["trainer"].update(metrics=3),
        lambda document: document["trainer"]["settings"].update(class_weight=3),
        lambda document: document["trainer"]["settings"].update(scale_targets="no"),
        lambda document: document["trainer"]["evaluations"][0].update(accuracy=1.0),
        lambda document: document["model"]["schema"].update(kind="other"),
        lambda document: document["model"]["schema"].update(classes=[0, 1]),
        lambda document: document["model"]["schema"].update(classes=3),
        lambda document: document["model"]["schema"].update(extra=[]),
        lambda document: document["model"].pop("schema"),
        lambda document: document["model"].update(metrics=["mae"]),
        lambda document: document["generators"].update(noise1={"state": 3}),
        lambda document: document["generators"].update(noise1=3),
        lambda document: document["generators"].update(fc9={}),
        lambda document: document.update(generators=[3]),
        lambda document: document["network"].update(parameters={"fc9.*": {"lr_mult": 2}}),
        lambda document: document["network"].update(parameters={"fc1.*": {"lr_mult": -1}}),
    ],
)
def test_a_crafted_description_of_a_trainer_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with registry.isolated():
        registry.layers.register("noise")(Noise)
        trained = noisy_trainer(("sgd", 0.9), True)
        trained.fit(X, Y, 1, validation=(X, Y))
        trained.save(tmp_path / "run")
        arrays, document = documents.read(tmp_path / "run")
        change(document)
        documents.write(tmp_path / "run", arrays, document)
        with pytest.raises((FileFormatError, SpecError, ArgumentError)):
            Trainer.resume(tmp_path / "run")


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer/steps": np.array(np.nan)},
        {"history/loss": np.array(1.0)},
        {"history/rate": np.array(1.0)},
    ],
    ids=list,
)
def test_crafted_arrays_of_a_trainer_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    trained = Trainer(Network([("fc", 4, 3)]), optimizer="adam", batch_size=3)
    trained.fit(X, Y, 1)
    trained.save(tmp_path / "run")
    arrays, document = documents.read(tmp_path / "run")
    documents.write(tmp_path / "run", arrays | change, document)
    with pytest.raises(FileFormatError):
        Trainer.resume(tmp_path / "run")


@pytest.mark.parametrize(
    "metrics", [None, [], ["f1", ("precision", {"average": "micro"}), "accuracy"]], ids=repr
)
def test_what_judges_a_training_is_saved(tmp_path: Path, metrics: Any) -> None:
    first = Trainer(Network([("fc", 4, 3)]), batch_size=16, metrics=metrics)
    first.fit(X, Y, 3, validation=(X, Y), test=(X[:9], Y[:9]))
    first.save(tmp_path / "run")
    second = Trainer.resume(tmp_path / "run")
    assert second.history.evaluations == first.history.evaluations
    assert second.evaluate(X, Y) == first.evaluate(X, Y)
    assert (second.metrics is None) == (metrics is None)
    assert Model.load(tmp_path / "run").evaluate(X, Y).metrics == second.evaluate(X, Y).metrics


def test_what_inputs_and_answers_mean_is_saved(tmp_path: Path) -> None:
    labels = np.array([7, -1, 40])[Y]
    first = Trainer(Network([("fc", 4, 3)]), batch_size=16)
    splits = DataSplits(
        Batch(X, labels), classes=(-1, 7, 40), columns=("a", "b", "c", "d"), dropped=("id",),
        targets=("species",),
    )  # fmt: skip
    first.fit(splits, iterations=3)
    first.save(tmp_path / "run")
    second = Trainer.resume(tmp_path / "run")
    assert second.schema == first.schema
    assert second.schema is not None
    assert second.schema.classes == (-1, 7, 40)
    frame = {name: X[:, column] for column, name in enumerate("abcd")}
    shuffled = {name: frame[name] for name in "dbac"} | {"id": Y, "species": labels}
    answers = second.model.predict(shuffled)
    np.testing.assert_array_equal(answers, first.model.predict(X))
    assert set(answers.tolist()) <= {-1, 7, 40}
    assert second.evaluate(shuffled, labels) == first.evaluate(X, labels)
    for trained in (first, second):
        trained.fit(shuffled, labels, 5)
    assert second.history.loss == first.history.loss


def test_before_the_first_fit_there_is_nothing_to_know_of_answers(tmp_path: Path) -> None:
    Trainer(Network([("fc", 4, 3)]), batch_size=16, metrics=["f1"]).save(tmp_path / "run")
    again = Trainer.resume(tmp_path / "run")
    assert again.schema is None
    with pytest.raises(CallOrderError, match="no model yet"):
        _ = again.model
    again.fit(X, Y, 1, test=(X, Y))
    assert list(again.history.evaluations[0].metrics) == ["f1"]
