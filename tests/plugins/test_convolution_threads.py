"""Convolution in several threads: what one gives, always the same bits, whatever the batch."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from plugnet import parallel, registry
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer

#: Layers for each way to compute, with the shape of their images.
WAYS: dict[str, tuple[str, Shape, dict[str, Any]]] = {
    "windows": ("conv2d", (6, 5, 3), {"outputs": 4, "kernel": 3}),
    "padded": ("conv2d", (5, 6, 3), {"outputs": 4, "kernel": 3, "padding": 2, "stride": 2}),
    "groups": ("conv2d", (6, 5, 4), {"outputs": 6, "kernel": 3, "groups": 2}),
    "depthwise": ("conv2d", (6, 5, 3), {"outputs": 6, "kernel": 3, "groups": 3, "padding": 1}),
    "pointwise": ("conv2d", (6, 5, 4), {"outputs": 6, "kernel": 1, "groups": 2}),
    "winograd": ("conv2d", (14, 13, 48), {"outputs": 49, "kernel": 3, "padding": 1}),
    "transposed": ("conv2d_transpose", (4, 3, 3), {"outputs": 4, "kernel": 3, "stride": 2}),
}


@pytest.fixture(autouse=True)
def divide_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide even the smallest batch."""
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 1)


def initialized(way: str) -> Layer:
    """Return a layer whose bias is not zero."""
    name, shape, arguments = WAYS[way]
    rng = np.random.default_rng(1)
    layer = registry.layers.build(name, **arguments)
    layer.initialize(shape, rng, np.dtype("float64"))
    layer.parameters()["bias"].value = rng.normal(size=arguments["outputs"])
    return layer


def data(layer: Layer, shape: Shape, count: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    return rng.normal(size=(count, *shape)), rng.normal(size=(count, *layer.output_shape(shape)))


def step(layer: Layer, x: Array, dy: Array, threads: int) -> list[Array]:
    """Return copies of all that evaluation and a training step give."""
    with parallel.threads(threads):
        alone = layer.forward(x)
        y = layer.forward(x, training=True).copy()
        layer.gradients(dy)
        grads = [parameter.grad.copy() for parameter in layer.parameters().values()]
        return [alone, y, layer.backward(dy).copy(), *grads]


@pytest.mark.parametrize("way", WAYS)
def test_threads_give_what_one_gives_and_the_same_bits_again(way: str) -> None:
    layer = initialized(way)
    for count in (5, 2, 0, 1, 7):  # also fewer samples than threads
        x, dy = data(layer, WAYS[way][1], count)
        expected = step(initialized(way), x, dy, 1)
        found = step(layer, x, dy, 3)
        for mine, other, again in zip(found, expected, step(layer, x, dy, 3), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-11, atol=1e-11)
            np.testing.assert_array_equal(mine, again)


def test_a_batch_is_divided_and_its_parts_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from plugnet_convolution import batch_parallel

    sizes: list[int] = []

    def note(calls: Any) -> None:
        sizes.append(len(calls))
        parallel.parallel_call(calls)

    monkeypatch.setattr(batch_parallel, "parallel_call", note)
    layer = initialized("windows")
    x, dy = data(layer, WAYS["windows"][1], 5)
    step(layer, x, dy, 2)
    step(layer, x[:1], dy[:1], 2)  # smaller than the kernel for each of two
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 10**9)
    step(layer, x, dy, 2)
    assert sizes == [2] * 4 + [1] * 8


def test_backward_may_have_other_threads_than_forward() -> None:
    x, dy = data(initialized("windows"), WAYS["windows"][1], 5)
    expected = step(initialized("windows"), x, dy, 1)
    layer = initialized("windows")
    layer.forward(x, training=True)
    with parallel.threads(4):
        layer.gradients(dy)
        found = layer.backward(dy)
    np.testing.assert_allclose(found, expected[2], rtol=1e-11, atol=1e-11)
    weight = layer.parameters()["weight"]
    np.testing.assert_allclose(weight.grad, expected[3], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("way", WAYS)
def test_other_threads_predict_while_one_trains(way: str) -> None:
    layer = initialized(way)
    x, dy = data(layer, WAYS[way][1], 5)
    alone, *expected = step(layer, x, dy, 1)
    with ThreadPoolExecutor(2) as pool:
        predicted = [pool.submit(layer.forward, x) for _ in range(40)]
        trained = [step(layer, x, dy, 1)[1:] for _ in range(10)]
    for prediction in predicted:
        np.testing.assert_array_equal(prediction.result(), alone)
    for found in trained:
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine, other)
