"""Parameters, and how a network lays them side by side."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Parameter, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, ShapeError
from plugnet.parameter import Parameters, Run, Statistic
from plugnet.training.update import Update


def several(dtype: str = "float64") -> dict[str, Parameter]:
    """Return two weights, a bias, which does not decay, a statistic and one that is frozen."""
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> Array:
        return rng.normal(size=shape).astype(dtype)

    return {
        "fc1.weight": Parameter(drawn(4, 3)),
        "norm1.mean": Statistic(drawn(3), momentum=0.75),
        "fc1.bias": Parameter(drawn(3), decay_mult=0),
        "fc2.weight": Parameter(drawn(3, 2)),
        "fc3.weight": Parameter(drawn(2), trainable=False),
    }


def laid(parameters: Mapping[str, Parameter], dtype: str = "float64") -> Parameters:
    return Parameters(parameters, np.dtype(dtype))


# One parameter -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["value", "grad"])
def test_assignment_copies_into_the_array_that_is_there(name: str) -> None:
    parameter = Parameter(np.zeros((2, 3)))
    held, new = getattr(parameter, name), np.arange(6.0).reshape(2, 3)
    setattr(parameter, name, new)
    assert getattr(parameter, name) is held
    np.testing.assert_array_equal(held, new)
    new[...] = 7
    np.testing.assert_array_equal(held, np.arange(6.0).reshape(2, 3))
    with pytest.raises(ShapeError, match=r"keeps its shape, \(2, 3\), .* has \(3,\)") as caught:
        setattr(parameter, name, np.ones(3))
    assert (caught.value.expected, caught.value.got) == ((2, 3), (3,))


def test_arithmetic_in_place_keeps_the_array() -> None:
    parameter = Parameter(np.zeros(3))
    held = parameter.value
    parameter.value += 2
    parameter.grad -= 1
    assert parameter.value is held
    assert (held == 2).all()
    assert (parameter.grad == -1).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr_mult", -1),
        ("lr_mult", np.nan),
        ("lr_mult", np.inf),
        ("lr_mult", "2"),
        ("decay_mult", True),
        ("decay_mult", None),
        ("trainable", 1),
        ("trainable", None),
    ],
)
def test_a_wrong_multiplier_is_refused_by_name_and_changes_nothing(name: str, value: Any) -> None:
    parameter = Parameter(np.zeros(1))
    with pytest.raises(ArgumentError, match=f"'{name}' of a parameter must be") as caught:
        setattr(parameter, name, value)
    assert (caught.value.argument, getattr(parameter, name)) == (name, 1)
    with pytest.raises(ArgumentError, match=f"'{name}'"):
        Parameter(np.zeros(1), **{name: value})


def test_multipliers_may_be_numpy_numbers_and_become_floats() -> None:
    parameter = Parameter(np.zeros(1), lr_mult=np.float32(2), decay_mult=np.int64(3))  # type: ignore[arg-type]
    assert (type(parameter.lr_mult), type(parameter.decay_mult)) == (float, float)
    assert (parameter.lr_mult, parameter.decay_mult) == (2, 3)


def test_the_gradient_of_what_is_no_longer_trained_is_zero() -> None:
    parameter = Parameter(np.ones(3))
    parameter.grad += 5
    parameter.trainable = False
    assert not parameter.grad.any()


@pytest.mark.parametrize("attribute", ["name", "decay", "data"])
def test_there_is_no_attribute_to_set_by_mistake(attribute: str) -> None:
    with pytest.raises(AttributeError):
        setattr(Parameter(np.ones(1)), attribute, 1)


def test_a_statistic_moves_to_what_the_batch_shows_and_only_in_commit() -> None:
    statistic = Statistic(np.array([1.0, 2.0]), momentum=0.75)
    statistic.grad[...] = [5, -2]
    np.testing.assert_array_equal(statistic.value, [1, 2])
    statistic.commit()
    np.testing.assert_array_equal(statistic.value, [0.75 * 1 + 0.25 * 5, 0.75 * 2 - 0.25 * 2])
    assert (statistic.trainable, statistic.lr_mult, statistic.decay_mult) == (False, 0, 0)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_a_copied_parameter_has_value_and_multipliers_and_no_gradient(copied: Any) -> None:
    first = Parameter(np.arange(3.0), lr_mult=2, decay_mult=0.5, trainable=False)
    statistic = Statistic(np.ones(2), momentum=0.5)
    first.grad += 1
    second, other = copied(first), copied(statistic)
    np.testing.assert_array_equal(second.value, first.value)
    assert not np.shares_memory(second.value, first.value)
    assert not second.grad.any()
    assert (second.lr_mult, second.decay_mult, second.trainable) == (2, 0.5, False)
    assert (type(other), other.momentum) == (Statistic, 0.5)


# All of a network's ------------------------------------------------------------------------------


def test_all_keep_their_values_and_lie_side_by_side() -> None:
    parameters, twins = several(), several()
    found = laid(parameters)
    assert found.value.shape == found.grad.shape == (4 * 3 + 3 + 3 * 2 + 2,)
    for path, parameter in parameters.items():
        assert found[path] is parameter
        np.testing.assert_array_equal(parameter.value, twins[path].value)
        if isinstance(parameter, Statistic):  # what scales all gradients leaves it alone
            assert not np.shares_memory(found.value, parameter.value)
            assert not np.shares_memory(found.grad, parameter.grad)
            continue
        np.testing.assert_array_equal(found.value[found.places[path]], twins[path].value.ravel())
        assert np.shares_memory(found.value, parameter.value)
        assert np.shares_memory(found.grad, parameter.grad)
    parameters["fc2.weight"].grad[...] = 7
    assert (found.grad == 7).sum() == 6
    assert (found.grad[found.places["fc2.weight"]] == 7).all()
    assert list(found) == list(parameters)
    assert list(found.places) == [path for path in parameters if path != "norm1.mean"]
    assert len(found) == 5


def test_what_is_trained_alike_lies_together_and_statistics_last() -> None:
    found = laid(several())
    order = sorted(found.places, key=lambda path: found.places[path].start)
    assert order == ["fc1.weight", "fc2.weight", "fc1.bias", "fc3.weight"]
    assert found.statistics == (found["norm1.mean"],)
    assert found.runs("decay_mult") == [Run(slice(0, 18), 1, 1), Run(slice(18, 21), 1, 0)]
    assert [run.place for run in found.runs("lr_mult")] == [slice(0, 21)]


def test_runs_follow_what_is_changed_later_and_no_array_moves() -> None:
    found = laid(several())
    held = found.value
    found["fc2.weight"].lr_mult = 3
    found["fc3.weight"].trainable = True
    assert found.runs("lr_mult") == [
        Run(slice(0, 12), 1, 1), Run(slice(12, 18), 3, 1), Run(slice(18, 23), 1, 0),
    ]  # fmt: skip
    found["fc1.weight"].trainable = False
    assert [run.place for run in found.runs("lr_mult")] == [slice(12, 18), slice(18, 23)]
    assert found.value is held


def test_the_version_changes_with_multipliers_and_not_values() -> None:
    parameter = Parameter(np.ones(2))
    before = Parameter.version
    parameter.value += 1
    parameter.grad = np.ones(2)
    assert Parameter.version == before
    versions = {before}
    for name, value in [("lr_mult", 2), ("decay_mult", 0), ("trainable", False)]:
        setattr(parameter, name, value)
        versions.add(Parameter.version)
    assert len(versions) == 4


def test_a_parameter_of_another_dtype_is_refused_by_its_path() -> None:
    mixed = several() | {"fc4.weight": Parameter(np.ones((2, 2), np.float32))}
    with pytest.raises(ArgumentError, match=r"'fc4\.weight' has the dtype float32"):
        laid(mixed)


def test_a_network_without_parameters_has_empty_ones() -> None:
    found = Network(["tanh"], input_shape=(3,)).parameters()
    assert (len(found), found.value.shape, found.runs("lr_mult")) == (0, (0,), [])


@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "nesterov", "adagrad", "adadelta", "adam"])
def test_an_update_of_all_gives_the_bits_of_an_update_one_by_one(optimizer: Any) -> None:
    together = laid(several())
    alone = [laid({path: parameter}) for path, parameter in several().items()]
    for groups in ([together], alone):
        for parameters in groups:
            decay = registry.regularizers.build("l2", 0.1)
            update = Update(parameters, registry.optimizers.resolve(optimizer), decay)
            for number in range(3):
                for parameter in parameters.values():
                    parameter.grad = np.sin(parameter.value + number)
                update.prepare()
                update.apply(0.1)
    for group in alone:
        for path, parameter in group.items():
            np.testing.assert_array_equal(together[path].value, parameter.value, err_msg=path)


# In a training -----------------------------------------------------------------------------------


class Rebinds:
    """Gives the parameters new arrays for their gradients, as a hook in a hurry does."""

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        for parameter in parameters.values():
            parameter.grad = parameter.grad * 2


class Doubles:
    """Does the same in place, to all at once."""

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        parameters.grad *= 2


def test_a_hook_may_assign_gradients_or_change_them_in_place() -> None:
    x = np.random.default_rng(1).random((20, 4), dtype=np.float32)
    values = []
    for hooks in ([], [Rebinds()], [Doubles()]):
        network = Network([("fc", 4, 3), "tanh", ("fc", 3, 2)])
        Trainer(network, batch_size=5, hooks=hooks).fit(x, np.arange(20) % 2, iterations=4)
        values.append(network.parameters().value)
    np.testing.assert_array_equal(values[1], values[2])
    assert not np.array_equal(values[0], values[1])
