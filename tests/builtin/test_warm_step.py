"""A warm training step allocates no array as large as an activation or a weight."""

import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from plugnet import Network, registry

SIZES = (512, 256, 256, 128)
BATCH = 256
SMALLEST = BATCH * 128 * 4  # bytes of the smallest activation; every weight is as large or larger


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "identity"])
@pytest.mark.parametrize(
    ("loss", "optimizer", "regularizer"),
    [
        ("softmax_with_loss", ("sgd", 0.9), ("l2", 0.001)),
        ("least_square_error", ("nesterov", 0.9), ("l1", 0.001)),
        ("sigmoid_cross_entropy", ("adagrad",), ("elastic", 0.001)),
        ("hinge", ("rmsprop",), ("l2", 0.001)),
        ("huber", ("adadelta",), ("l2", 0.001)),
        ("softmax_with_loss", ("adam",), ("l2", 0.001)),
        ("softmax_with_loss", ("adamw",), ("l2", 0.001)),
    ],
)
def test_warm_step_allocates_nothing_large(
    activation: str, loss: str, optimizer: tuple[Any, ...], regularizer: tuple[Any, ...]
) -> None:
    pieces: list[Any] = []
    for inputs, outputs in pairwise(SIZES):
        pieces += [("fc", inputs, outputs), activation]
    network = Network(pieces[:-1])
    cost, updater = registry.losses.build(loss), registry.optimizers.build(*optimizer)
    penalty = registry.regularizers.build(*regularizer)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, SIZES[0])).astype("float32")
    ids = rng.integers(0, SIZES[-1], BATCH)

    def step() -> None:
        cost.forward(network.forward(x, training=True), ids)
        network.backward(cost.backward())
        for parameter in network.parameters():
            if parameter.decay:
                penalty.add_gradient(parameter.value, parameter.grad)
        updater.update(network.parameters(), 0.001)

    step()
    step()
    tracemalloc.start()
    try:
        step()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < SMALLEST / 2
