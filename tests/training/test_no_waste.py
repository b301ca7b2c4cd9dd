"""What a warm training step must not do: allocate large arrays, or compute what nobody reads."""

from __future__ import annotations

import math
import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.interfaces import Layer
from plugnet.training.hooks import HookCaller

WARM = 5  # steps after which all buffers are there


class Allocations:
    """Records the most memory, in bytes, that a warm step took on top of what it began with."""

    def __init__(self) -> None:
        self.most = 0
        self._start = 0

    def plugnet_step_end(self, iteration: int) -> None:
        if iteration > WARM:
            self.most = max(self.most, tracemalloc.get_traced_memory()[1] - self._start)
        tracemalloc.reset_peak()
        self._start = tracemalloc.get_traced_memory()[0]


def most_allocated(network: Network, x: Array, batches: int = 3 * WARM, **options: Any) -> int:
    """Return how many bytes a warm step of training took at most."""
    watch = Allocations()
    trainer = Trainer(network, batch_size=BATCH, hooks=[watch], **options)
    y = np.arange(len(x)) % (network.output_shape or (1,))[0]
    tracemalloc.start()
    try:
        trainer.fit(x, y, iterations=batches)
    finally:
        tracemalloc.stop()
    return watch.most


#: Larger than the buffers of 8,192 numbers each that NumPy's own iterator may take.
SIZES, BATCH, ROWS = (300, 400, 300, 100), 400, 8_000


@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "nesterov", "adam", "rmsprop", "adamw"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "gelu", "swish"])
def test_a_warm_step_allocates_no_array_as_large_as_an_activation_or_a_weight(
    optimizer: Any, activation: str
) -> None:
    layers: list[Any] = []
    for inputs, outputs in pairwise(SIZES):
        layers += [("fc", inputs, outputs), activation]
    x = np.random.default_rng(0).random((ROWS, SIZES[0]), dtype=np.float32)
    smallest = 4 * min(BATCH * SIZES[-1], SIZES[-2] * SIZES[-1])  # bytes
    assert most_allocated(Network(layers[:-1]), x, optimizer=optimizer) < smallest


class Looks(Layer):
    """Gives what it gets, and records it."""

    def __init__(self) -> None:
        self.given: list[Array] = []
        self.asked = 0

    def forward(self, x: Array, training: bool = False) -> Array:
        self.given.append(x)
        return x

    def backward(self, dy: Array) -> Array:
        self.asked += 1
        return dy


def test_contiguous_batches_are_not_copied_and_nobody_asks_for_a_gradient_by_the_input() -> None:
    x = np.random.default_rng(0).random((40, 6), dtype=np.float32)
    first, between = Looks(), Looks()
    network = Network([first, ("fc", {"outputs": 4}), between, ("fc", {"outputs": 3})], (6,))
    trainer = Trainer(network, batch_size=10, shuffle=False)
    trainer.fit(x, np.arange(40) % 3, iterations=4)
    assert [np.shares_memory(batch, x) for batch in first.given] == [True] * 4
    assert (first.asked, between.asked) == (0, 4)


def test_hooks_that_nobody_implements_are_not_called() -> None:
    caller = HookCaller()
    assert caller.caller("plugnet_step_end") is None
    assert caller.caller("plugnet_gradients_ready") is None


@pytest.mark.parametrize(
    "convolution",
    [
        ("conv2d", 16, {"kernel": 3}),
        ("conv2d", 16, {"kernel": 3, "stride": 2, "padding": "same"}),
        ("conv2d", 16, {"kernel": 3, "groups": 16}),
        ("conv2d", 64, {"kernel": 3, "padding": 1}),
        ("conv2d", 32, {"kernel": 1}),
        ("conv2d_transpose", 16, {"kernel": 3}),
    ],
)
def test_nor_does_a_step_on_images(convolution: Any) -> None:
    for package in ("convolution", "pooling", "dropout", "normalization"):
        pytest.importorskip(f"plugnet_{package}")
    channels = max(16, min(64, convolution[1]))
    pools = [("max_pool", 2), ("average_pool", {"kernel": 2, "stride": 1})]
    layers = [convolution, "batch_norm", "relu", *pools, ("dropout", 0.3), ("fc", {"outputs": 10})]
    x = np.random.default_rng(0).random((BATCH * (WARM + 3), 12, 12, channels), dtype=np.float32)
    network = Network(layers, x.shape[1:])
    smallest = 4 * BATCH * min(math.prod(shape) for shape in network.shapes[:-1])
    assert most_allocated(network, x, batches=WARM + 3, shuffle=False) < smallest
