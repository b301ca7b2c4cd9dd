"""The fully connected layer: values, gradients, shapes, buffers, refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, CallOrderError, ShapeError
from plugnet.interfaces import Layer


def initialized(
    *arguments: Any, shape: Shape = (5,), dtype: str = "float64", **keywords: Any
) -> Layer:
    layer = registry.layers.build("fc", *arguments, **keywords)
    layer.initialize(shape, np.random.default_rng(1), np.dtype(dtype))
    return layer


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("training", [False, True])
def test_forward_multiplies_by_the_weight_and_adds_the_bias_to_every_row(
    rng: np.random.Generator, n: int, training: bool
) -> None:
    layer = initialized(5, 3)
    weight, bias = layer.parameters()
    bias.value[:] = [1, 2, 3]
    x = rng.normal(size=(n, 5))
    expected = [
        [sum(row[i] * weight.value[i, j] for i in range(5)) + bias.value[j] for j in range(3)]
        for row in x
    ]
    np.testing.assert_allclose(layer.forward(x, training), expected, rtol=1e-13)


@pytest.mark.parametrize("n", [1, 4])
def test_gradients_agree_with_central_differences(
    rng: np.random.Generator, numerical_gradient: Callable[..., Array], n: int
) -> None:
    layer = initialized(5, 3)
    x, dy = rng.normal(size=(n, 5)), rng.normal(size=(n, 3))
    layer.forward(x, training=True)
    layer.gradients(dy)
    dx = layer.backward(dy).copy()

    def scalar() -> Any:
        return np.vdot(layer.forward(x), dy)

    np.testing.assert_allclose(dx, numerical_gradient(scalar, x), rtol=1e-6, atol=1e-8)
    for parameter in layer.parameters():
        expected = numerical_gradient(scalar, parameter.value)
        np.testing.assert_allclose(parameter.grad, expected, rtol=1e-6, atol=1e-8)


def test_weight_gradient_is_the_sum_of_the_samples_own(rng: np.random.Generator) -> None:
    layer = initialized(5, 3)
    x, dy = rng.normal(size=(7, 5)), rng.normal(size=(7, 3))
    layer.forward(x, training=True)
    layer.gradients(dy)
    weight, bias = layer.parameters()
    per_sample = np.array([np.outer(x[i], dy[i]) for i in range(7)])
    np.testing.assert_allclose(weight.grad, per_sample.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(bias.grad, dy.sum(axis=0), rtol=1e-12)


def test_gradients_are_overwritten_not_accumulated(rng: np.random.Generator) -> None:
    layer = initialized(5, 3)
    x, dy = rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    layer.forward(x, training=True)
    layer.gradients(dy)
    first = [parameter.grad.copy() for parameter in layer.parameters()]
    layer.gradients(dy)
    for parameter, grad in zip(layer.parameters(), first, strict=True):
        np.testing.assert_array_equal(parameter.grad, grad)


def test_bias_starts_at_zero_and_is_exempt_from_decay() -> None:
    weight, bias = initialized(5, 3).parameters()
    assert (weight.name, weight.value.shape, weight.decay) == ("weight", (5, 3), True)
    assert (bias.name, bias.value.shape, bias.decay) == ("bias", (3,), False)
    assert not bias.value.any()
    assert weight.value.all()


def test_without_bias_there_is_one_parameter(rng: np.random.Generator) -> None:
    layer = initialized(5, 3, bias=False)
    (weight,) = layer.parameters()
    x = rng.normal(size=(2, 5))
    np.testing.assert_allclose(layer.forward(x), x @ weight.value)
    assert layer.flops((5,)) == 30


def test_initializer_may_be_a_name_or_a_name_with_arguments() -> None:
    assert (initialized(5, 3, initializer=("constant", 2)).parameters()[0].value == 2).all()
    assert (
        repr(initialized(5, 3, initializer="he_normal").arguments()["initializer"]) == "HeNormal()"
    )


def test_image_is_flattened_in_c_order_and_its_gradient_shaped_back(
    rng: np.random.Generator,
) -> None:
    layer = initialized(None, 3, shape=(2, 3, 4))
    x, dy = rng.normal(size=(5, 2, 3, 4)), rng.normal(size=(5, 3))
    weight, _ = layer.parameters()
    np.testing.assert_allclose(layer.forward(x, training=True), x.reshape(5, 24) @ weight.value)
    dx = layer.backward(dy)
    assert dx.shape == x.shape
    np.testing.assert_allclose(dx.reshape(5, 24), dy @ weight.value.T)


def test_inputs_left_out_are_inferred_and_the_argument_stays_as_given() -> None:
    layer = registry.layers.build("fc", outputs=3)
    assert (layer.input_shape(), layer.output_shape((28, 28, 1))) == (None, (3,))
    layer.initialize((28, 28, 1), np.random.default_rng(0), np.dtype("float32"))
    assert layer.parameters()[0].value.shape == (784, 3)
    assert layer.arguments()["inputs"] is None


def test_given_inputs_fix_the_size_of_a_sample_but_not_its_arrangement() -> None:
    layer = registry.layers.build("fc", 784, 50)
    assert layer.input_shape() == (784,)
    assert layer.output_shape((784,)) == layer.output_shape((28, 28)) == (50,)
    with pytest.raises(ShapeError, match="takes 784 numbers per sample") as caught:
        layer.output_shape((785,))
    assert (caught.value.expected, caught.value.got) == ((784,), (785,))


def test_flops_count_multiplications_additions_and_the_bias() -> None:
    assert registry.layers.build("fc", 784, 50).flops((784,)) == 2 * 784 * 50 + 50


def test_evaluation_leaves_what_a_pending_backward_reads(rng: np.random.Generator) -> None:
    layer = initialized(5, 3)
    x, dy = rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    y = layer.forward(x, training=True)
    before = y.copy()
    layer.gradients(dy)
    grad = layer.parameters()[0].grad.copy()
    own = layer.forward(rng.normal(size=(4, 5)))
    layer.gradients(dy)
    np.testing.assert_array_equal(layer.parameters()[0].grad, grad)
    np.testing.assert_array_equal(y, before)
    assert not np.shares_memory(own, y)


def test_training_reuses_its_buffers_and_follows_a_change_of_batch_size(
    rng: np.random.Generator,
) -> None:
    layer = initialized(5, 3)
    first = layer.forward(rng.normal(size=(4, 5)), training=True)
    assert layer.forward(rng.normal(size=(4, 5)), training=True) is first
    assert layer.forward(rng.normal(size=(1, 5)), training=True).shape == (1, 3)
    layer.gradients(rng.normal(size=(1, 3)))
    assert layer.backward(rng.normal(size=(1, 3))).shape == (1, 5)


def test_float32_stays_float32() -> None:
    layer = initialized(5, 3, dtype="float32")
    x, dy = np.ones((2, 5), "float32"), np.ones((2, 3), "float32")
    assert layer.forward(x).dtype == layer.forward(x, training=True).dtype == np.float32
    layer.gradients(dy)
    assert layer.backward(dy).dtype == np.float32
    assert [parameter.grad.dtype for parameter in layer.parameters()] == [np.float32] * 2


def test_forward_before_initialize_is_refused() -> None:
    with pytest.raises(CallOrderError, match="initialize"):
        registry.layers.build("fc", 5, 3).forward(np.ones((2, 5)))


def test_backward_before_a_training_forward_is_refused() -> None:
    layer = initialized(5, 3)
    layer.forward(np.ones((2, 5)))
    with pytest.raises(CallOrderError, match="training=True"):
        layer.gradients(np.ones((2, 3)))
    with pytest.raises(CallOrderError, match="training=True"):
        layer.backward(np.ones((2, 3)))


def test_samples_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match="initialized for 5 numbers"):
        initialized(5, 3).forward(np.ones((2, 6)))


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
