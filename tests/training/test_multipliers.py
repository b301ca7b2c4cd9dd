"""The multipliers of parameters, by pattern and at any time; and freezing, which is one of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.layers import Same
from tests.trained import saved_bits

from plugnet import Network, Parameter, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet.parameter import Parameters, Statistic
from plugnet.training.update import Update

RNG = np.random.default_rng(0)
X, Y = RNG.random((40, 4)), RNG.integers(0, 3, 40)
LAYERS: list[Any] = [("fc", 4, 5), "tanh", ("chain", [("fc", 5, 5), "tanh"]), ("fc", 5, 3)]
PATHS = [
    "fc1.weight", "fc1.bias", "chain1.fc1.weight", "chain1.fc1.bias", "fc2.weight", "fc2.bias",
]  # fmt: skip


def multipliers(network: Network) -> dict[str, tuple[float, float, bool]]:
    return {
        path: (parameter.lr_mult, parameter.decay_mult, parameter.trainable)
        for path, parameter in network.parameters().items()
    }


class Seen(Same):
    """Gives what it gets; has a weight that nobody uses and a statistic; counts what it does."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.weight = Parameter(np.ones(1, dtype))
        self.mean = Statistic(np.zeros(1, dtype), momentum=0.5)
        self.calls: list[str] = []

    def parameters(self) -> dict[str, Parameter]:
        return {"weight": self.weight, "mean": self.mean}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self.mean.grad[...] = x.mean()
        return x

    def gradients(self, dy: Array) -> None:
        self.calls.append("gradients")
        self.weight.grad[...] = 1

    def backward(self, dy: Array) -> Array:
        self.calls.append("backward")
        return dy


# By pattern --------------------------------------------------------------------------------------


def test_patterns_set_multipliers_and_the_last_that_fits_decides() -> None:
    patterns: dict[str, dict[str, Any]] = {
        "*": {"lr_mult": 3},
        "*.bias": {"lr_mult": 2, "decay_mult": 1},
        "chain?.*": {"trainable": False},
        "fc[2-9].bias": {"lr_mult": 0.5},
    }
    assert multipliers(Network(LAYERS, parameters=patterns)) == {
        "fc1.weight": (3, 1, True),
        "fc1.bias": (2, 1, True),
        "chain1.fc1.weight": (3, 1, False),
        "chain1.fc1.bias": (2, 1, False),
        "fc2.weight": (3, 1, True),
        "fc2.bias": (0.5, 1, True),
    }
    turned = Network(LAYERS, parameters={"fc1.bias": {"lr_mult": 2}, "*": {"lr_mult": 3}})
    assert turned.parameters()["fc1.bias"].lr_mult == 3


def test_a_pattern_that_fits_nothing_is_refused_with_all_paths() -> None:
    with pytest.raises(ArgumentError) as caught:
        Network(LAYERS, parameters={"fc3.*": {"lr_mult": 2}})
    for text in ("'fc3.*'", *PATHS):
        assert text in str(caught.value)
    assert (caught.value.argument, caught.value.value) == ("parameters", "fc3.*")
    later = Network([("fc", None, 3)], parameters={"FC1.weight": {"lr_mult": 2}})
    with pytest.raises(ArgumentError, match=r"'FC1\.weight' fits no parameter"):
        later.predict(X)


@pytest.mark.parametrize(
    "parameters",
    [
        "*.bias",
        [("*.bias", {})],
        {"*.bias": 2},
        {"*.bias": {"rate": 2}},
        {"*.bias": {"value": 0}},
        {3: {"lr_mult": 2}},
        {"*.bias": {"lr_mult": -1}},
        {"*.bias": {"trainable": 0}},
    ],
)
def test_what_is_no_pattern_or_no_multiplier_is_refused(parameters: Any) -> None:
    with pytest.raises(ArgumentError):
        Network(LAYERS, parameters=parameters)


def test_statistics_have_no_multipliers() -> None:
    network = Network(
        [Seen(), ("fc", 4, 3)], input_shape=(4,), parameters={"*": {"lr_mult": 2, "decay_mult": 3}}
    )
    assert multipliers(network)["seen1.mean"] == (0, 0, False)
    assert multipliers(network)["seen1.weight"] == (2, 3, True)
    with pytest.raises(ArgumentError, match=r"There are seen1\.weight, fc1"):
        Network([Seen(), ("fc", 4, 3)], (4,), parameters={"*.mean": {"trainable": True}})
    mean = network.parameters()["seen1.mean"]
    mean.trainable = False  # as it is
    for name, value in [("trainable", True), ("lr_mult", 1), ("decay_mult", 0.5)]:
        with pytest.raises(
            ArgumentError, match=f"statistic is not trained, and its '{name}' stays"
        ):
            setattr(mean, name, value)
    assert multipliers(network)["seen1.mean"] == (0, 0, False)


# What they do ------------------------------------------------------------------------------------


class Hand:
    """Follows Caffe's formula for each parameter by itself, from the gradients of the loss."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.values = {path: p.value.copy() for path, p in network.parameters().items()}
        self.directions = {path: np.zeros_like(value) for path, value in self.values.items()}

    def plugnet_gradients_ready(self, training: Trainer, parameters: Parameters) -> None:
        for path, p in parameters.items():
            if p.trainable:
                gradient = p.grad + 0.1 * p.decay_mult * self.values[path]
                rate = training.policy(training.iteration) * p.lr_mult
                self.directions[path] = 0.9 * self.directions[path] + rate * gradient
                self.values[path] = self.values[path] - self.directions[path]

    def plugnet_step_end(self, training: Trainer) -> None:
        slots = training.update.state()
        for path, parameter in self.network.parameters().items():
            np.testing.assert_allclose(parameter.value, self.values[path], rtol=0, atol=1e-14)
            np.testing.assert_allclose(
                slots[f"velocity/{path}"], self.directions[path], rtol=0, atol=1e-14
            )


@pytest.mark.filterwarnings("ignore:The network has learnt nothing")  # its labels are random
def test_sgd_by_hand_with_multipliers_that_change_in_mid_run() -> None:
    network = Network(LAYERS, dtype="float64", parameters={"*.bias": {"lr_mult": 2}})
    trainer = Trainer(
        network, "softmax_with_loss", ("sgd", 0.9), ("inv", 0.1), ("l2", 0.1), batch_size=8,
        hooks=[Hand(network)],
    )  # fmt: skip
    parameters = network.parameters()
    changes: list[tuple[str, str, Any]] = [
        ("fc1.weight", "lr_mult", 0.25),
        ("fc2.bias", "decay_mult", 0.5),
        ("chain1.fc1.weight", "trainable", False),
        ("fc1.bias", "lr_mult", 0),
        ("fc1.weight", "decay_mult", 3),
        ("chain1.fc1.weight", "trainable", True),
        ("fc1.bias", "lr_mult", 1),
    ]
    trainer.fit(X, Y, 3)
    for path, name, value in changes:
        setattr(parameters[path], name, value)
        trainer.fit(X, Y, 3)
    assert trainer.iteration == 24


def test_adamw_decays_by_rate_and_both_multipliers() -> None:
    parameters = Parameters(
        {
            "a": Parameter(np.full(3, 2.0), lr_mult=0.5),
            "b": Parameter(np.full(3, 2.0), decay_mult=4),
            "c": Parameter(np.full(3, 2.0), decay_mult=0),
            "d": Parameter(np.full(3, 2.0), trainable=False),
        },
        np.dtype("float64"),
    )
    update = Update(parameters, registry.optimizers.build("adamw", weight_decay=0.25), None)
    update.prepare()
    update.apply(0.1)  # all gradients are 0
    factors = {path: p.value[0] / 2 for path, p in parameters.items()}
    assert factors == pytest.approx(
        {"a": 1 - 0.1 * 0.5 * 0.25, "b": 1 - 0.1 * 4 * 0.25, "c": 1, "d": 1}, rel=1e-15
    )


def test_the_penalty_is_that_of_what_is_trained_times_its_multiplier() -> None:
    network = Network(LAYERS, dtype="float64", parameters={"fc1.*": {"trainable": False}})
    network.parameters()["fc2.weight"].decay_mult = 3
    squares = {path: float((p.value**2).sum()) for path, p in network.parameters().items()}
    expected = 0.1 * (squares["chain1.fc1.weight"] + 3 * squares["fc2.weight"])
    assert Trainer(network, regularizer=("l2", 0.2)).penalty() == pytest.approx(expected, rel=1e-14)


# Freezing ----------------------------------------------------------------------------------------


def freeze(network: Network, pattern: str, frozen: bool = True) -> None:
    for path, parameter in network.parameters().items():
        if path.startswith(pattern) and not isinstance(parameter, Statistic):
            parameter.trainable = not frozen


@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "adam", "adamw"], ids=str)
def test_what_is_frozen_stays_with_its_slots_and_has_no_gradient(optimizer: Any) -> None:
    network = Network(LAYERS)
    trainer = Trainer(network, optimizer=optimizer, batch_size=8)
    trainer.fit(X, Y, 4)
    freeze(network, "chain1")
    before = {path: p.value.copy() for path, p in network.parameters().items()}
    slots = {name: array.copy() for name, array in trainer.update.state().items()}
    assert any(array.any() for name, array in slots.items() if "chain1" in name)
    trainer.fit(X, Y, 4)
    for path, parameter in network.parameters().items():
        frozen = path.startswith("chain1")
        assert np.array_equal(parameter.value, before[path]) == frozen
        assert parameter.grad.any() != frozen
    for name, array in trainer.update.state().items():
        assert np.array_equal(array, slots[name]) == ("chain1" in name)


def test_a_frozen_weight_beside_a_trained_bias_has_no_gradient() -> None:
    network = Network(LAYERS, parameters={"fc1.weight": {"trainable": False}})
    trainer = Trainer(network, batch_size=8)
    before = network.state()["fc1.weight"].copy()
    trainer.fit(X, Y, 3)
    parameters = network.parameters()
    assert not parameters["fc1.weight"].grad.any()
    assert parameters["fc1.bias"].grad.any()
    np.testing.assert_array_equal(parameters["fc1.weight"].value, before)
    freeze(network, "fc1.weight", frozen=False)
    trainer.fit(X, Y, 3)
    assert parameters["fc1.weight"].grad.all()


def test_a_training_that_was_frozen_goes_on_as_one_that_stood_still() -> None:
    frozen = Trainer(Network(LAYERS, parameters={"*": {"trainable": False}}), batch_size=8)
    still = Trainer(Network(LAYERS), batch_size=8)
    still.rate_scale = 0
    for trainer in (frozen, still):
        trainer.fit(X, Y, 3)
        freeze(trainer.network, "", frozen=False)
        trainer.rate_scale = 1
        trainer.fit(X, Y, 5)
    np.testing.assert_array_equal(
        frozen.network.parameters().value, still.network.parameters().value
    )
    assert frozen.history.loss == still.history.loss


def test_nothing_is_computed_below_the_first_layer_that_is_trained() -> None:
    layers: list[Any] = [Seen(), Seen(), ["chain", []], Seen()]
    inner = Seen()
    layers[2] = registry.layers.build("chain", [Seen(), inner])
    network = Network([*layers, ("fc", 4, 3)], (4,))
    trainer = Trainer(network, batch_size=8)
    first, second, _, fourth = layers
    within = layers[2].layers[0]

    def calls() -> list[list[str]]:
        for layer in (first, second, within, inner, fourth):
            layer.calls.clear()
        trainer.fit(X, Y, 1)
        return [list(layer.calls) for layer in (first, second, within, inner, fourth)]

    both = ["gradients", "backward"]
    assert calls() == [["gradients"], both, both, both, both]
    freeze(network, "seen1")
    assert calls() == [[], ["gradients"], both, both, both]
    freeze(network, "seen2")
    freeze(network, "chain1.seen1")
    assert calls() == [[], [], [], ["gradients"], both]
    freeze(network, "chain1.seen2")
    assert calls() == [[], [], [], [], ["gradients"]]
    freeze(network, "seen1", frozen=False)
    assert calls() == [["gradients"], ["backward"], ["backward"], ["backward"], both]
    freeze(network, "")
    assert calls() == [[], [], [], [], []]


def test_the_gradient_by_the_input_goes_through_what_is_frozen() -> None:
    network = Network(LAYERS, dtype="float64")
    x, dy = X[:5], RNG.normal(size=(5, 3))
    network.forward(x, training=True)
    expected = network.backprop(dy, inputs=True)
    assert expected is not None
    expected = expected.copy()
    freeze(network, "")
    network.forward(x, training=True)
    np.testing.assert_array_equal(network.backprop(dy, inputs=True), expected)
    assert not network.parameters().grad.any()


# Kept --------------------------------------------------------------------------------------------


def saved(network: Network, folder: Path) -> Network:
    network.save(folder / "network")
    return Network.load(folder / "network")


@pytest.mark.parametrize(
    "again",
    [
        lambda network, folder: Network.from_spec(network.spec()),
        saved,
        lambda network, folder: pickle.loads(pickle.dumps(network)),
        lambda network, folder: copy.deepcopy(network),
    ],
    ids=["spec", "file", "pickle", "deepcopy"],
)
def test_patterns_and_what_was_changed_since_are_kept(
    again: Callable[[Network, Path], Network], tmp_path: Path
) -> None:
    network = Network(
        LAYERS,
        parameters={
            "fc1.bias": {"lr_mult": 3},
            "*": {"lr_mult": 2},
            "fc2.*": {"trainable": False},
        },
    )
    assert multipliers(again(network, tmp_path)) == multipliers(network)
    parameters = network.parameters()
    parameters["fc1.bias"].decay_mult = 0.5  # its lr_mult stays that of the later pattern
    parameters["fc2.weight"].trainable = True
    parameters["chain1.fc1.weight"].lr_mult = 7
    second = again(network, tmp_path)
    assert multipliers(second) == multipliers(network)
    assert second.spec() == again(second, tmp_path).spec() == network.spec()
    parameters["chain1.fc1.weight"].lr_mult = 2  # as declared
    assert multipliers(again(network, tmp_path)) == multipliers(network)


def test_multipliers_given_as_numpy_numbers_are_saved(tmp_path: Path) -> None:
    options = {"lr_mult": np.float32(2), "decay_mult": np.int64(3), "trainable": np.bool_(False)}
    network = Network([("fc", 4, 3)], parameters={"*.bias": options})
    assert multipliers(saved(network, tmp_path))["fc1.bias"] == (2, 3, False)


@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "adam"], ids=str)
def test_resuming_in_a_frozen_phase_equals_never_having_stopped(
    optimizer: Any, tmp_path: Path
) -> None:
    trainers = []
    for stops in (False, True):
        trainer = Trainer(Network(LAYERS), optimizer=optimizer, batch_size=8)
        trainer.fit(X, Y, 3)
        freeze(trainer.network, "fc1")
        trainer.network.parameters()["fc2.weight"].lr_mult = 0.5
        trainer.fit(X, Y, 3)
        if stops:
            trainer.save(tmp_path / "run")
            trainer = Trainer.resume(tmp_path / "run")
        trainer.fit(X, Y, 3)
        freeze(trainer.network, "fc1", frozen=False)
        trainer.fit(X, Y, 3)
        trainers.append(saved_bits(trainer))
    assert trainers[0] == trainers[1]
