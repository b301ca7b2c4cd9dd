"""A warm training step on images allocates no array as large as an activation or a weight."""

import math
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer

#: Activations are then larger than the buffers of 8,192 numbers that NumPy's iterators may take.
BATCH = 400
STEPS, WARM = 8, 5


@pytest.mark.parametrize(
    "convolution",
    [
        ("conv2d", 16, {"kernel_size": 3}),
        ("conv2d", 16, {"kernel_size": 3, "stride": 2, "padding": "same"}),
        ("conv2d", 16, {"kernel_size": 3, "groups": 16}),
        ("conv2d", 64, {"kernel_size": 3, "padding": 1}),
        ("conv2d", 32, {"kernel_size": 1}),
        ("conv2d_transpose", 16, {"kernel_size": 3}),
    ],
)
def test_warm_step_allocates_no_array_as_large_as_an_activation(
    convolution: Any, meter: Any
) -> None:
    channels = max(16, min(64, convolution[1]))
    pools = [("max_pool", 2), ("average_pool", {"kernel_size": 2, "stride": 1})]
    layers = [convolution, "batch_norm", "relu", *pools, ("dropout", 0.3), ("fc", {"outputs": 10})]
    x = np.random.default_rng(0).random((BATCH * STEPS, 12, 12, channels), dtype=np.float32)
    network = Network(layers, x.shape[1:])
    smallest = 4 * BATCH * min(math.prod(shape) for shape in network.output_shapes[:-1])  # bytes
    with meter:
        trainer = Trainer(network, batch_size=BATCH, shuffle=False, hooks=[meter])
        trainer.fit(x, np.arange(len(x)) % 10, iterations=STEPS)
    assert meter.rises[0] > smallest
    assert max(meter.rises[WARM:]) < smallest


@pytest.mark.parametrize(
    "convolution",
    [
        ("conv2d", 256, {"kernel_size": 3}),
        ("conv2d", 256, {"kernel_size": 3, "padding": 1}),
        ("conv2d", 256, {"kernel_size": 3, "groups": 2}),
        ("conv2d", 256, {"kernel_size": 3, "stride": 2, "groups": 4}),
        ("conv2d_transpose", 256, {"kernel_size": 3}),
        ("conv2d_transpose", 256, {"kernel_size": 3, "groups": 2}),
    ],
)
def test_warm_step_allocates_no_array_as_large_as_a_weight(convolution: Any, meter: Any) -> None:
    x = np.random.default_rng(0).random((2 * STEPS, 6, 6, 256), dtype=np.float32)
    layers = [("conv2d", 256, {"kernel_size": 1}), convolution, ("fc", {"outputs": 3})]
    network = Network(layers, x.shape[1:])
    _, weight, *_ = (value for path, value in network.state().items() if path.endswith("weight"))
    with meter:
        policy = ("fixed", 1e-4)
        trainer = Trainer(network, policy=policy, batch_size=2, shuffle=False, hooks=[meter])
        trainer.fit(x, np.arange(len(x)) % 3, iterations=STEPS)
    assert max(meter.rises[WARM:]) < weight.nbytes / 2
