"""Where the time of a training step goes: piece by piece, and next to the bare matrix products."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet.network import Network
from plugnet.parallel import multiply
from plugnet.training.data import Data
from plugnet.training.trainer import Trainer

#: Elements of the largest array that a bare product is tried with; more rows are extrapolated.
LARGEST = 1 << 24


@dataclass(frozen=True)
class Piece:
    """What one piece of a step takes: medians over the rounds, in seconds.

    Attributes:
        name: "data", a layer's name, "loss", "regularizer" or "optimizer".
        forward: the time on the way to the loss.
        backward: the time after it.
        flops: the floating-point operations of both for the whole batch, by what the layer says of
            its forward pass: backward counts once for the parameters and once for the input, where
            these are computed. 0: not known.
        products: the time of the layer's matrix products alone, or None; see `Stage.products`.
    """

    name: str
    forward: float
    backward: float
    flops: int = 0
    products: float | None = None

    @property
    def seconds(self) -> float:
        """The time of both ways."""
        return self.forward + self.backward


@dataclass(frozen=True)
class Timing:
    """What a step takes.

    Attributes:
        pieces: in the order of a step.
        step: the median time of a whole step that is not taken apart, in seconds.
    """

    pieces: Sequence[Piece]
    step: float

    @property
    def products(self) -> float:
        """The time of all layers' matrix products alone, in seconds."""
        return sum(piece.products or 0.0 for piece in self.pieces)


class Stage:
    """A layer at its place in a network, and in training."""

    def __init__(self, name: str, layer: Layer, shape: Shape, gives_dx: bool) -> None:
        self.name = name
        self.layer = layer
        self.gives_dx = gives_dx
        self.trained = [parameter for parameter in layer.parameters() if parameter.trainable]
        self.flops = layer.flops(shape)

    def backward(self, dy: Array) -> Array:
        """Do what the network's backward pass does for this layer."""
        if self.trained:
            self.layer.gradients(dy)
        return self.layer.backward(dy) if self.gives_dx else dy

    def products(self, batch: int) -> tuple[list[tuple[Array, Array, Array]], float]:
        """Return matrix products ``a @ b -> out`` to compare with, and what to multiply by.

        A weight of shape ``(..., outputs)``, a kernel for one, counts as a matrix whose columns
        are the outputs. It is multiplied by as many rows as the layer's operations make: the
        samples for ``fc``, the pixels of all samples for a convolution. Then come the products for
        the gradients of the weight and, if the layer computes it, of the input.
        """
        weights = [parameter.value for parameter in self.trained if parameter.value.ndim > 1]
        rows = batch * (self.flops // max(2 * sum(weight.size for weight in weights), 1))
        if not weights or not rows:
            return [], 1.0
        tried = min(rows, LARGEST // max(max(w.shape[-1], w.size // w.shape[-1]) for w in weights))
        tried = max(tried, 1)
        calls = []
        for weight in weights:
            matrix = np.ascontiguousarray(weight.reshape(-1, weight.shape[-1]))
            x = np.ones((tried, len(matrix)), weight.dtype)
            y = np.ones((tried, weight.shape[-1]), weight.dtype)
            calls += [(x, matrix, np.empty_like(y)), (x.T, y, np.empty_like(matrix))]
            if self.gives_dx:
                calls.append((y, matrix.T, np.empty_like(x)))
        return calls, rows / tried


class _Laps:
    """A stop watch with named laps."""

    def __init__(self) -> None:
        self._laps: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self.start()

    def start(self) -> None:
        self._started = time.perf_counter()

    def lap(self, piece: str, what: str) -> None:
        """Note the time since the last lap or start, and start anew."""
        self._laps[piece, what].append(time.perf_counter() - self._started)
        self.start()

    def median(self, piece: str, what: str, last: int) -> float:
        """Return the median of the last laps of that name."""
        return float(np.median(self._laps[piece, what][-last:]))


def time_step(trainer: Trainer, x: Any, y: Any, rounds: int) -> Timing:
    """Train on ``x`` and ``y``, as in `Trainer.fit`, and return what a step takes.

    Each round does a whole step, a step piece by piece, and the bare products, in turn, so that
    whatever else the machine does befalls all three. Some rounds to warm up come on top.
    """
    batches = Data(trainer.batch_size, trainer.shuffle, trainer.seed)
    batches.get_data(*trainer._arrays(x, y))
    stages = stages_of(trainer.network)
    products = {stage.name: stage.products(trainer.batch_size) for stage in stages}
    laps = _Laps()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        for _ in range(rounds + max(rounds // 10, 3)):
            _step(trainer, batches, laps)
            _step_by_piece(trainer, batches, stages, laps)
            for name, (calls, _) in products.items():
                laps.start()
                for a, b, out in calls:
                    multiply(a, b, out)
                laps.lap(name, "products")

    def median(name: str, what: str) -> float:
        return laps.median(name, what, rounds)

    pieces = [Piece("data", median("data", "forward"), 0.0)]
    for stage in stages:
        name, (calls, scale) = stage.name, products[stage.name]
        passes = 1 + bool(stage.trained) + stage.gives_dx
        pieces.append(
            Piece(
                name,
                median(name, "forward"),
                median(name, "backward"),
                stage.flops * passes * trainer.batch_size,
                median(name, "products") * scale if calls else None,
            )
        )
    pieces.append(Piece("loss", median("loss", "forward"), median("loss", "backward")))
    pieces.append(Piece("regularizer", 0.0, median("regularizer", "backward")))
    pieces.append(Piece("optimizer", 0.0, median("optimizer", "backward")))
    return Timing(pieces, median("step", "whole"))


def stages_of(network: Network) -> list[Stage]:
    """Return the layers of a network whose shapes are known, at their places."""
    stages: list[Stage] = []
    shapes = (network.input_shape or (), *network.shapes)
    for name, layer, shape in zip(network.names, network.layers, shapes[:-1], strict=True):
        stages.append(Stage(name, layer, shape, any(before.trained for before in stages)))
    return stages


def _step(trainer: Trainer, batches: Data, laps: _Laps) -> None:
    """Do a step as `Trainer.fit` does, without hooks."""
    network = trainer.network
    parameters = network.parameters()
    pack = trainer._pack(parameters)
    laps.start()
    x, y = batches.pull_data()
    trainer.loss.forward(network.forward(x, training=True), y)
    network.backward(trainer.loss.backward())
    trainer._regularize(parameters, pack)
    trainer.optimizer.update(parameters, trainer.policy(trainer.iteration))
    laps.lap("step", "whole")


def _step_by_piece(trainer: Trainer, batches: Data, stages: list[Stage], laps: _Laps) -> None:
    parameters = trainer.network.parameters()
    pack = trainer._pack(parameters)
    laps.start()
    x, y = batches.pull_data()
    x = trainer.network._converted(trainer.network.accept(x), training=True)
    laps.lap("data", "forward")
    for stage in stages:
        x = stage.layer.forward(x, True)
        laps.lap(stage.name, "forward")
    trainer.loss.forward(x, y)
    laps.lap("loss", "forward")
    dy = trainer.loss.backward()
    laps.lap("loss", "backward")
    for stage in reversed(stages):
        dy = stage.backward(dy)
        laps.lap(stage.name, "backward")
    trainer._regularize(parameters, pack)
    laps.lap("regularizer", "backward")
    trainer.optimizer.update(parameters, trainer.policy(trainer.iteration))
    laps.lap("optimizer", "backward")
