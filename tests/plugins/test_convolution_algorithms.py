"""Every algorithm: central differences, blocks, batches, pending passes, memory."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.layers import perturbed
from tests.steps import assert_equal_steps, step

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet_convolution import algorithm, batch_parallel
from plugnet_convolution.reference import Reference

#: Layers for each algorithm, with the shape of their images.
CASES: dict[str, tuple[str, Shape, dict[str, Any]]] = {
    "windows": ("conv2d", (6, 5, 3), {"outputs": 4, "kernel_size": 3}),
    "padded": (
        "conv2d",
        (5, 6, 3),
        {"outputs": 4, "kernel_size": 3, "padding": 2, "stride": (2, 1)},
    ),
    "one channel": ("conv2d", (6, 5, 1), {"outputs": 4, "kernel_size": 3}),
    "one, padded": ("conv2d", (6, 5, 1), {"outputs": 4, "kernel_size": 3, "padding": "same"}),
    "groups": ("conv2d", (6, 5, 4), {"outputs": 6, "kernel_size": 3, "groups": 2}),
    "depthwise": ("conv2d", (6, 5, 3), {"outputs": 6, "kernel_size": 3, "groups": 3, "padding": 1}),
    "pointwise": ("conv2d", (6, 5, 4), {"outputs": 6, "kernel_size": 1, "groups": 2}),
    "transposed": ("conv2d_transpose", (4, 3, 3), {"outputs": 4, "kernel_size": 3, "stride": 2}),
    "transposed, one": (
        "conv2d_transpose",
        (5, 4, 3),
        {"outputs": 1, "kernel_size": 3, "padding": 1},
    ),
    "transposed, groups": (
        "conv2d_transpose",
        (5, 4, 4),
        {"outputs": 6, "kernel_size": 3, "groups": 2, "padding": "same"},
    ),
    "transposed, depthwise": (
        "conv2d_transpose",
        (5, 4, 6),
        {"outputs": 3, "kernel_size": 3, "groups": 3, "stride": (1, 2)},
    ),
    "transposed, pointwise": (
        "conv2d_transpose",
        (5, 4, 4),
        {"outputs": 6, "kernel_size": 1, "groups": 2},
    ),
}

#: Layers of realistic sizes.
REAL: list[tuple[str, Shape, dict[str, Any]]] = [
    # whose weight is divided into the kernel's rows for its gradient
    ("conv2d", (12, 12, 20), {"outputs": 50, "kernel_size": 5}),
    # into its positions
    ("conv2d", (8, 8, 47), {"outputs": 60, "kernel_size": 3, "dilation": 2}),
    # not divided
    ("conv2d", (16, 16, 16), {"outputs": 32, "kernel_size": 3, "padding": 1}),
    # copied in runs along the image
    ("conv2d", (28, 28, 1), {"outputs": 20, "kernel_size": 5}),
    ("conv2d", (16, 16, 3), {"outputs": 32, "kernel_size": 3, "padding": 1}),
    ("conv2d", (9, 9, 64), {"outputs": 64, "kernel_size": 3, "padding": 1}),  # by Winograd
    ("conv2d", (14, 14, 160), {"outputs": 320, "kernel_size": 1}),
    ("conv2d_transpose", (9, 9, 32), {"outputs": 24, "kernel_size": 3, "padding": 1}),
]


def random_step(layer: Layer, shape: Shape, n: int = 3, seed: int = 2) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    dtype = layer.parameters()["weight"].value.dtype
    x = rng.normal(size=(n, *shape)).astype(dtype)
    return step(layer, x, rng.normal(size=(n, *layer.output_shape(shape))).astype(dtype))


@pytest.mark.parametrize("case", CASES)
def test_gradients_agree_with_central_differences(
    rng: np.random.Generator, numerical_gradient: Callable[..., Array], case: str
) -> None:
    name, shape, arguments = CASES[case]
    layer = perturbed(name, shape=shape, **arguments)
    x = rng.normal(size=(2, *shape))
    dy = rng.normal(size=(2, *layer.output_shape(shape)))
    found = step(layer, x, dy)
    arrays = {name: parameter.value for name, parameter in layer.parameters().items()} | {"dx": x}
    for array_name, array in arrays.items():
        expected = numerical_gradient(lambda: np.vdot(layer.forward(x), dy), array)
        np.testing.assert_allclose(found[array_name], expected, atol=1e-7, err_msg=array_name)


@pytest.mark.parametrize("block", [1, 150, 1000])
@pytest.mark.parametrize("case", CASES)
def test_blocks_of_rows_and_of_samples_equal_one_block(
    monkeypatch: pytest.MonkeyPatch, case: str, block: int
) -> None:
    name, shape, arguments = CASES[case]
    expected = random_step(perturbed(name, shape=shape, **arguments), shape, n=5)
    monkeypatch.setattr(algorithm, "BLOCK_ELEMENTS", block)
    assert_equal_steps(random_step(perturbed(name, shape=shape, **arguments), shape, n=5), expected)


@pytest.mark.parametrize(("name", "shape", "arguments"), [*CASES.values(), *REAL])
def test_every_algorithm_equals_the_reference(
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    shape: Shape,
    arguments: dict[str, Any],
) -> None:
    layer = perturbed(name, shape=shape, **arguments)
    x = rng.normal(size=(6, *shape))
    dy = rng.normal(size=(6, *layer.output_shape(shape)))
    found = step(layer, x, dy)
    monkeypatch.setattr(batch_parallel, "select_algorithm", lambda geometry: Reference)
    assert_equal_steps(found, step(perturbed(name, shape=shape, **arguments), x, dy))


@pytest.mark.parametrize("rows", [1, 48, 1000, 2500])
def test_matmul_in_parts_is_the_whole_product(rng: np.random.Generator, rows: int) -> None:
    a, b = rng.normal(size=(2, rows, 20)), rng.normal(size=(2, 20, 50))
    out = np.empty((rows, 2, 50)).swapaxes(0, 1)
    algorithm.matmul_in_parts(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_batch_equals_its_samples_one_by_one(rng: np.random.Generator, case: str) -> None:
    name, shape, arguments = CASES[case]
    layer = perturbed(name, shape=shape, **arguments)
    x = rng.normal(size=(3, *shape))
    dy = rng.normal(size=(3, *layer.output_shape(shape)))
    found = step(layer, x, dy)
    alone = [step(layer, x[n : n + 1], dy[n : n + 1]) for n in range(3)]
    for name in ("y", "dx"):
        np.testing.assert_allclose(found[name], np.concatenate([one[name] for one in alone]))
    for name in ("weight", "bias"):
        np.testing.assert_allclose(found[name], sum(one[name] for one in alone), atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_no_samples_give_no_outputs_and_zero_gradients(case: str) -> None:
    name, shape, arguments = CASES[case]
    layer = perturbed(name, shape=shape, **arguments)
    found = random_step(layer, shape, n=0)
    assert found["y"].shape == (0, *layer.output_shape(shape))
    assert found["dx"].shape == (0, *shape)
    assert not found["weight"].any()
    assert not found["bias"].any()


@pytest.mark.parametrize("case", CASES)
def test_read_only_and_strided_arrays_are_accepted(rng: np.random.Generator, case: str) -> None:
    name, shape, arguments = CASES[case]
    layer = perturbed(name, shape=shape, **arguments)
    x = rng.normal(size=(2, *shape))
    dy = rng.normal(size=(2, *layer.output_shape(shape)))
    expected = step(layer, x, dy)
    odd_x = np.repeat(x, 2, axis=2)[:, :, ::2]
    odd_dy = np.asfortranarray(dy)
    odd_x.flags.writeable = odd_dy.flags.writeable = False
    assert_equal_steps(step(layer, odd_x, odd_dy), expected)


@pytest.mark.parametrize("case", CASES)
def test_inference_leaves_what_a_pending_backward_reads(
    rng: np.random.Generator, case: str
) -> None:
    name, shape, arguments = CASES[case]
    expected = random_step(perturbed(name, shape=shape, **arguments), shape)
    layer = perturbed(name, shape=shape, **arguments)
    same = np.random.default_rng(2)
    x = same.normal(size=(3, *shape))
    y = layer.forward(x, training=True)
    dy = same.normal(size=(3, *layer.output_shape(shape)))
    own = layer.forward(rng.normal(size=(4, *shape)))
    np.testing.assert_array_equal(y, expected["y"])
    assert not np.shares_memory(own, y)
    layer.gradients(dy)
    layer.forward(rng.normal(size=(4, *shape)))
    np.testing.assert_array_equal(layer.parameters()["weight"].grad, expected["weight"])
    np.testing.assert_array_equal(layer.backward(dy), expected["dx"])
    np.testing.assert_allclose(layer.forward(x), y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_overwritten_not_accumulated(case: str) -> None:
    name, shape, arguments = CASES[case]
    layer = perturbed(name, shape=shape, **arguments)
    expected = random_step(layer, shape)
    random_step(layer, shape, n=2, seed=9)  # a batch of another size between
    assert_equal_steps(random_step(layer, shape), expected, rtol=1e-15)


@pytest.mark.parametrize("case", CASES)
def test_float32_stays_float32(case: str) -> None:
    name, shape, arguments = CASES[case]
    layer = perturbed(name, shape=shape, dtype="float32", **arguments)
    assert {array.dtype for array in random_step(layer, shape).values()} == {np.dtype("float32")}
    assert layer.forward(np.ones((1, *shape), "float32")).dtype == np.float32


@pytest.mark.parametrize(
    ("name", "shape", "arguments"),
    [
        ("conv2d", (30, 31, 8), {"outputs": 8, "kernel_size": 3}),
        ("conv2d", (30, 31, 8), {"outputs": 8, "kernel_size": 3, "padding": "same"}),
        ("conv2d", (30, 31, 1), {"outputs": 8, "kernel_size": 3}),
        ("conv2d", (30, 31, 8), {"outputs": 8, "kernel_size": 3, "groups": 2, "padding": 1}),
        ("conv2d", (30, 31, 8), {"outputs": 16, "kernel_size": 3, "groups": 8}),
        ("conv2d", (30, 31, 8), {"outputs": 16, "kernel_size": 1}),
        ("conv2d_transpose", (8, 8, 16), {"outputs": 8, "kernel_size": 4, "stride": 2}),
        ("conv2d_transpose", (8, 8, 16), {"outputs": 8, "kernel_size": 4, "groups": 2}),
        ("conv2d_transpose", (8, 8, 16), {"outputs": 16, "kernel_size": 4, "groups": 16}),
        # weights as large as the images
        ("conv2d", (6, 6, 64), {"outputs": 256, "kernel_size": 3}),
        ("conv2d_transpose", (8, 8, 16), {"outputs": 128, "kernel_size": 6}),
    ],
)
def test_warm_step_allocates_nothing_large(
    name: str, shape: Shape, arguments: dict[str, Any]
) -> None:
    layer = perturbed(name, shape=shape, dtype="float32", **arguments)
    x = np.ones((64, *shape), "float32")
    dy = np.ones((64, *layer.output_shape(shape)), "float32")

    layer.prepare(x.shape, x.dtype)

    def train() -> None:
        layer.forward(x, training=True)
        layer.gradients(dy)
        layer.backward(dy)

    train()
    tracemalloc.start()
    try:
        train()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        train()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < min(x.nbytes, dy.nbytes) / 2
