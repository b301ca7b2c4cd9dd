"""Activations: values, derivatives, extremes, dtypes; and the layer around them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, CallOrderError

ALL: list[tuple[Any, ...]] = [
    ("sigmoid",),
    ("tanh",),
    ("relu",),
    ("leaky_relu", 0.2),
    ("elu", 1.7),
    ("gelu",),
    ("gelu", True),
    ("softplus",),
    ("swish",),
    ("identity",),
]
every = pytest.mark.parametrize("name", ALL, ids=lambda name: "-".join(map(str, name)))


@pytest.fixture
def x(rng: np.random.Generator) -> Array:
    """Inputs on both sides of the kink at 0, none near it."""
    values: Array = rng.uniform(0.01, 4, size=(6, 5))
    values *= rng.choice([-1, 1], size=(6, 5))
    return values


@every
def test_derivative_agrees_with_central_differences(
    name: tuple[Any, ...], x: Array, numerical_gradient: Callable[..., Array]
) -> None:
    activation = registry.activations.build(*name)
    derivative = activation.derivative(x, activation.forward(x))
    expected = numerical_gradient(lambda: activation.forward(x).sum(), x)
    np.testing.assert_allclose(derivative, expected, rtol=1e-6, atol=1e-8)


@every
def test_value_and_derivative_agree_with_pytorch(name: tuple[Any, ...], x: Array) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    reference = {
        ("sigmoid",): torch.sigmoid,
        ("tanh",): torch.tanh,
        ("relu",): functional.relu,
        ("leaky_relu", 0.2): lambda t: functional.leaky_relu(t, 0.2),
        ("elu", 1.7): lambda t: functional.elu(t, 1.7),
        ("gelu",): functional.gelu,
        ("gelu", True): lambda t: functional.gelu(t, approximate="tanh"),
        ("softplus",): functional.softplus,
        ("swish",): functional.silu,
        ("identity",): lambda t: 1 * t,
    }[name]
    tensor = torch.tensor(x, requires_grad=True)
    expected = reference(tensor)
    expected.sum().backward()
    activation = registry.activations.build(*name)
    y = activation.forward(x)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(activation.derivative(x, y), tensor.grad.numpy(), rtol=1e-11)


def test_values_agree_with_scipy(x: Array) -> None:
    special = pytest.importorskip("scipy.special")
    expected = {
        "sigmoid": special.expit(x),
        "tanh": special.expm1(2 * x) / (special.expm1(2 * x) + 2),
        "gelu": x * (1 + special.erf(x / np.sqrt(2))) / 2,
        "softplus": np.logaddexp(0, x),
        "swish": x * special.expit(x),
        "elu": np.where(x > 0, x, special.expm1(x)),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(
            registry.activations.build(name).forward(x), value, rtol=1e-12, atol=1e-15
        )


def test_values_agree_with_formulas_written_out(x: Array) -> None:
    up, down = np.exp(x), np.exp(-x)
    expected: dict[tuple[Any, ...], Array] = {
        ("tanh",): (up - down) / (up + down),
        ("relu",): np.where(x > 0, x, 0),
        ("leaky_relu", 0.2): np.where(x > 0, x, 0.2 * x),
        ("elu", 1.7): np.where(x > 0, x, 1.7 * (up - 1)),
        ("gelu", True): x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
        ("softplus",): np.log(1 + up),
        ("sigmoid",): 1 / (1 + down),
        ("swish",): x / (1 + down),
        ("identity",): x,
    }
    for name, value in expected.items():
        y = registry.activations.build(*name).forward(x)
        np.testing.assert_allclose(y, value, rtol=1e-12, atol=1e-15)


def test_gelu_is_x_times_the_normal_probability(x: Array) -> None:
    expected = [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x.flat]
    y = registry.activations.build("gelu").forward(x)
    np.testing.assert_allclose(y.ravel(), expected, rtol=1e-10)


def test_sigmoid_increases_and_is_symmetric() -> None:
    """Without the minus sign in exp(-x) it would fall."""
    x = np.linspace(-8, 8, 101)
    y = registry.activations.build("sigmoid").forward(x)
    assert (np.diff(y) > 0).all()
    np.testing.assert_allclose(y[::-1], 1 - y, atol=1e-15)
    assert y[50] == 0.5


def test_tanh_increases_and_is_odd() -> None:
    x = np.linspace(-8, 8, 101)
    y = registry.activations.build("tanh").forward(x)
    assert (np.diff(y) > 0).all()
    np.testing.assert_allclose(y[::-1], -y, atol=1e-15)


@pytest.mark.parametrize(("name", "slope"), [("sigmoid", 0.25), ("tanh", 1.0)])
def test_slope_at_zero(name: str, slope: float) -> None:
    activation = registry.activations.build(name)
    zero = np.zeros((1, 1))
    assert activation.derivative(zero, activation.forward(zero)) == slope


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_derivative_of_relus_at_zero_is_one(name: str, zero: float) -> None:
    activation = registry.activations.build(name)
    x = np.array([[zero]])
    assert activation.derivative(x, activation.forward(x)) == 1


def test_relu_keeps_nan_and_maps_minus_infinity_to_zero() -> None:
    y = registry.activations.build("relu").forward(np.array([np.nan, -np.inf, np.inf]))
    np.testing.assert_array_equal(y, [np.nan, 0, np.inf])


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e3, 1e6, 1e30])
def test_extremes_are_finite_and_exact(name: tuple[Any, ...], dtype: str, size: float) -> None:
    """A warning about overflow would be an error here."""
    activation = registry.activations.build(*name)
    x = np.array([[-size, size]], dtype)
    below, above = {
        "sigmoid": (0, 1),
        "tanh": (-1, 1),
        "leaky_relu": (0.2 * x[0, 0], x[0, 1]),
        "elu": (-1.7, x[0, 1]),
        "identity": (x[0, 0], x[0, 1]),
    }.get(name[0], (0, x[0, 1]))
    slopes = {"sigmoid": (0, 0), "tanh": (0, 0), "leaky_relu": (0.2, 1), "identity": (1, 1)}
    y = activation.forward(x)
    np.testing.assert_allclose(y, [[below, above]], rtol=1e-6)
    derivative = activation.derivative(x, y)
    np.testing.assert_allclose(derivative, [slopes.get(name[0], (0, 1))], rtol=1e-6, atol=1e-6)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_out_is_filled_and_dtype_and_inputs_stay(
    name: tuple[Any, ...], dtype: str, x: Array
) -> None:
    activation = registry.activations.build(*name)
    x = x.astype(dtype)
    before = x.copy()
    y, out = activation.forward(x), np.full_like(x, np.nan)
    assert activation.forward(x, out) is out
    np.testing.assert_array_equal(out, y)
    derivative, out = activation.derivative(x, y), np.full_like(x, np.nan)
    assert activation.derivative(x, y, out) is out
    np.testing.assert_array_equal(out, derivative)
    assert y.dtype == derivative.dtype == dtype
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    "name",
    [("leaky_relu", 0), ("leaky_relu", 1.0), ("elu", 0), ("elu", np.nan), ("gelu", "tanh")],
    ids=str,
)
def test_bad_arguments_are_refused(name: tuple[Any, ...]) -> None:
    with pytest.raises(ArgumentError):
        registry.activations.build(*name)


# The layer ---------------------------------------------------------------------------------------


@every
def test_layer_backward_agrees_with_central_differences(
    name: tuple[Any, ...],
    x: Array,
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
) -> None:
    layer = registry.layers.build("activation", name)
    dy = rng.normal(size=(6, 5))
    kept = dy.copy()
    layer.forward(x, training=True)
    dx = layer.backward(dy)
    expected = numerical_gradient(lambda: np.vdot(layer.forward(x), dy), x)
    np.testing.assert_allclose(dx, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(dy, kept)


def test_layer_evaluation_leaves_what_a_pending_backward_reads(x: Array) -> None:
    layer = registry.layers.build("activation", "tanh")
    y = layer.forward(x, training=True)
    dx = layer.backward(np.ones_like(x)).copy()
    assert not np.shares_memory(layer.forward(x + 1), y)
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), dx)


@every
def test_layer_with_buffers_gives_the_bits_of_one_without(name: tuple[Any, ...], x: Array) -> None:
    plain, prepared = (registry.layers.build("activation", name) for _ in range(2))
    prepared.prepare(x.shape, x.dtype)
    y, dx = prepared.forward(x, training=True), prepared.backward(x)
    np.testing.assert_array_equal(y, plain.forward(x, training=True))
    np.testing.assert_array_equal(dx, plain.backward(x))
    assert prepared.forward(x, training=True) is y
    assert prepared.backward(x) is dx


def test_layer_backward_before_forward_is_refused(x: Array) -> None:
    layer = registry.layers.build("activation", "relu")
    layer.forward(x)
    with pytest.raises(CallOrderError, match="training"):
        layer.backward(x)
