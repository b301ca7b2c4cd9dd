"""Initializers: bounds, moments within three standard errors, fans, dtypes, seeds."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plugnet import Network, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError

ALL: list[tuple[Any, ...]] = [
    ("xavier",),
    ("constant", 0.5),
    ("gaussian",),
    ("uniform",),
    ("glorot_uniform",),
    ("glorot_normal",),
    ("he_normal",),
    ("he_uniform",),
    ("lecun_normal",),
    ("orthogonal",),
]
FANS = ["xavier", "glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "lecun_normal"]
UNIFORM: dict[str, Callable[[int, int], float]] = {
    "xavier": lambda inputs, outputs: math.sqrt(6) / math.sqrt(inputs + outputs + 1),
    "glorot_uniform": lambda inputs, outputs: math.sqrt(6 / (inputs + outputs)),
    "he_uniform": lambda inputs, outputs: math.sqrt(6 / inputs),
}
NORMAL: dict[str, Callable[[int, int], float]] = {
    "glorot_normal": lambda inputs, outputs: 2 / (inputs + outputs),
    "he_normal": lambda inputs, outputs: 2 / inputs,
    "lecun_normal": lambda inputs, outputs: 1 / inputs,
}
SHAPES = [((784, 50), 784, 50), ((5, 3, 20, 50), 300, 750)]  # shape, fan_in, fan_out
every = pytest.mark.parametrize("name", ALL, ids=lambda name: name[0])


def draw(*name: Any, shape: Shape, seed: int = 3, dtype: str = "float64") -> Array:
    initializer = registry.initializers.build(*name)
    return initializer(shape, np.random.default_rng(seed), np.dtype(dtype))


def check_moments(values: Array, mean: float, variance: float, kurtosis: float) -> None:
    """Check the sample's mean and variance by their own standard errors."""
    n = values.size
    assert abs(values.mean() - mean) < 3 * math.sqrt(variance / n)
    assert abs(values.var() / variance - 1) < 3 * math.sqrt((kurtosis - 1) / n)


@pytest.mark.parametrize("name", UNIFORM)
@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), SHAPES)
def test_uniform_initializers_fill_their_interval(
    name: str, shape: Shape, fan_in: int, fan_out: int
) -> None:
    limit = UNIFORM[name](fan_in, fan_out)
    values = draw(name, shape=shape)
    assert 0.999 * limit < np.abs(values).max() <= limit
    check_moments(values, 0, limit**2 / 3, 1.8)


@pytest.mark.parametrize("name", NORMAL)
@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), SHAPES)
def test_normal_initializers_have_their_variance(
    name: str, shape: Shape, fan_in: int, fan_out: int
) -> None:
    values = draw(name, shape=shape)
    check_moments(values, 0, NORMAL[name](fan_in, fan_out), 3)
    beyond = np.abs(values) > 2 * values.std()
    assert beyond.mean() == pytest.approx(math.erfc(math.sqrt(2)), abs=0.005)  # not truncated


def test_xavier_of_the_first_layer_has_the_bound_of_the_tutorial() -> None:
    values = draw("xavier", shape=(784, 50))
    assert 0.08476 < np.abs(values).max() <= 0.084768  # without the +1: 0.084819


def test_xavier_has_the_plus_one_that_glorot_lacks() -> None:
    """At one input and one output the bounds are sqrt(6 / 3) and sqrt(6 / 2)."""
    rng = np.random.default_rng(0)
    for name, limit in [("xavier", math.sqrt(2)), ("glorot_uniform", math.sqrt(3))]:
        initializer = registry.initializers.build(name)
        drawn = [abs(initializer((1, 1), rng, np.dtype("float64"))[0, 0]) for _ in range(2000)]
        assert 0.99 * limit < max(drawn) <= limit


def test_constant_gaussian_and_uniform_take_their_numbers() -> None:
    np.testing.assert_array_equal(draw("constant", shape=(2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("constant", 2.5, shape=(3,)), [2.5, 2.5, 2.5])
    check_moments(draw("gaussian", shape=(200, 100)), 0, 0.01**2, 3)
    check_moments(draw("gaussian", 5, 2, shape=(200, 100)), 5, 4, 3)
    values = draw("uniform", 2, 5, shape=(200, 100))
    assert values.min() >= 2
    assert values.max() <= 5
    check_moments(values, 3.5, 9 / 12, 1.8)
    check_moments(draw("uniform", shape=(200, 100)), 0, 0.1**2 / 12, 1.8)


@every
def test_variances_are_those_of_what_is_drawn(name: tuple[Any, ...]) -> None:
    """A normal distribution has the largest kurtosis of all of them, 3."""
    shape = (150, 100)
    variance = registry.initializers.build(*name).variance(shape)
    assert variance is not None
    if name[0] == "constant":
        assert variance == draw(*name, shape=shape).var() == 0
    else:
        check_moments(draw(*name, shape=shape), 0, variance, 3)


@pytest.mark.parametrize(
    ("shape", "rows", "columns"), [((20, 7), 20, 7), ((7, 20), 7, 20), ((3, 2, 4, 5), 24, 5)]
)
def test_orthogonal_has_orthonormal_rows_or_columns_times_gain(
    shape: Shape, rows: int, columns: int
) -> None:
    matrix = draw("orthogonal", 2.0, shape=shape).reshape(rows, columns)
    small = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(small, 4 * np.eye(min(rows, columns)), atol=1e-12)


@pytest.mark.parametrize("name", [*FANS, "orthogonal"])
def test_fully_connected_multiplies_mean_squares_by_fan_times_variance(name: str) -> None:
    """Forward by inputs times the variance, back by outputs times the variance."""
    rng = np.random.default_rng(0)
    inputs, outputs = 400, 200
    layer = registry.layers.build("fc", inputs, outputs, name)
    layer.initialize((inputs,), rng, np.dtype("float64"))
    variance = registry.initializers.build(name).variance((inputs, outputs))
    assert variance is not None
    x, dy = rng.normal(size=(500, inputs)), rng.normal(size=(500, outputs))
    y = layer.forward(x, training=True)
    assert np.mean(y**2) / np.mean(x**2) == pytest.approx(inputs * variance, rel=0.05)
    dx = layer.backward(dy)
    assert np.mean(dx**2) / np.mean(dy**2) == pytest.approx(outputs * variance, rel=0.05)


@pytest.mark.parametrize(
    ("name", "factor"), [("he_normal", 1), ("he_uniform", 1), ("lecun_normal", 1 / 2)]
)
def test_relu_halves_the_mean_square_and_he_makes_up_for_it(name: str, factor: float) -> None:
    depth, width = 4, 500
    network = Network(["relu", ("fc", width, width, name)] * depth, dtype="float64")
    x = np.random.default_rng(0).normal(size=(100, width))
    y = network.forward(x, training=True)
    assert np.mean(y**2) / np.mean(x**2) == pytest.approx(factor**depth, rel=0.15)


def test_orthogonal_draws_without_preference_for_a_sign() -> None:
    """QR alone fixes the signs; its Q is not uniform over the orthogonal matrices."""
    signs = [draw("orthogonal", shape=(3, 3), seed=seed)[0, 0] > 0 for seed in range(400)]
    assert abs(np.mean(signs) - 0.5) < 3 * 0.5 / math.sqrt(400)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_array_is_new_c_ordered_and_of_the_shape_and_dtype(
    name: tuple[Any, ...], dtype: str
) -> None:
    for shape in [(4, 6), (6, 4), (3, 3, 2, 4)]:
        values = draw(*name, shape=shape, dtype=dtype)
        assert values.shape == shape
        assert values.dtype == dtype
        assert values.flags.c_contiguous
        assert values.flags.writeable


@every
def test_only_the_seed_decides_and_the_global_generator_stays(
    name: tuple[Any, ...],
) -> None:
    state = str(np.random.get_state())  # noqa: NPY002
    np.testing.assert_array_equal(draw(*name, shape=(4, 6)), draw(*name, shape=(4, 6)))
    assert str(np.random.get_state()) == state  # noqa: NPY002


@every
def test_float32_values_are_the_float64_ones_rounded(name: tuple[Any, ...]) -> None:
    rounded = draw(*name, shape=(4, 6)).astype("float32")
    np.testing.assert_array_equal(draw(*name, shape=(4, 6), dtype="float32"), rounded)


@pytest.mark.parametrize("name", [*FANS, "orthogonal"])
def test_shape_without_inputs_and_outputs_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match="inputs, outputs"):
        draw(name, shape=(5,))


@pytest.mark.parametrize(
    ("name", "culprit"),
    [
        (("constant", np.nan), "value"),
        (("constant", "0"), "value"),
        (("gaussian", 0, -1), "std"),
        (("gaussian", np.inf), "mean"),
        (("uniform", 1, 1), "high"),
        (("uniform", 0, np.inf), "high"),
        (("orthogonal", 0), "gain"),
    ],
)
def test_bad_arguments_are_refused_by_name(name: tuple[Any, ...], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.initializers.build(*name)
    assert caught.value.argument == culprit
