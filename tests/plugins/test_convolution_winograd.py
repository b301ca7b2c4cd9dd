"""Winograd against the reference: all products, all paddings, odd sizes, blocks."""

from itertools import product

import numpy as np
import pytest

from plugnet.arrays import Array
from plugnet_convolution import winograd
from plugnet_convolution.algorithm import ConvAlgorithm
from plugnet_convolution.geometry import Geometry, conv_axis
from plugnet_convolution.reference import Reference
from plugnet_convolution.winograd import Winograd

CHANNELS, FILTERS = 3, 5


def make_geometry(height: int, width: int, *padding: int | None) -> Geometry:
    down, across = (
        conv_axis(size, 3, 1, 1, pad) for size, pad in zip((height, width), padding, strict=True)
    )
    return Geometry(down, across, CHANNELS, FILTERS, groups=1)


def computed(
    algorithm: ConvAlgorithm, image: Array, weight: Array, dy: Array, bias: Array | None
) -> list[Array]:
    """Return y, dx and dw."""
    y, dx, dw = (np.empty_like(array, order="C") for array in (dy, image, weight))
    algorithm.convolve(image, weight, y, bias)
    algorithm.image_gradient(dy, weight, dx)
    algorithm.weight_gradient(image, dy, dw)
    return [y, dx, dw]


def arrays(rng: np.random.Generator, geometry: Geometry, count: int) -> list[Array]:
    """Return image, weight, dy and bias."""
    sizes = geometry.height.output_size, geometry.width.output_size
    return [
        rng.normal(size=(count, *geometry.image_shape[:2], CHANNELS)),
        rng.normal(size=(3, 3, 1, CHANNELS, FILTERS)),
        rng.normal(size=(count, *sizes, FILTERS)),
        rng.normal(size=(sizes[1], FILTERS)),
    ]


@pytest.mark.parametrize(
    ("size", "padding"),
    list(product([(6, 8), (5, 7), (3, 4)], product([0, 1, 2, None], repeat=2))),
    ids=str,
)
def test_all_products_equal_the_references(
    rng: np.random.Generator, size: tuple[int, int], padding: tuple[int | None, int | None]
) -> None:
    geometry = make_geometry(*size, *padding)
    given = arrays(rng, geometry, count=3)
    results = computed(Winograd(geometry), *given), computed(Reference(geometry), *given)
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-11, atol=1e-11)


def test_blocks_and_batches_of_several_sizes(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry = make_geometry(5, 6, 1, 0)
    monkeypatch.setattr(winograd, "BLOCK_ELEMENTS", 1000)
    algorithm = Winograd(geometry)
    for count in (5, 3, 0, 1, 4):
        given = arrays(rng, geometry, count)
        for mine, other in zip(
            computed(algorithm, *given), computed(Reference(geometry), *given), strict=True
        ):
            np.testing.assert_allclose(mine, other, rtol=1e-11, atol=1e-11)


def test_strided_arrays_are_accepted(rng: np.random.Generator) -> None:
    geometry = make_geometry(6, 6, 1, 1)
    image, weight, dy, bias = arrays(rng, geometry, count=2)
    odd_image, odd_weight, odd_dy = (np.asfortranarray(array) for array in (image, weight, dy))
    expected = computed(Winograd(geometry), image, weight, dy, bias)
    results = computed(Winograd(geometry), odd_image, odd_weight, odd_dy, bias)
    for mine, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


def test_float32_rounds_little_more_than_the_plain_sum(rng: np.random.Generator) -> None:
    geometry = make_geometry(12, 12, 1, 1)
    given = arrays(rng, geometry, count=4)
    exact = computed(Reference(geometry), *given)
    single = [array.astype("float32") for array in given]
    for mine, other in zip(computed(Winograd(geometry), *single), exact, strict=True):
        assert mine.dtype == np.float32
        assert np.abs(mine - other).max() < 2e-6 * np.abs(other).max()


@pytest.mark.parametrize(
    ("channels", "filters", "size", "stride", "padding", "expected"),
    [
        (48, 48, 16, 1, 1, True),
        (64, 256, 7, 1, 0, True),
        (32, 64, 16, 1, 1, False),  # few channels
        (64, 64, 16, 2, 1, False),
        (64, 64, 16, 1, 3, False),
        (64, 64, 224, 1, 1, False),  # large images
    ],
)
def test_which_shapes_it_suits(
    channels: int, filters: int, size: int, stride: int, padding: int, expected: bool
) -> None:
    axis = conv_axis(size, 3, stride, 1, padding)
    assert Winograd.suits(Geometry(axis, axis, channels, filters, groups=1)) is expected
