"""Dropout: statistics, masks, phases, determinism, refusals."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.layers import initialized

from plugnet import Network, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, CallOrderError, ShapeError


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_fraction_dropped_and_mean_are_right_within_3_sigma(p: float) -> None:
    n = 200_000
    y = initialized("dropout", p).forward(np.full((n // 100, 100), 2.0), training=True)
    assert abs(np.mean(y == 0) - p) < 3 * math.sqrt(p * (1 - p) / n)
    assert abs(y.mean() - 2) < 3 * 2 * math.sqrt(p / (1 - p) / n)


class Draws:
    """Stands in for a generator: all multiples of 2^-24 within 1000 such steps of a number."""

    def __init__(self, middle: float) -> None:
        steps = np.arange(-1000, 1000) + round(middle * 2**24)
        self.values = steps[(steps >= 0) & (steps < 2**24)] / 2**24

    def random(self, shape: Shape, dtype: Any, out: Array | None) -> Array:
        return self.values.astype(dtype)


@pytest.mark.parametrize("p", [1e-7, 1e-6, 0.1, 1 / 3, 0.5, 0.9, 0.99999, 0.999999])
def test_probability_holds_to_within_the_resolution_of_the_draws(p: float) -> None:
    draws = np.random.default_rng(0).random(1000, dtype=np.float32).astype(float) * 2**24
    np.testing.assert_array_equal(draws, draws.round())
    layer: Any = registry.layers.build("dropout", p)
    layer.rng = stub = Draws(p)
    y = layer.forward(np.ones_like(stub.values), training=True)
    assert abs(np.sum(y == 0) - np.sum(stub.values < p)) <= 1
    assert 0 < np.sum(y == 0) < y.size


@pytest.mark.parametrize("p", [0.25, 0.5])
def test_kept_numbers_are_divided_by_the_probability_of_keeping(
    rng: np.random.Generator, p: float
) -> None:
    x = rng.normal(size=(20, 30))
    y = initialized("dropout", p).forward(x, training=True)
    kept = y != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(y[kept], x[kept] / (1 - p), rtol=1e-15)


def test_backward_applies_the_mask_of_the_forward_pass(rng: np.random.Generator) -> None:
    layer = initialized("dropout", 0.3)
    x, dy = rng.normal(size=(20, 30)), rng.normal(size=(20, 30))
    mask = layer.forward(x, training=True) / x
    np.testing.assert_allclose(layer.backward(dy), dy * mask, rtol=1e-14)
    np.testing.assert_allclose(layer.backward(dy), dy * mask, rtol=1e-14)


@pytest.mark.parametrize("channels", [False, True])
def test_backward_agrees_with_central_differences(
    rng: np.random.Generator, numerical_gradient: Callable[..., Array], channels: bool
) -> None:
    layer = initialized("dropout", 0.5, channels)
    x, dy = rng.normal(size=(3, 2, 2, 4)), rng.normal(size=(3, 2, 2, 4))

    def scalar() -> Any:
        layer.initialize((2, 2, 4), np.random.default_rng(7), np.dtype("float64"))
        return np.vdot(layer.forward(x, training=True), dy)

    expected = numerical_gradient(scalar, x)
    np.testing.assert_allclose(layer.backward(dy), expected, rtol=1e-6, atol=1e-8)
    assert 0 < np.count_nonzero(expected) < expected.size


def test_each_batch_and_each_seed_draws_its_own_mask() -> None:
    x = np.ones((20, 30))
    one, same, other = (initialized("dropout", seed=seed) for seed in (1, 1, 2))
    first = one.forward(x, training=True).copy()
    np.testing.assert_array_equal(same.forward(x, training=True), first)
    assert (other.forward(x, training=True) != first).any()
    second = one.forward(x, training=True)
    assert (second != first).any()
    np.testing.assert_array_equal(same.forward(x, training=True), second)


def test_mask_is_the_same_in_both_dtypes() -> None:
    x = np.ones((20, 30))
    y = initialized("dropout", 0.5).forward(x, training=True)
    single = initialized("dropout", 0.5).forward(x.astype("float32"), training=True)
    np.testing.assert_array_equal(single, y)


def test_outside_training_it_is_the_identity_and_draws_nothing(rng: np.random.Generator) -> None:
    layer, undisturbed = initialized("dropout"), initialized("dropout")
    x = rng.normal(size=(4, 5))
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(
        layer.forward(x, training=True), undisturbed.forward(x, training=True)
    )


def test_evaluation_leaves_what_a_pending_backward_reads(rng: np.random.Generator) -> None:
    layer = initialized("dropout")
    y = layer.forward(rng.normal(size=(4, 5)), training=True)
    before, dy = y.copy(), rng.normal(size=(4, 5))
    dx = layer.backward(dy).copy()
    layer.forward(rng.normal(size=(6, 5)))
    np.testing.assert_array_equal(y, before)
    np.testing.assert_array_equal(layer.backward(dy), dx)


def test_probability_zero_is_the_identity_in_training(rng: np.random.Generator) -> None:
    layer = initialized("dropout", 0)
    x, dy = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    np.testing.assert_array_equal(layer.forward(x, training=True), x)
    np.testing.assert_array_equal(layer.backward(dy), dy)


def test_whole_channels_are_dropped_per_sample() -> None:
    y = initialized("dropout", 0.5, channels=True).forward(np.ones((50, 3, 4, 20)), training=True)
    maps = y.reshape(50, 12, 20)
    assert (maps == maps[:, :1]).all()
    assert set(np.unique(y)) == {0, 2}
    assert abs(np.mean(maps[:, 0] == 0) - 0.5) < 3 * math.sqrt(0.25 / 1000)
    assert len({row.tobytes() for row in maps[:, 0]}) == 50


def test_float32_stays_float32_and_inputs_stay_as_they_are(rng: np.random.Generator) -> None:
    layer = initialized("dropout")
    x = rng.normal(size=(4, 6)).astype("float32")
    kept = x.copy()
    x.flags.writeable = False
    assert layer.forward(x, training=True).dtype == layer.backward(x).dtype == np.float32
    assert layer.forward(x).dtype == np.float32
    np.testing.assert_array_equal(x, kept)


def test_arrays_need_not_be_contiguous(rng: np.random.Generator) -> None:
    x = rng.normal(size=(8, 10))
    layer, other = initialized("dropout"), initialized("dropout")
    y = layer.forward(x[::2, ::2], training=True)
    np.testing.assert_array_equal(y, other.forward(x[::2, ::2].copy(), training=True))
    np.testing.assert_array_equal(layer.backward(x.T[:4, :5]), other.backward(x.T[:4, :5].copy()))


@pytest.mark.parametrize("channels", [False, True])
def test_warm_step_allocates_nothing_large(
    rng: np.random.Generator, channels: bool, meter: Any
) -> None:
    layer = initialized("dropout", 0.5, channels)
    x = rng.normal(size=(32, 16, 16, 20)).astype("float32")
    layer.prepare(x.shape, x.dtype)

    with meter:
        for _ in range(2):
            layer.forward(x, training=True)
            layer.backward(x)
            meter.plugnet_step_end()
    assert meter.rises[-1] < x.nbytes / 4


def test_buffers_change_no_number(rng: np.random.Generator) -> None:
    layer, prepared = initialized("dropout", 0.3), initialized("dropout", 0.3)
    prepared.prepare((4, 5), np.dtype("float64"))
    for _ in range(2):
        x, dy = rng.normal(size=(2, 4, 5))
        np.testing.assert_array_equal(prepared.forward(x, True), layer.forward(x, True))
        np.testing.assert_array_equal(prepared.backward(dy), layer.backward(dy))


@pytest.mark.parametrize("channels", [False, True])
def test_the_mask_is_a_function_of_seed_and_iteration(channels: bool) -> None:
    x = np.ones((8, 3, 3, 4), np.float32)
    layers = [("dropout", 0.5, channels), ("dropout", 0.5, channels)]
    network, later = Network(layers, x.shape[1:], seed=3), Network(layers, x.shape[1:], seed=3)

    def masks(network: Network, iteration: int) -> tuple[bytes, bytes]:
        network.place(iteration)
        network.forward(x, training=True)
        first, second = network.layers
        return first.backward(x).tobytes(), second.backward(x).tobytes()

    drawn = [masks(network, iteration) for iteration in range(3)]
    assert [masks(later, iteration) for iteration in (2, 1, 0)] == drawn[::-1]
    assert len({mask for pair in drawn for mask in pair}) == 6
    assert masks(Network(layers, x.shape[1:], seed=4), 0) != drawn[0]


def test_prediction_is_that_of_the_network_without_dropout(rng: np.random.Generator) -> None:
    network = Network([("fc", 6, 20), "relu", "dropout", ("fc", 20, 3)])
    plain = Network([("fc", 6, 20), "relu", ("fc", 20, 3)])
    plain.restore(dict(network.state()))
    x = rng.normal(size=(10, 6))
    np.testing.assert_array_equal(network.predict(x), plain.predict(x))


def test_spec_round_trip_through_json() -> None:
    layer = registry.layers.build("dropout", 0.25, channels=True)
    again = registry.from_spec(json.loads(json.dumps(registry.spec(layer))))
    assert again.arguments() == layer.arguments() == {"p": 0.25, "channels": True}


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ((1,), "p"),
        ((1.0,), "p"),
        ((1 - 1e-9,), "p"),
        ((-0.1,), "p"),
        ((math.nan,), "p"),
        ((True,), "p"),
        (("0.5",), "p"),
        ((0.5, 1), "channels"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: tuple[Any, ...], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.layers.build("dropout", *arguments)
    assert caught.value.argument == culprit


def test_channels_of_flat_samples_are_refused() -> None:
    with pytest.raises(ShapeError, match="channels=True"):
        Network([("fc", 6, 20), ("dropout", 0.5, True)])


def test_calls_out_of_order_are_refused() -> None:
    layer = registry.layers.build("dropout")
    with pytest.raises(CallOrderError, match="initialize"):
        layer.forward(np.ones((2, 5)), training=True)
    with pytest.raises(CallOrderError, match="training=True"):
        layer.backward(np.ones((2, 5)))
