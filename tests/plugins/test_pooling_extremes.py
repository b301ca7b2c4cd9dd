"""Pooling images and gradients with infinities and NaN, against PyTorch."""

from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array

INF, NAN = np.inf, np.nan

FUNCTIONS = {"max_pool": "max_pool2d", "average_pool": "avg_pool2d"}


def assert_equals_pytorch(name: str, x: Array, dy_values: list[float], *arguments: Any) -> None:
    """Compare y, in inference and training, and dx, for dy drawn from ``dy_values``."""
    torch = pytest.importorskip("torch")
    kernel_size, stride, padding, ceil_mode = arguments
    images = torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_(True)
    function = getattr(torch.nn.functional, FUNCTIONS[name])
    expected = function(images, kernel_size, stride, padding, ceil_mode=ceil_mode)
    shape = (*expected.permute(0, 2, 3, 1).shape,)
    dy = np.random.default_rng(3).choice(dy_values, shape).astype(x.dtype)
    expected.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))

    layer = registry.layers.build(name, *arguments)
    for training in (False, True):
        y = layer.forward(x, training)
        np.testing.assert_allclose(y.transpose(0, 3, 1, 2), expected.detach().numpy(), rtol=1e-12)
    dx = layer.backward(dy).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(dx, images.grad.numpy(), rtol=1e-12)


every_window = pytest.mark.parametrize(
    "window",
    [
        (2, 2, 0, False),
        (2, 2, 1, False),
        (3, 1, 1, False),
        (3, 2, 1, True),
        ((2, 5), (3, 2), (0, 2), True),
    ],
    ids=str,
)


@every_window
@pytest.mark.parametrize(
    "values",
    [[-INF], [-INF, 0], [NAN], [NAN, 0, 1], [INF, 1], [NAN, -INF], [INF, -INF, NAN, 0, 1]],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_maxima_and_which_pixel_gets_their_gradient(
    rng: np.random.Generator, window: Any, values: list[float], dtype: str
) -> None:
    x = rng.choice(values, (3, 5, 7, 2)).astype(dtype)
    assert_equals_pytorch("max_pool", x, [1.0, 2.0, -3.0], *window)


@every_window
def test_infinite_gradient_goes_to_the_maximum_alone(rng: np.random.Generator, window: Any) -> None:
    x = rng.normal(size=(3, 5, 7, 2))
    assert_equals_pytorch("max_pool", x, [1.0, INF], *window)
    assert_equals_pytorch("max_pool", x, [1.0, NAN], *window)


@every_window
@pytest.mark.parametrize("values", [[1.0, INF], [1.0, NAN]], ids=str)
def test_means_of_infinities_and_their_gradient(
    rng: np.random.Generator, window: Any, values: list[float]
) -> None:
    assert_equals_pytorch("average_pool", rng.choice(values, (3, 5, 7, 2)), values, *window)


@pytest.mark.parametrize("value", [-INF, NAN])
def test_maximum_of_a_whole_channel_is_one_of_its_pixels(value: float) -> None:
    layer = registry.layers.build("global_max_pool")
    x = np.full((2, 3, 4, 2), value)
    np.testing.assert_array_equal(layer.forward(x, training=True), x[:, 0, 0])
    dx = layer.backward(np.full((2, 2), INF))
    assert (dx[:, 0, 0] == INF).all()
    assert np.count_nonzero(dx) == 4


def test_infinite_gradient_of_a_global_mean_reaches_all_pixels() -> None:
    layer = registry.layers.build("global_average_pool")
    layer.forward(np.ones((1, 2, 2, 2)), training=True)
    dx = layer.backward(np.array([[INF, 4.0]]))
    np.testing.assert_array_equal(dx, np.broadcast_to([INF, 1.0], (1, 2, 2, 2)))
