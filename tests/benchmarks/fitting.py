"""Plugnet among the racers of training steps, and how it is known that all do the same."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.training.threads import limited
from racing import DifferentError, Racer, why_not


class Trained(Protocol):
    """Someone who trains, from plugnet's first weights."""

    name: ClassVar[str]

    def clock(self, steps: int) -> float:
        """Take so many steps, and return the seconds."""

    def first_loss(self) -> float:
        """Return the loss of the first batch, without penalty."""

    def weights(self) -> list[Array]:
        """Return weight and bias of every layer, as plugnet has them."""


Kind = TypeVar("Kind", bound=type[Trained])


class Stepwise:
    """A peer that is timed around its steps, each of which notes its loss."""

    losses: list[Any]

    def step(self) -> None:
        """Take one step."""
        raise NotImplementedError

    def clock(self, steps: int) -> float:
        """Take so many steps, and return the seconds."""
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return time.perf_counter() - start

    def first_loss(self) -> float:
        """Return the loss of the first batch, without penalty."""
        return float(self.losses[0])


class Fit:
    """`Trainer.fit` for so many iterations, from its first hook call to its last.

    What `fit` does before the first step, checking all samples, is not in it; peers are spared the
    like, too.
    """

    name: ClassVar[str] = "plugnet"

    def __init__(self, network: Network, x: Array, y: Array, **options: Any) -> None:
        """Train ``network`` on ``x`` and ``y``, with the options of `Trainer`."""
        threads = int(os.environ["OMP_NUM_THREADS"])  # as racing.options sets it for all
        self.trainer = Trainer(network, hooks=[self], threads=threads, **options)
        self.x, self.y = x, y
        self.start = self.seconds = 0.0

    def plugnet_train_start(self) -> None:
        self.start = time.perf_counter()

    def plugnet_train_end(self) -> None:
        self.seconds = time.perf_counter() - self.start

    def clock(self, steps: int) -> float:
        """Take so many steps, and return the seconds."""
        self.trainer.fit(self.x, self.y, iterations=steps)
        return self.seconds

    def first_loss(self) -> float:
        """Return the loss of the first batch, without penalty."""
        return self.trainer.history.loss[0]

    def weights(self) -> list[Array]:
        """Return weight and bias of every layer."""
        return [parameter.value for parameter in self.trainer.network.parameters().values()]


def racer(peer: Trained) -> Racer:
    """Return a peer as a racer."""
    return Racer(peer.name, partial(peer.clock, 1), peer.clock)


def divided(name: str, step: Callable[[], object]) -> Racer:
    """Return a racer that divides its work, outside a trainer, among as many threads as all have.

    Without it BLAS would use threads of its own, which spin on while the next racer runs.
    """
    threads = int(os.environ["OMP_NUM_THREADS"])

    def clock(steps: int) -> float:
        with limited(threads):
            start = time.perf_counter()
            for _ in range(steps):
                step()
            return time.perf_counter() - start

    return Racer(name, step, None if threads == 1 else clock)


def entrants(
    own: Callable[[bool], Trained],
    kinds: Iterable[Kind],
    make: Callable[[Kind, bool], Trained],
    quick: Callable[[Kind], bool],
) -> tuple[list[Racer], dict[str, str]]:
    """Return the peers that can run, and why the others cannot.

    Before, each takes three steps on a single batch and must come to plugnet's loss and weights.

    Args:
        own: makes plugnet's racer, on all rows or, if told so, on one batch.
        kinds: the peers.
        make: makes a peer in the same way.
        quick: whether a peer is left out of a quick run.

    Raises:
        DifferentError: a peer comes to something else.
    """
    racers: list[Racer] = []
    skipped: dict[str, str] = {}
    for kind in kinds:
        if quick(kind):
            skipped[kind.name] = "a quick run"
            continue
        try:
            check(own(True), make(kind, True))
            racers.append(racer(make(kind, False)))
        except Exception as error:
            skipped[kind.name] = why_not(error)
    return racers, skipped


def check(own: Trained, theirs: Trained) -> None:
    """Let two train for three steps on one batch, and compare.

    Raises:
        DifferentError: they come to another loss, or to other weights.
    """
    start = _flat(own)
    own.clock(3)
    theirs.clock(3)
    moved = _flat(own) - start
    apart = float(np.linalg.norm(_flat(theirs) - start - moved) / np.linalg.norm(moved))
    losses = own.first_loss(), theirs.first_loss()
    if apart > 2e-3 or not math.isclose(*losses, rel_tol=1e-5):
        raise DifferentError(
            f"{theirs.name} computes something else: its first loss is {losses[1]}, plugnet's is "
            f"{losses[0]}; after three steps the weights differ by {apart:.2%} of their change."
        )


def _flat(peer: Trained) -> Array:
    return np.concatenate([np.ravel(array) for array in peer.weights()])
