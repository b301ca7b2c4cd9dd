"""Parameters, and how a network lays them side by side."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Parameter, Trainer, registry
from plugnet.arrays import Array
from plugnet.parameter import pack, packed


def three(dtype: str = "float64") -> list[Parameter]:
    """Return a weight, a bias, which does not decay, and another weight."""
    rng = np.random.default_rng(0)
    return [
        Parameter("fc1.weight", rng.normal(size=(4, 3)).astype(dtype)),
        Parameter("fc1.bias", rng.normal(size=3).astype(dtype), decay=False),
        Parameter("fc2.weight", rng.normal(size=(3, 2)).astype(dtype)),
    ]


def test_packed_parameters_keep_their_values_and_lie_side_by_side_decaying_ones_first() -> None:
    parameters, twins = three(), three()
    pack(parameters)
    found = packed(parameters)
    assert found is not None
    for parameter, twin, place in zip(parameters, twins, found.places, strict=True):
        np.testing.assert_array_equal(parameter.value, twin.value)
        np.testing.assert_array_equal(found.values[place], twin.value.ravel())
        assert parameter.grad.shape == twin.value.shape
    first, _, last = twins
    np.testing.assert_array_equal(
        found.values[found.decaying], np.concatenate([first.value.ravel(), last.value.ravel()])
    )
    parameters[2].grad[...] = 7
    np.testing.assert_array_equal(found.grads, [0] * 12 + [7] * 6 + [0] * 3)


def test_parameters_of_several_dtypes_or_of_shared_memory_stay_where_they_are() -> None:
    mixed = [*three(), Parameter("fc3.weight", np.ones((2, 2), np.float32))]
    whole = np.ones((4, 3))
    tied = [Parameter("fc1.weight", whole), Parameter("fc2.weight", whole.T)]
    for parameters in (mixed, tied, []):
        arrays = [parameter.value for parameter in parameters]
        pack(parameters)
        assert all(p.value is array for p, array in zip(parameters, arrays, strict=True))
        assert packed(parameters) is None


def test_what_no_longer_lies_in_the_pack_is_noticed() -> None:
    parameters = three()
    pack(parameters)
    found = packed(parameters)
    assert found is not None
    assert found.holds(parameters)
    assert packed(parameters[:2]) is None
    assert packed(parameters[::-1]) is None
    assert packed(copy.deepcopy(parameters)) is None
    parameters[0].grad = parameters[0].grad * 2
    assert packed(parameters) is None
    assert not found.holds(parameters)


@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "nesterov", "adagrad", "adadelta", "adam"])
def test_a_packed_update_gives_the_bits_of_an_update_one_by_one(optimizer: Any) -> None:
    together, alone = three(), three()
    pack(together)
    for parameters in (together, alone):
        steps = registry.optimizers.resolve(optimizer)
        for number in range(3):
            for parameter in parameters:
                parameter.grad[...] = np.sin(parameter.value + number)
            steps.update(parameters, 0.1)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.value, other.value)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "adam", "adamw"])
def test_a_copied_trainer_goes_on_as_the_first(
    copied: Callable[[Trainer], Trainer], optimizer: Any
) -> None:
    x, y = np.random.default_rng(1).random((20, 4), dtype=np.float32), np.arange(20) % 2
    first = Trainer(
        Network([("fc", 4, 3), "tanh", ("fc", 3, 2)]), optimizer=optimizer, batch_size=5
    )
    first.fit(x, y, iterations=3)
    second = copied(first)
    before = second.network.predict(x)
    for trainer in (first, second):
        trainer.fit(x, y, iterations=3)
    np.testing.assert_array_equal(second.network.predict(x), first.network.predict(x))
    assert not np.array_equal(before, second.network.predict(x))


def trained(rebinds: bool) -> list[Array]:
    """Return what some training makes of the parameters."""
    x = np.random.default_rng(1).random((20, 4), dtype=np.float32)
    network = Network([("fc", 4, 3), "tanh", ("fc", 3, 2)])
    trainer = Trainer(network, batch_size=5, hooks=[Rebinds()] if rebinds else [])
    trainer.fit(x, np.arange(20) % 2, iterations=4)
    return [parameter.value for parameter in network.parameters()]


class Rebinds:
    """Gives the parameters new arrays for their gradients, as a hook in a hurry does."""

    def plugnet_gradients_ready(self, parameters: tuple[Parameter, ...]) -> None:
        for parameter in parameters:
            parameter.grad = parameter.grad * 1


def test_gradients_in_new_arrays_are_used_all_the_same() -> None:
    for one, other in zip(trained(rebinds=True), trained(rebinds=False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
