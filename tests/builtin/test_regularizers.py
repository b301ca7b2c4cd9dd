"""Regularizers: values by hand, gradients by central differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import plugnet.training.update
from plugnet import Parameter, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.interfaces import Regularizer
from plugnet.parameter import Parameters
from plugnet.training.update import Update

every = pytest.mark.parametrize("name", [("l2", 0.3), ("l1", 0.3), ("elastic", 0.3, 0.2)], ids=str)


@pytest.mark.parametrize(
    ("name", "penalty"),
    [
        (("l2", 0.5), 0.25 * 14),
        (("l1", 0.5), 0.5 * 6),
        (("elastic", 0.5, 0.25), 0.5 * (0.25 * 6 + 0.75 / 2 * 14)),
        (("l2", 0), 0),
    ],
)
def test_penalty(name: tuple[Any, ...], penalty: float) -> None:
    value = registry.regularizers.build(*name).penalty(np.array([[1.0, -2.0], [3.0, 0.0]]))
    assert type(value) is float
    assert value == pytest.approx(penalty, rel=1e-14)


def test_l2_adds_scale_times_strength_times_the_weight() -> None:
    grad = np.array([1.0, 1.0, 1.0])
    registry.regularizers.build("l2", 0.5).add_gradient(
        np.array([2.0, -4.0, 0.0]), grad, 2.0, np.full(3, np.nan)
    )
    np.testing.assert_array_equal(grad, [3, -3, 1])


def test_l1_leaves_a_weight_of_zero_alone() -> None:
    grad = np.zeros(3)
    registry.regularizers.build("l1", 0.5).add_gradient(
        np.array([2.0, -4.0, 0.0]), grad, 2.0, np.full(3, np.nan)
    )
    np.testing.assert_array_equal(grad, [1, -1, 0])


@every
def test_gradient_agrees_with_central_differences(
    name: tuple[Any, ...], rng: np.random.Generator, numerical_gradient: Callable[..., Array]
) -> None:
    regularizer = registry.regularizers.build(*name)
    value = rng.uniform(0.1, 2, size=(4, 3)) * rng.choice([-1, 1], size=(4, 3))
    grad = np.ones_like(value)
    regularizer.add_gradient(value, grad, 1.0, np.full_like(value, np.nan))
    expected = numerical_gradient(lambda: regularizer.penalty(value), value)
    np.testing.assert_allclose(grad - 1, expected, rtol=1e-6, atol=1e-9)


@every
def test_value_and_dtype_stay_for_weights_of_any_shape(name: tuple[Any, ...]) -> None:
    regularizer = registry.regularizers.build(*name)
    for shape in [(4, 3), (2,), (), (4, 3)]:
        value, grad = np.full(shape, -2, "float32"), np.zeros(shape, "float32")
        regularizer.add_gradient(value, grad, 0.5, np.full_like(value, np.nan))
        assert (grad < 0).all()
        assert (value == -2).all()
        assert grad.dtype == np.float32


class Group(Regularizer):
    """The norm of a whole parameter (group lasso)."""

    def penalty(self, value: Array) -> float:
        return float(np.linalg.norm(value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        assert value.shape == grad.shape == scratch.shape
        np.divide(value, np.linalg.norm(value), out=scratch)
        scratch *= scale
        grad += scratch


def test_not_elementwise_means_getting_whole_parameters(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugnet.training.update, "BLOCK_NUMBERS", 4)
    parameters = Parameters(
        {
            "a": Parameter(rng.normal(size=(3, 2)), decay_mult=2),
            "b": Parameter(rng.normal(size=5), decay_mult=0),
            "c": Parameter(rng.normal(size=5), trainable=False),
            "d": Parameter(rng.normal(size=(2, 1, 2))),
        },
        np.dtype("float64"),
    )
    before = {path: p.value.copy() for path, p in parameters.items()}
    update = Update(parameters, registry.optimizers.build("sgd"), Group())
    update.prepare()
    update.apply(0.5)
    for path, scale in {"a": 2, "b": 0, "c": 0, "d": 1}.items():
        expected = before[path] - 0.5 * scale * before[path] / np.linalg.norm(before[path])
        np.testing.assert_allclose(parameters[path].value, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "culprit"),
    [
        (("l2", -1), "strength"),
        (("l2", np.nan), "strength"),
        (("l1", "1"), "strength"),
        (("elastic", np.inf), "strength"),
        (("elastic", 1, 1.5), "ratio"),
        (("elastic", 1, -0.5), "ratio"),
    ],
)
def test_bad_arguments_are_refused_by_name(name: tuple[Any, ...], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.regularizers.build(*name)
    assert caught.value.argument == culprit
