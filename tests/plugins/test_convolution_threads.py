"""Convolution in several threads equals that in one, and gives the same bits every time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.layers import perturbed

from plugnet import parallel
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer

#: A layer for each algorithm, with the shape of its images.
CASES: dict[str, tuple[str, Shape, dict[str, Any]]] = {
    "windows": ("conv2d", (6, 5, 3), {"outputs": 4, "kernel_size": 3}),
    "padded": ("conv2d", (5, 6, 3), {"outputs": 4, "kernel_size": 3, "padding": 2, "stride": 2}),
    "groups": ("conv2d", (6, 5, 4), {"outputs": 6, "kernel_size": 3, "groups": 2}),
    "depthwise": ("conv2d", (6, 5, 3), {"outputs": 6, "kernel_size": 3, "groups": 3, "padding": 1}),
    "pointwise": ("conv2d", (6, 5, 4), {"outputs": 6, "kernel_size": 1, "groups": 2}),
    "winograd": ("conv2d", (14, 13, 48), {"outputs": 49, "kernel_size": 3, "padding": 1}),
    "transposed": ("conv2d_transpose", (4, 3, 3), {"outputs": 4, "kernel_size": 3, "stride": 2}),
}


@pytest.fixture(autouse=True)
def divide_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide even the smallest batches."""
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 1)


def layer_of(case: str) -> Layer:
    name, shape, arguments = CASES[case]
    return perturbed(name, shape=shape, **arguments)


def data(layer: Layer, shape: Shape, count: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    return rng.normal(size=(count, *shape)), rng.normal(size=(count, *layer.output_shape(shape)))


def results(layer: Layer, x: Array, dy: Array, threads: int) -> list[Array]:
    """Return copies of y in inference, y and dx in training, and the gradients."""
    with parallel.threads(threads):
        alone = layer.forward(x)
        y = layer.forward(x, training=True).copy()
        layer.gradients(dy)
        grads = [parameter.grad.copy() for parameter in layer.parameters().values()]
        return [alone, y, layer.backward(dy).copy(), *grads]


@pytest.mark.parametrize("case", CASES)
def test_threads_equal_one_and_give_the_same_bits_again(case: str) -> None:
    layer = layer_of(case)
    for count in (5, 2, 0, 1, 7):  # also fewer samples than threads
        x, dy = data(layer, CASES[case][1], count)
        expected = results(layer_of(case), x, dy, 1)
        found = results(layer, x, dy, 3)
        for mine, other, again in zip(found, expected, results(layer, x, dy, 3), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-11, atol=1e-11)
            np.testing.assert_array_equal(mine, again)


def test_batch_is_divided_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from plugnet_convolution import batch_parallel

    sizes: list[int] = []

    def note(calls: Any) -> None:
        sizes.append(len(calls))
        parallel.parallel_call(calls)

    monkeypatch.setattr(batch_parallel, "parallel_call", note)
    layer = layer_of("windows")
    x, dy = data(layer, CASES["windows"][1], 5)
    results(layer, x, dy, 2)
    results(layer, x[:1], dy[:1], 2)  # for two threads smaller than the weight
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 10**9)
    results(layer, x, dy, 2)
    assert sizes == [2] * 4 + [1] * 8


def test_backward_may_have_other_threads_than_forward() -> None:
    x, dy = data(layer_of("windows"), CASES["windows"][1], 5)
    expected = results(layer_of("windows"), x, dy, 1)
    layer = layer_of("windows")
    layer.forward(x, training=True)
    with parallel.threads(4):
        layer.gradients(dy)
        found = layer.backward(dy)
    np.testing.assert_allclose(found, expected[2], rtol=1e-11, atol=1e-11)
    weight = layer.parameters()["weight"]
    np.testing.assert_allclose(weight.grad, expected[3], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_other_threads_predict_while_one_trains(case: str) -> None:
    layer = layer_of(case)
    x, dy = data(layer, CASES[case][1], 5)
    alone, *expected = results(layer, x, dy, 1)
    with ThreadPoolExecutor(2) as pool:
        predicted = [pool.submit(layer.forward, x) for _ in range(40)]
        trained = [results(layer, x, dy, 1)[1:] for _ in range(10)]
    for prediction in predicted:
        np.testing.assert_array_equal(prediction.result(), alone)
    for found in trained:
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine, other)
