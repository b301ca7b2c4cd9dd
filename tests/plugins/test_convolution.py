"""conv2d: values and gradients against PyTorch, SciPy, central differences and by hand."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.layers import initialized, perturbed
from tests.steps import assert_equal_steps, step

from plugnet import Network
from plugnet.arrays import Array

SHAPE = (9, 12)  # an odd and an even size, not square
GROUPS = [(4, 3, 1), (4, 6, 2), (4, 4, 4), (4, 8, 4), (1, 3, 1)]  # inputs, outputs, groups


@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "dilation", "sizes"),
    [
        case
        for case in itertools.product(
            [1, 2, 3, 5, (3, 2)], [1, 2, (2, 1)], [0, 1, 2, "same"], [1, 2], GROUPS
        )
        # PyTorch has "same" for a stride of 1, and for odd kernels without a warning
        if case[2] != "same" or (case[1] == 1 and case[0] in (1, 3, 5))
    ],
)
def test_values_and_gradients_equal_pytorchs(
    rng: np.random.Generator,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: int,
    sizes: tuple[int, int, int],
) -> None:
    torch = pytest.importorskip("torch")
    inputs, outputs, groups = sizes
    shape = (*SHAPE, inputs)
    layer = perturbed(
        "conv2d",
        shape=shape,
        outputs=outputs,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    weight, bias = layer.parameters().values()
    x = rng.normal(size=(2, *shape))
    dy = rng.normal(size=(2, *layer.output_shape(shape)))

    tx = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    tw = torch.tensor(weight.value.transpose(3, 2, 0, 1), requires_grad=True)
    tb = torch.tensor(bias.value, requires_grad=True)
    ty = torch.nn.functional.conv2d(tx, tw, tb, stride, padding, dilation, groups)
    ty.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    expected = {
        "y": ty.detach().numpy().transpose(0, 2, 3, 1),
        "weight": tw.grad.numpy().transpose(2, 3, 1, 0),
        "bias": tb.grad.numpy(),
        "dx": tx.grad.numpy().transpose(0, 2, 3, 1),
    }
    assert_equal_steps(step(layer, x, dy), expected)


@pytest.mark.parametrize("sizes", GROUPS)
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", [0, (2, 1)])
@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("kernel_size", [2, (3, 2)])
def test_forward_is_the_sum_of_scipys_correlations(
    rng: np.random.Generator,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: int,
    sizes: tuple[int, int, int],
) -> None:
    from scipy.signal import correlate

    inputs, outputs, groups = sizes
    layer = perturbed(
        "conv2d",
        shape=(*SHAPE, inputs),
        outputs=outputs,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    weight, bias = (parameter.value for parameter in layer.parameters().values())
    x = rng.normal(size=(2, *SHAPE, inputs))

    top, left = np.broadcast_to(padding, 2)
    down, across = np.broadcast_to(stride, 2)
    padded = np.pad(x, ((0, 0), (top, top), (left, left), (0, 0)))
    extent = [(size - 1) * dilation + 1 for size in weight.shape[:2]]
    dilated = np.zeros((*extent, *weight.shape[2:]))
    dilated[::dilation, ::dilation] = weight
    y = layer.forward(x)
    for n, o in np.ndindex(2, outputs):
        first = o // (outputs // groups) * (inputs // groups)  # the group's first channel
        expected = bias[o] + sum(
            correlate(padded[n, :, :, first + c], dilated[:, :, c, o], "valid", "direct")
            for c in range(inputs // groups)
        )
        np.testing.assert_allclose(y[n, :, :, o], expected[::down, ::across], atol=1e-12)


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "expected"),
    [
        (4, 2, 1, [3, 5, 7, 4]),  # one zero, at the end
        (4, 3, 2, [6, 7]),  # one zero, at the end
        (5, 3, 2, [3, 9, 9]),  # one zero at each end
        (5, 4, 1, [6, 10, 14, 12, 9]),  # one zero before, two after
        (5, 1, 3, [1, 4]),  # none
    ],
)
def test_same_padding_has_its_odd_zero_at_the_end(
    size: int, kernel_size: int, stride: int, expected: list[float]
) -> None:
    arguments: dict[str, Any] = {
        "outputs": 1,
        "padding": "same",
        "initializer": ("constant", 1),
        "bias": False,
    }
    x = np.arange(1.0, size + 1)
    wide = initialized(
        "conv2d", shape=(1, size, 1), kernel_size=(1, kernel_size), stride=(1, stride), **arguments
    )
    np.testing.assert_allclose(wide.forward(x.reshape(1, 1, size, 1)).ravel(), expected)
    high = initialized(
        "conv2d", shape=(size, 1, 1), kernel_size=(kernel_size, 1), stride=(stride, 1), **arguments
    )
    np.testing.assert_allclose(high.forward(x.reshape(1, size, 1, 1)).ravel(), expected)


def test_kernel_is_not_flipped() -> None:
    layer = initialized("conv2d", shape=(2, 2, 1), outputs=1, kernel_size=2, bias=False)
    layer.parameters()["weight"].value[:] = np.reshape([1, 10, 100, 1000], (2, 2, 1, 1))
    assert layer.forward(np.reshape([1.0, 2, 3, 4], (1, 2, 2, 1))) == 1 + 20 + 300 + 4000


def test_network_infers_the_channels_and_trains_on_images(
    rng: np.random.Generator, numerical_gradient: Callable[..., Array]
) -> None:
    network = Network(
        [
            ("conv2d", 4, {"kernel_size": 3}),
            "tanh",
            ("conv2d", 5, {"kernel_size": 2}),
            ("fc", None, 3),
        ],
        input_shape=(6, 6, 2),
        dtype="float64",
    )
    assert network.output_shape == (3,)
    x, dy = rng.normal(size=(2, 6, 6, 2)), rng.normal(size=(2, 3))
    network.forward(x, training=True)
    network.backprop(dy)
    weight = network.parameters()["conv2d1.weight"]
    expected = numerical_gradient(lambda: np.vdot(network.forward(x), dy), weight.value)
    np.testing.assert_allclose(weight.grad, expected, atol=1e-7)
