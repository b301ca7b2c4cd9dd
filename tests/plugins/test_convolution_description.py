"""conv2d: its parameters, shapes, arguments and errors."""

import json
from typing import Any

import numpy as np
import pytest
from tests.layers import perturbed

from plugnet import registry
from plugnet.arrays import Shape
from plugnet.errors import ArgumentError, CallOrderError, ShapeError


def test_parameters_and_a_bias_of_zero_without_decay() -> None:
    layer = registry.layers.build("conv2d", 6, kernel_size=(5, 3), groups=2)
    layer.initialize((9, 9, 4), np.random.default_rng(0), np.dtype("float32"))
    assert list(layer.parameters()) == ["weight", "bias"]
    weight, bias = layer.parameters().values()
    assert (weight.value.shape, weight.decay_mult) == ((5, 3, 2, 6), 1)
    assert (bias.value.shape, bias.decay_mult) == ((6,), 0)
    assert not bias.value.any()
    assert weight.value.all()


def test_without_bias_the_weight_is_the_only_parameter() -> None:
    layer = perturbed("conv2d", shape=(4, 4, 2), outputs=3, kernel_size=2, bias=False)
    assert list(layer.parameters()) == ["weight"]
    assert not layer.forward(np.zeros((1, 4, 4, 2))).any()


@pytest.mark.parametrize(
    ("arguments", "shape", "expected"),
    [
        ({"kernel_size": 5}, (28, 28, 1), (24, 24, 20)),
        ({"kernel_size": 5, "padding": 2}, (28, 28, 1), (28, 28, 20)),
        ({"kernel_size": 3, "stride": 2}, (8, 9, 3), (3, 4, 20)),  # the last row fits no window
        ({"kernel_size": 3, "stride": 2, "padding": "same"}, (8, 9, 3), (4, 5, 20)),
        ({"kernel_size": (3, 2), "dilation": (2, 3)}, (8, 9, 3), (4, 6, 20)),
        ({"kernel_size": (8, 9)}, (8, 9, 3), (1, 1, 20)),
    ],
)
def test_output_shape(arguments: dict[str, Any], shape: Shape, expected: Shape) -> None:
    assert registry.layers.build("conv2d", 20, **arguments).output_shape(shape) == expected


@pytest.mark.parametrize(
    ("arguments", "shape", "expected"),
    [
        ({"kernel_size": 5}, (28, 28, 1), 24 * 24 * 20 * (2 * 25 + 1)),
        ({"kernel_size": 5, "bias": False}, (12, 12, 50), 8 * 8 * 20 * 2 * 25 * 50),
        ({"kernel_size": 3, "groups": 10}, (5, 6, 10), 3 * 4 * 20 * (2 * 9 + 1)),
    ],
)
def test_flops_count_multiplications_additions_and_the_bias(
    arguments: dict[str, Any], shape: Shape, expected: int
) -> None:
    assert registry.layers.build("conv2d", 20, **arguments).flops(shape) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        {"outputs": 20, "kernel_size": 5},
        {"outputs": 20, "kernel_size": [5, 3], "stride": (2, 1), "padding": "same", "bias": False},
        {"outputs": 20, "kernel_size": 5, "padding": [1, 2], "dilation": 2, "groups": 4},
        {"outputs": 20, "kernel_size": 5, "initializer": ("gaussian", 0, 0.1)},
    ],
)
def test_spec_round_trip_through_json(arguments: dict[str, Any]) -> None:
    layer = registry.layers.build("conv2d", **arguments)
    spec = json.loads(json.dumps(registry.spec(layer)))
    again = registry.from_spec(spec)
    assert type(again) is type(layer)
    assert registry.spec(again) == spec
    assert repr(again) == repr(layer)


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ({"outputs": 0}, "outputs"),
        ({"outputs": 2.0}, "outputs"),
        ({"outputs": True}, "outputs"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": -1}, "kernel_size"),
        ({"kernel_size": (3, 0)}, "kernel_size"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size"),
        ({"kernel_size": (3,)}, "kernel_size"),
        ({"kernel_size": 2.5}, "kernel_size"),
        ({"kernel_size": "3"}, "kernel_size"),
        ({"stride": 0}, "stride"),
        ({"stride": (1, True)}, "stride"),
        ({"padding": -1}, "padding"),
        ({"padding": "valid"}, "padding"),
        ({"padding": (1, 0.5)}, "padding"),
        ({"padding": None}, "padding"),
        ({"dilation": 0}, "dilation"),
        ({"groups": 0}, "groups"),
        ({"groups": 4}, "groups"),  # does not divide 6 outputs
        ({"groups": (1, 1)}, "groups"),
        ({"bias": 1}, "bias"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ArgumentError, match=f"'{culprit}'") as caught:
        registry.layers.build("conv2d", **({"outputs": 6, "kernel_size": 3} | arguments))
    assert caught.value.argument == culprit


@pytest.mark.parametrize("shape", [(784,), (28, 28), (28, 28, 1, 1)])
def test_shapes_other_than_images_are_refused(shape: Shape) -> None:
    layer = registry.layers.build("conv2d", 6, 3)
    with pytest.raises(ShapeError, match=r"\(height, width, channels\)") as caught:
        layer.output_shape(shape)
    assert (caught.value.expected, caught.value.got) == (("height", "width", "channels"), shape)


@pytest.mark.parametrize("shape", [(4, 9, 1), (9, 4, 1)])
def test_kernel_larger_than_the_padded_image_is_refused(shape: Shape) -> None:
    layer = registry.layers.build("conv2d", 6, 4, dilation=2, padding=1)  # spans 7 of 6 pixels
    with pytest.raises(ShapeError, match="does not fit") as caught:
        layer.output_shape(shape)
    assert (caught.value.expected, caught.value.got) == ((5, 5), shape)


def test_channels_that_groups_do_not_divide_are_refused() -> None:
    with pytest.raises(ShapeError, match="2 groups, but shape") as caught:
        registry.layers.build("conv2d", 6, 3, groups=2).output_shape((9, 9, 3))
    assert caught.value.got == (9, 9, 3)


def test_calls_out_of_order_are_refused() -> None:
    with pytest.raises(CallOrderError, match="initialize"):
        registry.layers.build("conv2d", 6, 3).forward(np.ones((2, 9, 9, 3)))
    layer = perturbed("conv2d", shape=(9, 9, 3), outputs=6, kernel_size=3)
    layer.forward(np.ones((2, 9, 9, 3)))
    with pytest.raises(CallOrderError, match="training=True"):
        layer.gradients(np.ones((2, 7, 7, 6)))
