"""conv2d_transpose: values and gradients against PyTorch, SciPy, differences and conv2d."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
from tests.layers import perturbed
from tests.steps import assert_equal_steps, step

from plugnet import Network, registry
from plugnet.arrays import Shape
from plugnet.errors import ArgumentError, CallOrderError, ShapeError

SHAPE = (4, 5)
GROUPS = [(3, 4, 1), (4, 6, 2), (4, 4, 4), (4, 8, 4), (8, 4, 4), (3, 1, 1)]


@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "dilation", "extra", "sizes"),
    [
        case
        for case in itertools.product(
            [1, 3, (3, 2)], [1, 2, (2, 1)], [0, 1], [1, 2], [0, (1, 0)], GROUPS
        )
        # output_padding must be smaller than the stride or the dilation
        if case[4] == 0 or case[1] != 1 or case[3] == 2
    ],
)
def test_values_and_gradients_equal_pytorchs(
    rng: np.random.Generator,
    kernel_size: Any,
    stride: Any,
    padding: int,
    dilation: int,
    extra: Any,
    sizes: tuple[int, int, int],
) -> None:
    torch = pytest.importorskip("torch")
    inputs, outputs, groups = sizes
    shape = (*SHAPE, inputs)
    layer = perturbed(
        "conv2d_transpose",
        shape=shape,
        outputs=outputs,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        output_padding=extra,
    )
    weight, bias = layer.parameters().values()
    x = rng.normal(size=(2, *shape))
    dy = rng.normal(size=(2, *layer.output_shape(shape)))

    # (height, width, inputs / groups, outputs) -> PyTorch's (inputs, outputs / groups, ...)
    height, width, c, _ = weight.value.shape
    split = weight.value.reshape(height, width, c, groups, outputs // groups)
    tx = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    tw = torch.tensor(
        split.transpose(3, 2, 4, 0, 1).reshape(inputs, outputs // groups, height, width),
        requires_grad=True,
    )
    tb = torch.tensor(bias.value, requires_grad=True)
    ty = torch.nn.functional.conv_transpose2d(tx, tw, tb, stride, padding, extra, groups, dilation)
    ty.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    dw = tw.grad.numpy().reshape(groups, c, outputs // groups, height, width)
    expected = {
        "y": ty.detach().numpy().transpose(0, 2, 3, 1),
        "weight": dw.transpose(3, 4, 1, 0, 2).reshape(weight.value.shape),
        "bias": tb.grad.numpy(),
        "dx": tx.grad.numpy().transpose(0, 2, 3, 1),
    }
    assert_equal_steps(step(layer, x, dy), expected)


@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
@pytest.mark.parametrize("kernel_size", [1, 3, (2, 4)])
def test_forward_is_scipys_full_convolution_of_dilated_pixels(
    rng: np.random.Generator, kernel_size: Any, stride: Any
) -> None:
    from scipy.signal import convolve

    layer = perturbed(
        "conv2d_transpose", shape=(4, 5, 2), outputs=3, kernel_size=kernel_size, stride=stride
    )
    weight, bias = (parameter.value for parameter in layer.parameters().values())
    x = rng.normal(size=(2, 4, 5, 2))
    down, across = np.broadcast_to(stride, 2)
    dilated = np.zeros((2, 3 * down + 1, 4 * across + 1, 2))
    dilated[:, ::down, ::across] = x
    y = layer.forward(x)
    for n, o in np.ndindex(2, 3):
        expected = bias[o] + sum(
            convolve(dilated[n, :, :, c], weight[:, :, c, o], "full", "direct") for c in range(2)
        )
        np.testing.assert_allclose(y[n, :, :, o], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "arguments", "extra"),
    [
        ((8, 10), {"kernel_size": 3, "stride": 2, "padding": "same"}, 0),
        ((8, 8), {"kernel_size": 2, "stride": 4, "padding": "same"}, 0),
        ((7, 9), {"kernel_size": (3, 5), "padding": "same"}, 0),
        ((9, 9), {"kernel_size": 4, "padding": (1, 2), "dilation": (2, 1)}, 0),
        ((8, 7), {"kernel_size": 3, "stride": 2, "padding": 1}, (1, 0)),
    ],
)
def test_it_is_the_gradient_of_conv2d_by_its_input(
    rng: np.random.Generator, size: tuple[int, int], arguments: dict[str, Any], extra: Any
) -> None:
    there = perturbed("conv2d", shape=(*size, 3), outputs=4, bias=False, **arguments)
    output_shape = there.output_shape((*size, 3))
    back = perturbed(
        "conv2d_transpose",
        shape=output_shape,
        outputs=3,
        bias=False,
        output_padding=extra,
        **arguments,
    )
    assert back.output_shape(output_shape) == (*size, 3)
    back.parameters()["weight"].value[:] = there.parameters()["weight"].value.swapaxes(2, 3)
    x, dy = rng.normal(size=(2, *size, 3)), rng.normal(size=(2, *output_shape))
    y = there.forward(x, training=True)
    there.gradients(dy)
    np.testing.assert_allclose(back.forward(dy, training=True), there.backward(dy))
    np.testing.assert_allclose(back.backward(x), y, atol=1e-12)
    back.gradients(x)
    grad = there.parameters()["weight"].grad.swapaxes(2, 3)
    np.testing.assert_allclose(back.parameters()["weight"].grad, grad, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"kernel_size": 5}, (12, 13)),
        ({"kernel_size": 4, "stride": 2, "padding": 1}, (16, 18)),
        ({"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": (1, 0)}, (16, 17)),
        ({"kernel_size": 3, "stride": (2, 3), "padding": "same"}, (16, 27)),
        ({"kernel_size": 1, "stride": 2, "padding": "same"}, (16, 18)),
        ({"kernel_size": 3, "dilation": 2}, (12, 13)),
    ],
)
def test_output_shape(arguments: dict[str, Any], expected: Shape) -> None:
    layer = registry.layers.build("conv2d_transpose", 3, **arguments)
    assert layer.output_shape((8, 9, 7)) == (*expected, 3)


def test_flops_count_multiplications_additions_and_the_bias() -> None:
    layer = registry.layers.build("conv2d_transpose", 6, 5, groups=2)
    assert layer.flops((8, 9, 4)) == 2 * 8 * 9 * 4 * 25 * 3 + 12 * 13 * 6


@pytest.mark.parametrize(
    "arguments",
    [
        {"outputs": 6, "kernel_size": 5},
        {"outputs": 6, "kernel_size": 3, "stride": 2, "padding": [1, 0], "output_padding": [1, 0]},
        {
            "outputs": 6,
            "kernel_size": 3,
            "padding": "same",
            "groups": 3,
            "initializer": "he_normal",
        },
    ],
)
def test_spec_round_trip_through_json(arguments: dict[str, Any]) -> None:
    layer = registry.layers.build("conv2d_transpose", **arguments)
    spec = json.loads(json.dumps(registry.spec(layer)))
    again = registry.from_spec(spec)
    assert type(again) is type(layer)
    assert registry.spec(again) == spec
    assert repr(again) == repr(layer)


def test_network_with_both_layers_comes_back_from_its_file(
    rng: np.random.Generator, tmp_path: Any
) -> None:
    network = Network(
        [
            ("conv2d", 4, {"kernel_size": 3, "stride": 2, "padding": "same"}),
            "tanh",
            ("conv2d_transpose", 2, {"kernel_size": 3, "stride": 2, "padding": "same"}),
        ],
        input_shape=(6, 8, 2),
    )
    assert network.output_shape == (6, 8, 2)
    network.save(tmp_path / "model.safetensors")
    x = rng.normal(size=(3, 6, 8, 2))
    again = Network.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(x), network.predict(x))


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ({"kernel_size": 0}, "kernel_size"),
        ({"padding": "valid"}, "padding"),
        ({"groups": 4}, "groups"),
        ({"output_padding": 1}, "output_padding"),  # the stride is 1
        ({"output_padding": 2, "stride": (3, 2)}, "output_padding"),
        ({"output_padding": -1}, "output_padding"),
        ({"output_padding": True, "stride": 2}, "output_padding"),
        ({"output_padding": 1, "stride": 2, "padding": "same"}, "output_padding"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ArgumentError, match=f"'{culprit}'") as caught:
        registry.layers.build("conv2d_transpose", **({"outputs": 6, "kernel_size": 3} | arguments))
    assert caught.value.argument == culprit


def test_impossible_shapes_are_refused() -> None:
    layer = registry.layers.build("conv2d_transpose", 6, 3, padding=2, groups=2)
    with pytest.raises(ShapeError, match=r"\(height, width, channels\)"):
        layer.output_shape((4, 4))
    with pytest.raises(ShapeError, match="2 groups, but shape"):
        layer.output_shape((4, 4, 3))
    with pytest.raises(ShapeError, match="it would be 0 x 2") as caught:
        layer.output_shape((2, 4, 4))
    assert caught.value.got == (2, 4, 4)


def test_calls_out_of_order_are_refused() -> None:
    layer = registry.layers.build("conv2d_transpose", 6, 3)
    with pytest.raises(CallOrderError, match="initialize"):
        layer.forward(np.ones((1, 4, 4, 3)))
    layer.initialize((4, 4, 3), np.random.default_rng(0), np.dtype("float64"))
    layer.forward(np.ones((1, 4, 4, 3)))
    with pytest.raises(CallOrderError, match="training=True"):
        layer.gradients(np.ones((1, 6, 6, 6)))
