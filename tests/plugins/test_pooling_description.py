"""Pooling: specs, arguments, shapes and FLOPs."""

import json
from typing import Any

import pytest

from plugnet import Network, registry
from plugnet.errors import ArgumentError, ShapeError

WINDOWED = ("max_pool", "average_pool")
GLOBAL = ("global_max_pool", "global_average_pool")


@pytest.mark.parametrize(
    "piece",
    [
        ("max_pool", 2),
        ("max_pool", [2, 3], [1, 2], [1, 0], True),
        ("average_pool", 3, 2, 1, True, False),
        "global_max_pool",
        "global_average_pool",
    ],
    ids=str,
)
def test_spec_round_trip_through_json(piece: Any) -> None:
    layer = registry.layers.resolve(piece)
    again = registry.from_spec(json.loads(json.dumps(registry.spec(layer))))
    assert type(again) is type(layer)
    assert repr(again) == repr(layer)


def test_one_integer_means_both_directions() -> None:
    layer = registry.layers.build("max_pool", [2, 3], padding=1)
    assert layer.arguments() == {
        "kernel_size": (2, 3),
        "stride": (2, 3),
        "padding": (1, 1),
        "ceil_mode": False,
    }


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize(
    ("keywords", "culprit"),
    [
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": 2.0}, "kernel_size"),
        ({"kernel_size": True}, "kernel_size"),
        ({"kernel_size": "22"}, "kernel_size"),
        ({"kernel_size": (2, 2, 2)}, "kernel_size"),
        ({"kernel_size": (2, -1)}, "kernel_size"),
        ({"kernel_size": 2, "stride": 0}, "stride"),
        ({"kernel_size": 2, "padding": -1}, "padding"),
        ({"kernel_size": 2, "padding": 2}, "padding"),
        ({"kernel_size": (2, 1), "padding": 1}, "padding"),
        ({"kernel_size": 2, "ceil_mode": "ceil"}, "ceil_mode"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_by_name(
    name: str, keywords: dict[str, Any], culprit: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.layers.build(name, **keywords)
    assert caught.value.argument == culprit


def test_whether_padding_counts_is_a_flag() -> None:
    with pytest.raises(ArgumentError, match="count_include_pad"):
        registry.layers.build("average_pool", 2, count_include_pad=1)


@pytest.mark.parametrize("shape", [(36,), (6, 6), (1, 6, 2)])
def test_samples_other_than_images_or_too_small_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        registry.layers.build("max_pool", 2).output_shape(shape)
    assert caught.value.got == shape
    with pytest.raises(ShapeError, match="max_pool1"):
        Network([("max_pool", 2), "flatten", ("fc", None, 3)], input_shape=shape)


def test_global_pooling_of_flat_samples_is_refused() -> None:
    for name in GLOBAL:
        with pytest.raises(ShapeError, match="nothing to pool over"):
            registry.layers.build(name).output_shape((10,))


def test_flops_count_comparisons_and_additions() -> None:
    assert registry.layers.build("max_pool", 2).flops((6, 6, 5)) == 9 * 5 * 3
    assert registry.layers.build("average_pool", 2).flops((6, 6, 5)) == 9 * 5 * 4
    assert registry.layers.build("global_max_pool").flops((6, 6, 5)) == 180
