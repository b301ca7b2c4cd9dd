"""Rescale, and networks that take unscaled samples."""

import warnings
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataWarning

PIXELS = np.random.default_rng(0).integers(0, 256, (3000, 784), dtype=np.uint8)
IDS = PIXELS[:, 0] % 10
SIZE = 784 * 3000 * 4  # bytes of the set as float32


def trained(*first: Any, x: Array, shuffle: bool = True, hooks: Any = ()) -> Network:
    network = Network([*first, ("fc", 784, 16), "tanh", ("fc", None, 10)], (784,))
    Trainer(network, batch_size=64, shuffle=shuffle, hooks=hooks).fit(x, IDS, 60)
    return network


def test_forward_subtracts_and_divides_and_backward_divides() -> None:
    layer = registry.layers.build("rescale", 4, 2)
    x = np.array([[2.0, 6.0], [0.0, 3.0]])
    assert layer.forward(x, training=True).tolist() == [[0.0, 1.0], [-0.5, 0.25]]
    assert layer.backward(np.array([[4.0, 8.0], [0.0, -4.0]])).tolist() == [[1, 2], [0, -1]]
    assert layer.forward(x).tolist() == [[0.0, 1.0], [-0.5, 0.25]]
    assert registry.layers.build("rescale", 4).forward(x).tolist() == [[0.5, 1.5], [0.0, 0.75]]


@pytest.mark.parametrize(
    "arguments", [(0,), (1e-31,), (1e31,), (np.inf,), ("255",), (1, np.nan), (1, -1e31)]
)
def test_arguments_are_checked(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ArgumentError, match=r"divisor|offset"):
        registry.layers.build("rescale", *arguments)


@pytest.mark.parametrize("shuffle", [True, False])
def test_scaling_bytes_in_the_network_gives_the_same_bits(shuffle: bool) -> None:
    scaled = PIXELS / np.float32(255)
    # a layer that does nothing, so that later layers draw from the same generators
    one = trained(("rescale", 1), x=scaled.astype(np.float32), shuffle=shuffle)
    other = trained(("rescale", 255), x=PIXELS, shuffle=shuffle)
    for value, same in zip(one.parameters().values(), other.parameters().values(), strict=True):
        np.testing.assert_array_equal(value.value, same.value)
    np.testing.assert_array_equal(one.predict(scaled), other.predict(PIXELS))


def test_samples_less_precise_than_the_network_stay_as_they_are() -> None:
    runs = []
    x = PIXELS / np.float32(255)
    for samples in (x, x.astype(np.float64)):
        network = Network([("fc", 784, 10)], dtype="float64")
        Trainer(network).fit(samples, IDS, 10)
        runs.append(network.state()["fc1.weight"])
    np.testing.assert_array_equal(runs[0], runs[1])


@pytest.mark.parametrize("shuffle", [True, False])
def test_training_and_predicting_never_copy_the_whole_set(shuffle: bool, meter: Any) -> None:
    with meter:
        network = trained(("rescale", 255), x=PIXELS, shuffle=shuffle, hooks=[meter])
        assert max(meter.rises) < SIZE / 6
        assert max(meter.rises[4:]) < 64 * 784 * 2  # half a batch as the network takes it
        meter.plugnet_step_end()
        network.predict(PIXELS[:2048])
        meter.plugnet_step_end()
    # two blocks, each converted and scaled: the second is made before the first is freed
    assert meter.rises[-1] < 4 * 1024 * 784 * 4


def test_unscaled_samples_give_a_warning_unless_the_network_scales() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(("rescale", 255), x=PIXELS)
    with pytest.warns(DataWarning, match=r"magnitude of 255.*\('rescale', 255\)"):
        trained(("rescale", 1), x=PIXELS)


def test_samples_that_are_already_scaled_give_a_warning() -> None:
    trainer = Trainer(Network([("rescale", 255), ("fc", 784, 10)], (784,)))
    with pytest.warns(DataWarning, match="magnitude of only 1, but .* brings some 255 to 1"):
        trainer.evaluate(PIXELS / 255, IDS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.evaluate(PIXELS.clip(0, 6), IDS)  # dark pictures
