"""Copies, by pickle, copy or joblib, here or in another process, go on as the original does."""

from __future__ import annotations

import copy
import importlib.util
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.trained import saved_bits

from plugnet import Network, Trainer, registry
from plugnet.errors import CallOrderError, ResumeError
from plugnet.parameter import Statistic

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 4), dtype=np.float32), RNG.integers(0, 3, 60)

LAYERS: list[Any] = [("fc", 4, 6), "tanh", ("chain", [("fc", 6, 6), "relu"]), ("fc", 6, 3)]
for package, piece in [("plugnet_normalization", "batch_norm"), ("plugnet_dropout", "dropout")]:
    if importlib.util.find_spec(package) is not None:
        LAYERS.insert(1, piece)

every_way = pytest.mark.parametrize(
    "copied",
    [
        *(lambda it, n=n: pickle.loads(pickle.dumps(it, n)) for n in range(6)),
        copy.copy,
        copy.deepcopy,
    ],
    ids=[*(f"pickle {n}" for n in range(6)), "copy", "deepcopy"],
)


def in_mid_run(optimizer: Any = ("sgd", 0.9), **settings: Any) -> Trainer:
    first = Trainer(Network(LAYERS, **settings), optimizer=optimizer, batch_size=14)
    first.network.parameters()["fc1.weight"].lr_mult = 0.5
    first.fit(X, Y, 5, test=(X, Y))
    return first


@every_way
@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "adam", "adamw"], ids=str)
def test_a_copied_trainer_goes_on_as_the_first(
    copied: Callable[[Trainer], Trainer], optimizer: Any
) -> None:
    first = in_mid_run(optimizer)
    second = copied(first)
    before = saved_bits(first)
    assert saved_bits(second) == before
    second.fit(X, Y, 7, test=(X, Y))
    assert saved_bits(first) == before
    first.fit(X, Y, 7, test=(X, Y))
    assert saved_bits(second) == saved_bits(first) != before


@every_way
def test_a_copy_of_a_resumed_trainer_still_refuses_other_data(
    copied: Callable[[Trainer], Trainer], tmp_path: Path
) -> None:
    in_mid_run().save(tmp_path / "run")
    again = copied(Trainer.resume(tmp_path / "run"))
    with pytest.raises(ResumeError, match="training samples: "):
        again.fit(X + 1, Y, 1)


@every_way
def test_a_copied_network_is_of_its_own_flat_and_trains_as_the_first(
    copied: Callable[[Network], Network],
) -> None:
    first = in_mid_run(dtype="float64", seed=3).network
    second = copied(first)
    own, others = second.parameters(), first.parameters()
    assert not np.shares_memory(own.value, others.value)
    for path, parameter in own.items():
        is_flat = not isinstance(parameter, Statistic)
        assert np.shares_memory(own.value, parameter.value) == is_flat
        assert np.shares_memory(own.grad, parameter.grad) == is_flat
        if is_flat:
            np.testing.assert_array_equal(own.value[own.places[path]], parameter.value.ravel())
        np.testing.assert_array_equal(parameter.value, others[path].value)
    assert second.spec() == first.spec()
    assert [rng.bit_generator.state for rng in second.rngs.values()] == [
        rng.bit_generator.state for rng in first.rngs.values()
    ]
    runs = []
    for network in (first, second):
        runs.append(Trainer(network, batch_size=20))
        runs[-1].fit(X, Y, 6)
    assert saved_bits(runs[0]) == saved_bits(runs[1])


@every_way
def test_a_network_that_does_not_know_its_input_yet_can_be_copied(
    copied: Callable[[Network], Network],
) -> None:
    first = Network([("fc", None, 3)], seed=5)
    second = copied(first)
    assert second.input_shape is None
    np.testing.assert_array_equal(second.predict(X), first.predict(X))


@pytest.mark.parametrize("protocol", range(6))
def test_a_copy_holds_no_buffers(protocol: int) -> None:
    x, y = np.tile(X, (40, 30)), np.tile(Y, 40)
    network = Network([("fc", 120, 64), "tanh", ("chain", ["relu", ("fc", 64, 3)])])
    trained = Trainer(network, optimizer="adam", batch_size=2000)
    trained.fit(x, y, 3, test=(x, y))
    size = 3 * network.parameters().value.nbytes  # the early protocols write bytes as text
    assert 3 * size + 16000 < 2000 * 64 * 4  # a buffer
    assert len(pickle.dumps(network, protocol)) < size + 8000
    assert len(pickle.dumps(trained, protocol)) < 3 * size + 16000  # with two slots


def test_a_copy_made_by_a_hook_goes_on_from_the_end_of_that_step() -> None:
    copies: list[Trainer] = []

    class Copies:
        def plugnet_step_end(self, training: Trainer, iteration: int) -> None:
            if iteration == 7:
                copies.append(pickle.loads(pickle.dumps(training)))

        def __reduce__(self) -> tuple[Any, ...]:
            return object, ()

    first = in_mid_run()
    first.hooks = [Copies()]
    first.fit(X, Y, 6)
    (second,) = copies
    assert second.iteration == 8
    second.hooks = []
    second.fit(X, Y, 3)
    assert saved_bits(second) == saved_bits(first)


def test_another_process_goes_on_alike() -> None:
    first = in_mid_run()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        history = pool.apply_async(first.fit, (X, Y, 7))
        predicted = pool.apply_async(first.network.predict, (X,))
        there, outputs = history.get(60), predicted.get(60)
    np.testing.assert_array_equal(first.network.predict(X), outputs)
    here = first.fit(X, Y, 7)
    assert there.loss == here.loss


def test_what_joblib_maps_read_only_from_a_file_goes_on_alike(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    first = in_mid_run()
    joblib.dump((first, first.network, X), tmp_path / "run")
    second, network, x = joblib.load(tmp_path / "run", mmap_mode="r")
    assert isinstance(x, np.memmap)
    assert not x.flags.writeable
    np.testing.assert_array_equal(network.predict(x), first.network.predict(X))
    for trained, samples in ((first, X), (second, x)):
        trained.fit(samples, Y, 7)
    assert saved_bits(second) == saved_bits(first)


def test_trainer_and_network_that_are_pickled_together_stay_together() -> None:
    first = in_mid_run()
    second, network = pickle.loads(pickle.dumps((first, first.network)))
    assert second.network is network


def test_gradients_are_not_copied() -> None:
    first = in_mid_run()
    first.network.parameters().grad[...] = 1
    assert not copy.deepcopy(first).network.parameters().grad.any()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_layer_alone_is_copied_while_it_has_nothing_to_lose(copied: Any) -> None:
    network = Network([("chain", [("fc", 3, 2), "tanh"])])
    for layer in (network.layers[0], network.chain, network.layers[0].inner()["fc1"]):
        with pytest.raises(CallOrderError, match="Copy or pickle the network"):
            copied(layer)
    copied(registry.layers.build("fc", 3, 2))
    copied(network.layers[0].inner()["tanh1"])
