"""The fully connected layer: values, gradients, shapes, buffers, refusals."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, CallOrderError, ShapeError
from plugnet.interfaces import Layer

Initialized: TypeAlias = Callable[..., Layer]


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("training", [False, True])
def test_forward_is_x_times_weight_plus_bias(
    rng: np.random.Generator, n: int, training: bool, initialized: Initialized
) -> None:
    layer = initialized("fc", 5, 3)
    weight, bias = layer.parameters().values()
    bias.value[:] = [1, 2, 3]
    x = rng.normal(size=(n, 5))
    expected = [
        [sum(row[i] * weight.value[i, j] for i in range(5)) + bias.value[j] for j in range(3)]
        for row in x
    ]
    np.testing.assert_allclose(layer.forward(x, training), expected, rtol=1e-13)


@pytest.mark.parametrize("n", [1, 4])
def test_gradients_agree_with_central_differences(
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
    n: int,
    initialized: Initialized,
) -> None:
    layer = initialized("fc", 5, 3)
    x, dy = rng.normal(size=(n, 5)), rng.normal(size=(n, 3))
    layer.forward(x, training=True)
    layer.gradients(dy)
    dx = layer.backward(dy).copy()

    def scalar() -> Any:
        return np.vdot(layer.forward(x), dy)

    np.testing.assert_allclose(dx, numerical_gradient(scalar, x), rtol=1e-6, atol=1e-8)
    for parameter in layer.parameters().values():
        expected = numerical_gradient(scalar, parameter.value)
        np.testing.assert_allclose(parameter.grad, expected, rtol=1e-6, atol=1e-8)


def test_weight_gradient_is_the_sum_over_samples(
    rng: np.random.Generator, initialized: Initialized
) -> None:
    layer = initialized("fc", 5, 3)
    x, dy = rng.normal(size=(7, 5)), rng.normal(size=(7, 3))
    layer.forward(x, training=True)
    layer.gradients(dy)
    weight, bias = layer.parameters().values()
    per_sample = np.array([np.outer(x[i], dy[i]) for i in range(7)])
    np.testing.assert_allclose(weight.grad, per_sample.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(bias.grad, dy.sum(axis=0), rtol=1e-12)


def test_gradients_are_overwritten_not_accumulated(
    rng: np.random.Generator, initialized: Initialized
) -> None:
    layer = initialized("fc", 5, 3)
    x, dy = rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    layer.forward(x, training=True)
    layer.gradients(dy)
    first = [parameter.grad.copy() for parameter in layer.parameters().values()]
    layer.gradients(dy)
    for parameter, grad in zip(layer.parameters().values(), first, strict=True):
        np.testing.assert_array_equal(parameter.grad, grad)


def test_bias_starts_at_zero_and_is_exempt_from_decay(initialized: Initialized) -> None:
    weight, bias = initialized("fc", 5, 3).parameters().values()
    assert (weight.value.shape, weight.lr_mult, weight.decay_mult) == ((5, 3), 1, 1)
    assert (bias.value.shape, bias.lr_mult, bias.decay_mult) == ((3,), 1, 0)
    assert not bias.value.any()
    assert weight.value.all()


def test_without_bias_there_is_one_parameter(
    rng: np.random.Generator, initialized: Initialized
) -> None:
    layer = initialized("fc", 5, 3, bias=False)
    (weight,) = layer.parameters().values()
    x = rng.normal(size=(2, 5))
    np.testing.assert_allclose(layer.forward(x), x @ weight.value)
    assert layer.flops((5,)) == 30


def test_initializer_may_be_a_name_or_a_name_with_arguments(initialized: Initialized) -> None:
    constant = initialized("fc", 5, 3, initializer=("constant", 2))
    assert (constant.parameters()["weight"].value == 2).all()
    named = initialized("fc", 5, 3, initializer="he_normal")
    assert repr(named.arguments()["initializer"]) == "HeNormal()"


def test_images_are_flattened_in_c_order_and_gradients_reshaped(
    rng: np.random.Generator, initialized: Initialized
) -> None:
    layer = initialized("fc", None, 3, shape=(2, 3, 4))
    x, dy = rng.normal(size=(5, 2, 3, 4)), rng.normal(size=(5, 3))
    weight, _ = layer.parameters().values()
    np.testing.assert_allclose(layer.forward(x, training=True), x.reshape(5, 24) @ weight.value)
    dx = layer.backward(dy)
    assert dx.shape == x.shape
    np.testing.assert_allclose(dx.reshape(5, 24), dy @ weight.value.T)


def test_omitted_inputs_are_inferred_and_the_argument_stays_none() -> None:
    layer = registry.layers.build("fc", outputs=3)
    assert (layer.input_shape(), layer.output_shape((28, 28, 1))) == (None, (3,))
    layer.initialize((28, 28, 1), np.random.default_rng(0), np.dtype("float32"))
    assert layer.parameters()["weight"].value.shape == (784, 3)
    assert layer.arguments()["inputs"] is None


def test_given_inputs_fix_the_size_of_a_sample_but_not_its_shape() -> None:
    layer = registry.layers.build("fc", 784, 50)
    assert layer.input_shape() == (784,)
    assert layer.output_shape((784,)) == layer.output_shape((28, 28)) == (50,)
    with pytest.raises(ShapeError, match="takes 784 numbers per sample") as caught:
        layer.output_shape((785,))
    assert (caught.value.expected, caught.value.got) == ((784,), (785,))


def test_layers_without_a_curve_between_are_one(
    rng: np.random.Generator, initialized: Initialized
) -> None:
    first, second = initialized("fc", 5, 4, seed=1), initialized("fc", 4, 3, shape=(4,), seed=2)
    (w1, b1), (w2, b2) = (
        [parameter.value for parameter in layer.parameters().values()] for layer in (first, second)
    )
    b1[:], b2[:] = rng.normal(size=4), rng.normal(size=3)
    x = rng.normal(size=(6, 5))
    identity = registry.activations.build("identity")
    one = x @ (w1 @ w2) + (b1 @ w2 + b2)
    np.testing.assert_allclose(second.forward(identity.forward(first.forward(x))), one, rtol=1e-12)


def test_flops_count_multiplications_additions_and_the_bias() -> None:
    assert registry.layers.build("fc", 784, 50).flops((784,)) == 2 * 784 * 50 + 50


def test_evaluation_leaves_what_a_pending_backward_reads(
    rng: np.random.Generator, initialized: Initialized
) -> None:
    layer = initialized("fc", 5, 3)
    x, dy = rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    y = layer.forward(x, training=True)
    before = y.copy()
    layer.gradients(dy)
    grad = layer.parameters()["weight"].grad.copy()
    own = layer.forward(rng.normal(size=(4, 5)))
    layer.gradients(dy)
    np.testing.assert_array_equal(layer.parameters()["weight"].grad, grad)
    np.testing.assert_array_equal(y, before)
    assert not np.shares_memory(own, y)


@pytest.mark.parametrize("n", [1, 4])
def test_training_writes_to_buffers_only_if_prepared(
    rng: np.random.Generator, initialized: Initialized, n: int
) -> None:
    plain, prepared = initialized("fc", 5, 3), initialized("fc", 5, 3)
    prepared.prepare((n, 5), np.dtype("float64"))
    x, dy = rng.normal(size=(n, 5)), rng.normal(size=(n, 3))
    results = []
    for layer in (plain, prepared):
        results.append((layer.forward(x, training=True), layer.backward(dy)))
    for new, buffer in zip(*results, strict=True):
        np.testing.assert_array_equal(new, buffer)
    y, dx = results[1]
    assert prepared.forward(x[::-1], training=True) is y
    assert np.shares_memory(prepared.backward(dy[::-1]), dx)
    assert plain.forward(x, training=True) is not results[0][0]


def test_float32_stays_float32(initialized: Initialized) -> None:
    layer = initialized("fc", 5, 3, dtype="float32")
    x, dy = np.ones((2, 5), "float32"), np.ones((2, 3), "float32")
    assert layer.forward(x).dtype == layer.forward(x, training=True).dtype == np.float32
    layer.gradients(dy)
    assert layer.backward(dy).dtype == np.float32
    assert [parameter.grad.dtype for parameter in layer.parameters().values()] == [np.float32] * 2


def test_forward_before_initialize_is_refused() -> None:
    with pytest.raises(CallOrderError, match="initialize"):
        registry.layers.build("fc", 5, 3).forward(np.ones((2, 5)))


def test_backward_before_a_training_forward_is_refused(initialized: Initialized) -> None:
    layer = initialized("fc", 5, 3)
    layer.forward(np.ones((2, 5)))
    with pytest.raises(CallOrderError, match="training"):
        layer.gradients(np.ones((2, 3)))
    with pytest.raises(CallOrderError, match="training"):
        layer.backward(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ((50,), "outputs"),
        ((0, 3), "inputs"),
        ((5, -3), "outputs"),
        ((5, 3.0), "outputs"),
        ((True, 3), "inputs"),
        ((5, 3, "xavier", 1), "bias"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: tuple[Any, ...], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.layers.build("fc", *arguments)
    assert caught.value.argument == culprit
