"""A warm training step allocates no array as large as an activation or a weight."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.interfaces import Batch

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


def rises(
    meter: Any,
    activation: Any = "tanh",
    loss: str = "softmax_with_loss",
    optimizer: Any = ("sgd", 0.9),
    regularizer: Any = ("l2", 0.001),
    weights: Array | None = None,
) -> list[int]:
    """Return how far memory rises in each of four steps."""
    trainer = Trainer(network(activation), loss, optimizer, ("fixed", 0.001), regularizer)
    x = RNG.normal(size=(BATCH, SIZES[0])).astype("float32")
    batch = Batch(x, RNG.integers(0, SIZES[-1], BATCH), weights)
    with meter:
        for _ in range(4):
            trainer.step(batch)
            meter.plugnet_step_end()
    found: list[int] = meter.rises
    assert found[0] > SMALLEST
    return found


@pytest.mark.parametrize("activation", [*ACTIVATIONS, ("gelu", True), ("elu", 1.5)], ids=str)
def test_a_warm_step_allocates_nothing_large_with_any_activation(
    activation: Any, meter: Any
) -> None:
    assert max(rises(meter, activation)[2:]) < SMALLEST


@pytest.mark.parametrize(
    ("loss", "optimizer", "regularizer"),
    [
        ("softmax_with_loss", ("adam",), ("l2", 0.001)),
        ("softmax_with_loss", ("adamw",), None),
        ("least_square_error", ("nesterov", 0.9), ("l1", 0.001)),
        ("sigmoid_cross_entropy", ("adagrad",), ("elastic", 0.001)),
        ("hinge", ("rmsprop",), ("l2", 0.001)),
        ("huber", ("adadelta",), ("l2", 0.001)),
    ],
)
@pytest.mark.parametrize("weights", [None, np.ones(BATCH, "float32")], ids=["", "weighted"])
def test_a_warm_step_allocates_nothing_large_with_any_loss(
    loss: str, optimizer: Any, regularizer: Any, weights: Array | None, meter: Any
) -> None:
    found = rises(meter, "tanh", loss, optimizer, regularizer, weights)
    assert max(found[2:]) < SMALLEST


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_warm_iteration_of_fit_allocates_nothing_large(shuffle: bool, meter: Any) -> None:
    x = RNG.normal(size=(900, SIZES[0])).astype("float32")
    ids = RNG.integers(0, SIZES[-1], 900)
    with meter:
        trainer = Trainer(network("tanh"), batch_size=BATCH, shuffle=shuffle, hooks=[meter])
        trainer.fit(x, ids, 9)  # passes the end of the set twice
    assert max(meter.rises[4:]) < SMALLEST
