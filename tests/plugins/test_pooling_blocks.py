"""Windowed pooling: blocks of samples and batches of several sizes equal one block."""

from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array
from plugnet.interfaces import Layer
from plugnet_pooling import gathering

PIECES: tuple[Any, ...] = (
    ("max_pool", 2),
    ("max_pool", 3, 2, 1),
    ("max_pool", 2, 3),
    ("average_pool", 2),
    ("average_pool", 3, 2, 1),
    ("average_pool", 3, 1),
)


def pooled(layer: Layer, x: Array) -> tuple[Array, Array]:
    y = layer.forward(x, training=True).copy()
    dy = np.random.default_rng(1).normal(size=(*y.shape,))
    return y, layer.backward(dy).copy()


@pytest.mark.parametrize("block", [1, 150, 300])
@pytest.mark.parametrize("piece", PIECES, ids=str)
def test_blocks_of_samples_equal_one_block(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, piece: Any, block: int
) -> None:
    x = rng.normal(size=(5, 7, 6, 3))
    y, dx = pooled(registry.layers.resolve(piece), x)
    monkeypatch.setattr(gathering, "BLOCK_ELEMENTS", block)
    layer = registry.layers.resolve(piece)
    found_y, found_dx = pooled(layer, x)
    np.testing.assert_array_equal(found_y, y)
    np.testing.assert_array_equal(found_dx, dx)
    np.testing.assert_array_equal(layer.forward(x), y)


@pytest.mark.parametrize("piece", [*PIECES, "global_max_pool", "global_average_pool"], ids=str)
def test_prepared_equals_unprepared(rng: np.random.Generator, piece: Any) -> None:
    layer = registry.layers.resolve(piece)
    for count in (2, 5, 1, 5):
        x = rng.normal(size=(count, 7, 6, 3))
        expected_y, expected_dx = pooled(registry.layers.resolve(piece), x)
        layer.prepare(x.shape, x.dtype)
        for _ in range(2):  # the second time with used buffers
            y, dx = pooled(layer, x)
            np.testing.assert_array_equal(y, expected_y)
            np.testing.assert_array_equal(dx, expected_dx)


@pytest.mark.parametrize("piece", PIECES, ids=str)
def test_buffers_are_made_once(rng: np.random.Generator, piece: Any) -> None:
    layer, x = registry.layers.resolve(piece), rng.normal(size=(5, 7, 6, 3))
    layer.prepare(x.shape, x.dtype)
    y = layer.forward(x, training=True)
    dx = layer.backward(y.copy())
    assert layer.forward(x + 1, training=True) is y
    assert layer.backward(y.copy()) is dx


@pytest.mark.parametrize("piece", PIECES, ids=str)
def test_batches_of_other_sizes_between_change_nothing(
    rng: np.random.Generator, piece: Any
) -> None:
    x, layer = rng.normal(size=(5, 7, 6, 3)), registry.layers.resolve(piece)
    for count in (2, 5, 1, 0, 5):
        y, dx = pooled(layer, x[:count])
        expected_y, expected_dx = pooled(registry.layers.resolve(piece), x[:count])
        np.testing.assert_array_equal(y, expected_y)
        np.testing.assert_array_equal(dx, expected_dx)
