"""Pooling: values and gradients against the reference, PyTorch, differences and by hand."""

import tracemalloc
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import CallOrderError
from plugnet.interfaces import Layer
from plugnet_pooling import reference
from plugnet_pooling.max_pool import MaxPool

WINDOWED = ("max_pool", "average_pool")
GLOBAL = ("global_max_pool", "global_average_pool")

# kernel_size, stride, padding; batch size, image height and width
GRID = [
    (kernel_size, stride, padding, size)
    for (kernel_size, stride, padding), size in product(
        [
            (1, 1, 0),
            (2, 2, 0),
            (2, 3, 0),
            (3, 2, 0),
            (3, 2, 1),
            (3, 1, 1),
            ((2, 3), (2, 3), 0),
            ((3, 2), (1, 2), (1, 0)),
            (4, 3, 2),
            ((1, 5), (1, 2), (0, 2)),
        ],
        [(3, 6, 6), (1, 7, 5), (2, 5, 8)],
    )
]

every_window = pytest.mark.parametrize(("kernel_size", "stride", "padding", "size"), GRID, ids=str)
every_mode = pytest.mark.parametrize("ceil_mode", [False, True])


def torch_pool(
    name: str, x: Array, dy: Array, ceil: bool, *arguments: Any, **keywords: Any
) -> tuple[Array, Array]:
    """Return PyTorch's y and dx for channels-last arrays."""
    torch = pytest.importorskip("torch")
    function = getattr(torch.nn.functional, {"max_pool": "max_pool2d"}.get(name, "avg_pool2d"))
    images = torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_(True)
    y = function(images, *arguments, ceil_mode=ceil, **keywords)
    y.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    return y.detach().numpy().transpose(0, 2, 3, 1), images.grad.numpy().transpose(0, 2, 3, 1)


every_pool = pytest.mark.parametrize(
    ("name", "keywords"),
    [("max_pool", {}), ("average_pool", {}), ("average_pool", {"count_include_pad": False})],
    ids=str,
)


def trained(layer: Layer, x: Array, dy: Array) -> tuple[Array, Array]:
    """Return y and dx of a training pass, and check that y is the same outside training."""
    y = layer.forward(x, training=True)
    np.testing.assert_array_equal(layer.forward(x), y)
    return y, layer.backward(dy)


@every_window
@every_mode
@every_pool
def test_values_and_gradients_equal_the_references_and_pytorchs(
    rng: np.random.Generator,
    name: str,
    keywords: dict[str, Any],
    kernel_size: Any,
    stride: Any,
    padding: Any,
    size: tuple[int, int, int],
    ceil_mode: bool,
) -> None:
    layer = registry.layers.build(name, kernel_size, stride, padding, ceil_mode, **keywords)
    x = rng.integers(-3, 4, (*size, 2)) / 2  # many ties
    dy = rng.normal(size=(size[0], *layer.output_shape(x.shape[1:])))
    y, dx = trained(layer, x, dy)
    expected, gradient = getattr(reference, name)(x, dy, layer, **keywords)
    np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(dx, gradient, rtol=1e-13, atol=1e-14)
    expected, gradient = torch_pool(
        name, x, dy, ceil_mode, kernel_size, stride, padding, **keywords
    )
    np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(dx, gradient, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", WINDOWED)
@every_mode
@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding"),
    [(2, None, 0), (3, 2, 1), ((2, 3), (1, 2), (1, 0))],
    ids=str,
)
def test_backward_agrees_with_central_differences(
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
    name: str,
    ceil_mode: bool,
    kernel_size: Any,
    stride: Any,
    padding: Any,
) -> None:
    layer = registry.layers.build(name, kernel_size, stride, padding, ceil_mode)
    x = (
        rng.permutation(2 * 5 * 6 * 2).reshape(2, 5, 6, 2) / 10
    )  # no two so close that one overtakes the other
    dy = rng.normal(size=(*layer.forward(x, training=True).shape,))
    dx = layer.backward(dy).copy()
    expected = numerical_gradient(lambda: np.vdot(layer.forward(x), dy), x)
    np.testing.assert_allclose(dx, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", GLOBAL)
def test_global_backward_agrees_with_central_differences(
    rng: np.random.Generator, numerical_gradient: Callable[..., Array], name: str
) -> None:
    layer = registry.layers.build(name)
    x, dy = rng.permutation(48).reshape(2, 3, 4, 2) / 10, rng.normal(size=(2, 2))
    layer.forward(x, training=True)
    dx = layer.backward(dy).copy()
    expected = numerical_gradient(lambda: np.vdot(layer.forward(x), dy), x)
    np.testing.assert_allclose(dx, expected, rtol=1e-6, atol=1e-8)


def image(*rows: list[float]) -> Array:
    """Return one image of one channel, ``(1, height, width, 1)``."""
    return np.array(rows, float)[np.newaxis, :, :, np.newaxis]


SMALL = image([1, 2, 3], [4, 5, 6], [7, 8, 9])


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (("max_pool", 2, 1), [[5, 6], [8, 9]]),
        (("max_pool", 2), [[5]]),
        (("max_pool", {"kernel_size": 2, "ceil_mode": True}), [[5, 6], [8, 9]]),
        (("max_pool", 2, None, 1), [[1, 3], [7, 9]]),
        (("average_pool", 2, 1), [[3, 4], [6, 7]]),
        (("average_pool", {"kernel_size": 2, "ceil_mode": True}), [[3, 4.5], [7.5, 9]]),
        (("average_pool", 2, None, 1), [[0.25, 1.25], [2.75, 7]]),
        (("average_pool", 2, None, 1, False, False), [[1, 2.5], [5.5, 7]]),
        (("average_pool", [1, 3]), [[2], [5], [8]]),
    ],
    ids=str,
)
def test_small_image_by_hand(piece: tuple[Any, ...], expected: list[list[float]]) -> None:
    layer = registry.layers.resolve(piece)
    np.testing.assert_allclose(layer.forward(SMALL)[0, :, :, 0], expected, rtol=1e-15)


def test_global_pools_give_one_number_per_channel() -> None:
    x = np.concatenate([SMALL, -SMALL], axis=-1)
    assert registry.layers.build("global_max_pool").forward(x).tolist() == [[9, -1]]
    np.testing.assert_allclose(registry.layers.build("global_average_pool").forward(x), [[5, -5]])


@pytest.mark.parametrize("value", [0.0, -2.5])
@pytest.mark.parametrize(
    "piece",
    [
        ("max_pool", 2),
        ("max_pool", 3, 1, 1),
        ("max_pool", {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        ("global_max_pool",),
    ],
    ids=str,
)
def test_gradient_of_a_tie_goes_to_one_position(
    rng: np.random.Generator, piece: Any, value: float
) -> None:
    layer = registry.layers.resolve(piece)
    dy = rng.normal(size=(*layer.forward(np.full((3, 6, 6, 2), value), training=True).shape,))
    dx = layer.backward(dy)
    np.testing.assert_allclose(dx.sum(axis=(1, 2)), dy.reshape(3, -1, 2).sum(axis=1), rtol=1e-12)


def test_first_of_equal_numbers_gets_the_gradient() -> None:
    layer = registry.layers.build("max_pool", 2)
    layer.forward(image([0, 1, 7, 7], [1, 0, 7, 7]), training=True)
    dx = layer.backward(image([3, 5]))
    np.testing.assert_array_equal(dx, image([0, 3, 5, 0], [0, 0, 0, 0]))
    whole = registry.layers.build("global_max_pool")
    whole.forward(image([0, 1, 7, 7], [1, 0, 7, 7]), training=True)
    np.testing.assert_array_equal(
        whole.backward(np.array([[3.0]])), image([0, 0, 3, 0], [0, 0, 0, 0])
    )


def test_padding_is_never_the_maximum() -> None:
    x = np.full((1, 4, 4, 1), -5.0)
    assert (registry.layers.build("max_pool", 3, 1, 1).forward(x) == -5).all()


def test_kernel_of_more_than_256_pixels(rng: np.random.Generator) -> None:
    layer = MaxPool(20, 3)
    x = rng.normal(size=(2, 26, 23, 2))
    dy = rng.normal(size=(2, *layer.output_shape(x.shape[1:])))
    y, dx = trained(layer, x, dy)
    expected, gradient = reference.max_pool(x, dy, layer)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(dx, gradient, rtol=1e-13)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("piece", [("max_pool", 2), ("average_pool", 2), *GLOBAL], ids=str)
def test_nan_stays_visible(piece: Any, training: bool) -> None:
    for row, column in np.ndindex(2, 2):
        x = np.ones((1, 2, 2, 2))
        x[0, row, column, 0] = np.nan
        y = registry.layers.resolve(piece).forward(x, training).ravel()
        assert np.isnan(y).tolist() == [True, False]


def test_pixels_in_no_window_get_no_gradient() -> None:
    for name in WINDOWED:
        layer = registry.layers.build(name, 2)
        layer.forward(np.ones((2, 5, 5, 1)), training=True)
        layer.backward(np.full((2, 2, 2, 1), np.nan))
        dx = layer.backward(np.ones((2, 2, 2, 1)))  # after a call that left NaN in the buffers
        assert not dx[:, 4].any()
        assert not dx[:, :, 4].any()
        assert dx.sum() == 8


@pytest.mark.parametrize(
    ("size", "ceil_mode", "expected"),
    [(6, False, 3), (7, False, 3), (6, True, 3), (7, True, 4)],
)
def test_ceil_mode_rounds_the_output_size_up(size: int, ceil_mode: bool, expected: int) -> None:
    layer = registry.layers.build("max_pool", 2, ceil_mode=ceil_mode)
    assert layer.output_shape((size, 6, 5)) == (expected, 3, 5)


def test_window_that_would_start_after_the_image_is_left_out() -> None:
    # Rounding up gives 3 windows, at -1, 1 and 3; the third would see only padding.
    layer = registry.layers.build("max_pool", 2, 2, 1, ceil_mode=True)
    assert layer.output_shape((3, 3, 1)) == (2, 2, 1)


every_layer = pytest.mark.parametrize(
    "piece",
    [
        ("max_pool", 2),
        ("max_pool", 3, 2, 1),
        ("average_pool", 2),
        ("average_pool", 3, 2, 1),
        "global_max_pool",
        "global_average_pool",
    ],
    ids=str,
)


@every_layer
def test_float32_stays_float32_and_inputs_are_unchanged(
    rng: np.random.Generator, piece: Any
) -> None:
    layer = registry.layers.resolve(piece)
    x = rng.normal(size=(2, 6, 6, 2)).astype("float32")
    y = layer.forward(x, training=True)
    dy = rng.normal(size=(*y.shape,)).astype("float32")
    copies = x.copy(), dy.copy()
    x.flags.writeable = dy.flags.writeable = False
    dx = layer.backward(dy)
    assert layer.forward(x).dtype == y.dtype == dx.dtype == np.float32
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(dy, copies[1])


@every_layer
def test_arrays_need_not_be_contiguous(rng: np.random.Generator, piece: Any) -> None:
    layer = registry.layers.resolve(piece)
    x = rng.normal(size=(2, 6, 6, 4))
    y = layer.forward(x[..., ::2].copy(), training=True).copy()
    dy = rng.normal(size=(*y.shape, 2))
    dx = layer.backward(dy[..., 0].copy()).copy()
    np.testing.assert_allclose(layer.forward(x[..., ::2], training=True), y, rtol=1e-14)
    np.testing.assert_allclose(layer.backward(dy[..., 0]), dx, rtol=1e-14)


@every_layer
def test_inference_leaves_what_a_pending_backward_reads(
    rng: np.random.Generator, piece: Any
) -> None:
    layer = registry.layers.resolve(piece)
    x = rng.normal(size=(2, 6, 6, 2))
    layer.prepare(x.shape, x.dtype)
    y = layer.forward(x, training=True)
    before, dy = y.copy(), rng.normal(size=(*y.shape,))
    dx = layer.backward(dy).copy()
    attributes = {name: id(value) for name, value in vars(layer).items()}
    own = layer.forward(rng.normal(size=(2, 6, 6, 2)))
    assert {name: id(value) for name, value in vars(layer).items()} == attributes
    assert not np.shares_memory(own, y)
    np.testing.assert_array_equal(y, before)
    np.testing.assert_array_equal(layer.backward(dy), dx)


@every_layer
def test_backward_before_a_training_forward_is_refused(piece: Any) -> None:
    layer = registry.layers.resolve(piece)
    y = layer.forward(np.ones((1, 6, 6, 2)))
    with pytest.raises(CallOrderError, match="training=True"):
        layer.backward(y)


@pytest.mark.parametrize(
    "piece", [("max_pool", 2), ("max_pool", 3, 2, 1), ("average_pool", 3, 2, 1)]
)
def test_warm_step_allocates_nothing_large(rng: np.random.Generator, piece: Any) -> None:
    layer = registry.layers.resolve(piece)
    x = rng.normal(size=(32, 24, 24, 20)).astype("float32")
    layer.prepare(x.shape, x.dtype)
    dy = rng.normal(size=(*layer.forward(x, training=True).shape,)).astype("float32")
    layer.backward(dy)
    tracemalloc.start()
    try:
        layer.forward(x, training=True)
        layer.backward(dy)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # NumPy casts masks in buffers of its own, of bounded size.
    assert peak < min(dy.nbytes / 4, 150_000)


def test_network_of_pools_trains(rng: np.random.Generator) -> None:
    y = np.arange(60) % 2
    x = rng.normal(0, 0.3, (60, 8, 8, 1))
    x[np.arange(60), 5 * y, rng.integers(0, 8, 60)] += 5  # a bright pixel above or below
    network = Network([("max_pool", 2), ("average_pool", [1, 4]), ("fc", None, 2)])
    trainer = Trainer(network, batch_size=20)
    trainer.fit(x, y, 100)
    assert trainer.evaluate(x, y)["accuracy"] == 1
