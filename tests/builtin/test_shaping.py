"""Flatten and reshape."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, CallOrderError, ShapeError

both = pytest.mark.parametrize(
    ("name", "shape"), [(("flatten",), (24,)), (("reshape", [4, 3, 2]), (4, 3, 2))]
)


@both
@pytest.mark.parametrize("n", [1, 3])
def test_forward_keeps_the_order_and_backward_undoes_it(
    name: tuple[Any, ...], shape: tuple[int, ...], n: int
) -> None:
    layer = registry.layers.build(*name)
    x = np.arange(24.0 * n).reshape(n, 2, 3, 4)
    assert layer.output_shape((2, 3, 4)) == shape
    y = layer.forward(x, training=True)
    assert y.shape == (n, *shape)
    np.testing.assert_array_equal(y.ravel(), x.ravel())
    np.testing.assert_array_equal(layer.backward(y), x)


def test_flatten_lets_the_last_axis_run_fastest() -> None:
    height, width, channels = 2, 3, 4
    x = np.random.default_rng(0).random((5, height, width, channels))
    flat = registry.layers.build("flatten").forward(x)
    for row, column, channel in np.ndindex(height, width, channels):
        place = (row * width + column) * channels + channel
        np.testing.assert_array_equal(flat[:, place], x[:, row, column, channel])


@both
def test_backward_agrees_with_central_differences(
    name: tuple[Any, ...],
    shape: tuple[int, ...],
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
) -> None:
    layer = registry.layers.build(*name)
    x, dy = rng.normal(size=(2, 2, 3, 4)), rng.normal(size=(2, *shape))
    layer.forward(x, training=True)
    expected = numerical_gradient(lambda: np.vdot(layer.forward(x), dy), x)
    np.testing.assert_allclose(layer.backward(dy), expected, rtol=1e-6, atol=1e-8)


@both
def test_backward_before_a_training_forward_is_refused(
    name: tuple[Any, ...], shape: tuple[int, ...]
) -> None:
    layer = registry.layers.build(*name)
    layer.forward(np.ones((1, 2, 3, 4)))
    with pytest.raises(CallOrderError, match="training"):
        layer.backward(np.ones((1, *shape)))


def test_reshape_to_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="has 10 numbers") as caught:
        registry.layers.build("reshape", [4, 3]).output_shape((10,))
    assert (caught.value.expected, caught.value.got) == (12, (10,))


@pytest.mark.parametrize("shape", [[], "28", 5, [0, 4], [2, -1], [2.0], [True]])
def test_reshape_refuses_what_is_not_a_shape(shape: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.layers.build("reshape", shape)
    assert caught.value.argument == "shape"
