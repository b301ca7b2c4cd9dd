"""A warm training step allocates no array as large as an activation or a weight."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer, registry

SIZES = (512, 256, 256, 128)
BATCH = 256
SMALLEST = BATCH * 128 * 4  # bytes of the smallest activation; every weight is as large or larger
RNG = np.random.default_rng(0)

with registry.isolated():
    ACTIVATIONS = registry.activations.names()


def network(activation: Any) -> Network:
    pieces: list[Any] = []
    for inputs, outputs in pairwise(SIZES):
        pieces += [("fc", inputs, outputs), activation]
    return Network(pieces[:-1])


@pytest.mark.parametrize("activation", [*ACTIVATIONS, ("gelu", True), ("elu", 1.5)], ids=str)
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
    activation: Any,
    loss: str,
    optimizer: tuple[Any, ...],
    regularizer: tuple[Any, ...],
    meter: Any,
) -> None:
    trained = network(activation)
    cost, updater = registry.losses.build(loss), registry.optimizers.build(*optimizer)
    penalty = registry.regularizers.build(*regularizer)
    x = RNG.normal(size=(BATCH, SIZES[0])).astype("float32")
    ids = RNG.integers(0, SIZES[-1], BATCH)
    with meter:
        for _ in range(4):
            cost.forward(trained.forward(x, training=True), ids)
            trained.backward(cost.backward())
            for parameter in trained.parameters():
                if parameter.decay:
                    penalty.add_gradient(parameter.value, parameter.grad)
            updater.update(trained.parameters(), 0.001)
            meter.plugnet_step_end()
    assert meter.rises[0] > SMALLEST
    assert max(meter.rises[2:]) < SMALLEST


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_warm_iteration_of_the_trainer_allocates_nothing_large(shuffle: bool, meter: Any) -> None:
    x = RNG.normal(size=(900, SIZES[0])).astype("float32")
    ids = RNG.integers(0, SIZES[-1], 900)
    with meter:
        trainer = Trainer(network("tanh"), batch_size=BATCH, shuffle=shuffle, hooks=[meter])
        trainer.fit(x, ids, 9)  # twice over the end of the set
    assert max(meter.rises[4:]) < SMALLEST
