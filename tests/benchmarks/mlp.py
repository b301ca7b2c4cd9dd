"""A training step of a fully connected network: what it is, plugnet's, and the products in it.

A step is: fetch the next batch of a shuffled set that lies in memory, push it forward, softmax and
cross-entropy, backward, weight decay on the weights (not on the biases), and one update; the loss
is kept. float32, tanh hidden units, a fixed rate.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from fitting import Fit, Trained, divided
from plugnet import Network
from plugnet.arrays import Array
from plugnet.parallel import matmul
from racing import Racer

MOMENTUM, DECAY = 0.9, 0.001
RATES = {"sgd": 0.05, "adam": 0.001}


@dataclass(frozen=True)
class Problem:
    """What is trained, on how many rows of random data, by how large batches."""

    sizes: tuple[int, ...]
    batch: int
    rows: int
    optimizer: str = "sgd"

    @property
    def rate(self) -> float:
        """The learning rate."""
        return RATES[self.optimizer]

    def data(self) -> tuple[Array, Array]:
        """Return ``(rows, inputs)`` samples and ``(rows,)`` class ids."""
        rng = np.random.default_rng(1)
        x = rng.random((self.rows, self.sizes[0]), dtype=np.float32)
        return x, np.arange(self.rows) % self.sizes[-1]

    def network(self) -> Network:
        """Return the network, which has the first weights of all peers."""
        layers: list[Any] = []
        for inputs, outputs in pairwise(self.sizes):
            layers += [("fc", inputs, outputs), "tanh"]
        return Network(layers[:-1])


class Peer(Trained, Protocol):
    """Someone who trains on ``x`` and ``y``, from plugnet's first weights."""

    def __init__(self, problem: Problem, x: Array, y: Array) -> None: ...


class Plugnet(Fit):
    """Plugnet's step."""

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        super().__init__(
            problem.network(),
            x,
            y,
            optimizer=("sgd", MOMENTUM) if problem.optimizer == "sgd" else "adam",
            policy=("fixed", problem.rate),
            regularizer=("l2", DECAY),
            batch_size=problem.batch,
        )


def products(problem: Problem) -> Racer:
    """Return the matrix products of a step alone: the lower bound.

    x W forward, x^T dy for the weight and, but for the first layer, dy W^T for the input, into
    arrays that are there and begin at multiples of 64 bytes.
    """
    calls = []
    for number, (inputs, outputs) in enumerate(pairwise(problem.sizes)):
        x, weight = aligned(problem.batch, inputs), aligned(inputs, outputs)
        y, grad = aligned(problem.batch, outputs), aligned(inputs, outputs)
        calls += [(x, weight, y), (x.T, y, grad)]
        if number:
            calls.append((y, weight.T, aligned(problem.batch, inputs)))

    return bare(calls)


def bare(calls: Sequence[tuple[Array, Array, Array]]) -> Racer:
    """Return products ``a @ b -> out`` as a racer; of several threads, divided as plugnet does it.

    BLAS's own threads divide them no better, and would spin on while the next racer runs.
    """

    def alone() -> None:
        for a, b, out in calls:
            a.dot(b, out=out)  # for small arrays sooner at work than np.matmul

    def together() -> None:
        for a, b, out in calls:
            matmul(a, b, out)

    single = os.environ["OMP_NUM_THREADS"] == "1"
    return divided("bare matrix products", alone if single else together)


def aligned(rows: int, columns: int) -> Array:
    """Return ``(rows, columns)`` random float32 numbers that begin at a multiple of 64 bytes."""
    room = np.empty(rows * columns + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    array = room[start : start + rows * columns].reshape(rows, columns)
    np.random.default_rng(0).random(out=array, dtype=np.float32)
    return array
