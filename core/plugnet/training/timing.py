"""Where the time of a training step goes: piece by piece, and next to the bare matrix products."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.data.source import from_samples
from plugnet.interfaces import Batch, Layer
from plugnet.layers import parameters_of, walk
from plugnet.network import Network
from plugnet.parallel import matmul
from plugnet.parameter import Parameter
from plugnet.training.trainer import Trainer

#: Elements of the largest array that a bare product is tried with; more rows are extrapolated.
LARGEST = 1 << 24

#: The methods of a layer that are timed, and under what.
WAYS = {"forward": "forward", "gradients": "backward", "backward": "backward"}


@dataclass(frozen=True)
class Piece:
    """What one piece of a step takes: medians over the rounds, in seconds.

    Attributes:
        name: "data", a layer's path, "loss" or "update".
        forward: the time on the way to the loss.
        backward: the time after it.
        flops: the floating-point operations of both for the whole batch, by what the layer says of
            its forward pass: backward counts once for the parameters and once for the input, where
            these are computed. 0: not known.
        products: the time of the layer's matrix products alone, or None; see `Stage.products`.
        depth: 0, or how deep a layer stands within others, in whose time its own is.
    """

    name: str
    forward: float
    backward: float
    flops: int = 0
    products: float | None = None
    depth: int = 0

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
    def seconds(self) -> float:
        """The time of all pieces; of layers within layers it is counted once."""
        return sum(piece.seconds for piece in self.pieces if not piece.depth)

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
        held = walk({name: layer})
        self.trained = [p for p in parameters_of(held).values() if p.trainable]
        self.inner = {path: inner for path, inner in held.items() if inner is not layer}
        self.flops = layer.flops(shape)

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
    """How long calls took, by piece and way, round by round."""

    def __init__(self) -> None:
        self._rounds: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._now: defaultdict[tuple[str, str], float] = defaultdict(float)

    def timed(self, piece: str, way: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``call``, which adds what it takes to a piece."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self._now[piece, way] += time.perf_counter() - started

        return timed

    def forget(self) -> None:
        """Drop what the pieces took since the last round."""
        self._now.clear()

    def end_round(self) -> None:
        """Note what all pieces took since the last round."""
        for key, seconds in self._now.items():
            self._rounds[key].append(seconds)
        self._now.clear()

    def median(self, piece: str, way: str, last: int) -> float:
        """Return the median over the last rounds; 0 for what was never called."""
        rounds = self._rounds.get((piece, way))
        return 0.0 if rounds is None else float(np.median(rounds[-last:]))


def time_step(trainer: Trainer, x: Any, y: Any, rounds: int) -> Timing:
    """Train on ``x`` and ``y``, as in `Trainer.fit`, and return what a step takes.

    Each round does a step with timers around its pieces, a whole one, and the bare products, in
    turn, so that whatever else the machine does slows all three; before the first two, a step that
    is not counted. Some rounds to warm up come on top.
    """
    given = trainer.check(x, y)
    batches = from_samples(given, trainer.batch_size, trainer.shuffle, trainer.seed)
    stages = stages_of(trainer.network)
    products = {stage.name: stage.products(trainer.batch_size) for stage in stages}
    laps = _Laps()

    def step(pull: Callable[[Iterator[Batch]], Batch] = next) -> None:
        trainer.step(pull(batches))

    whole, pull = laps.timed("step", "whole", step), laps.timed("data", "forward", next)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        for _ in range(rounds + max(rounds // 10, 3)):
            with _timers(trainer, stages, laps):
                step(pull)
                laps.forget()  # what was derived anew, because the methods are others now
                step(pull)
            step()
            whole()
            for name, (calls, _) in products.items():
                multiplied = laps.timed(name, "products", matmul)
                for a, b, out in calls:
                    multiplied(a, b, out)
            laps.end_round()

    def median(name: str, way: str) -> float:
        return laps.median(name, way, rounds)

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
        pieces += [
            Piece(path, median(path, "forward"), median(path, "backward"), depth=path.count("."))
            for path in stage.inner
        ]
    pieces.append(Piece("loss", median("loss", "forward"), median("loss", "backward")))
    pieces.append(Piece("update", 0.0, median("update", "backward")))
    return Timing(pieces, median("step", "whole"))


def stages_of(network: Network) -> list[Stage]:
    """Return the layers of a network whose shapes are known, at their places."""
    stages: list[Stage] = []
    shapes = (network.input_shape or (), *network.output_shapes)
    for name, layer, shape in zip(network.layer_names, network.layers, shapes[:-1], strict=True):
        stages.append(Stage(name, layer, shape, any(before.trained for before in stages)))
    return stages


@contextmanager
def _timers(trainer: Trainer, stages: Sequence[Stage], laps: _Laps) -> Iterator[None]:
    """Put timers around the pieces of the step within the block."""
    timed: list[tuple[Any, str, str, str]] = [
        (trainer.loss, "forward", "loss", "forward"),
        (trainer.loss, "backward", "loss", "backward"),
        (trainer.update, "apply", "update", "backward"),
    ]
    for stage in stages:
        for path, layer in {stage.name: stage.layer, **stage.inner}.items():
            whole = type(layer).backprop is not Layer.backprop
            ways = {"forward": "forward", "backprop": "backward"} if whole else WAYS
            timed += [(layer, method, path, way) for method, way in ways.items()]
    before = [(owner, method, vars(owner).get(method)) for owner, method, _, _ in timed]
    for owner, method, piece, way in timed:
        setattr(owner, method, laps.timed(piece, way, getattr(owner, method)))
    Parameter.change()  # so that chains call the methods of now
    try:
        yield
    finally:
        for owner, method, held in before:
            if held is None:
                delattr(owner, method)
            else:
                setattr(owner, method, held)
        Parameter.change()
