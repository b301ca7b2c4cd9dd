"""JAX with the whole run in one `lax.scan`, so that Python only starts it: JAX at its fastest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array


class Scanned:
    """All steps of a stretch are one compiled call; to be mixed into a peer that steps by itself.

    A stretch is an epoch at least. NumPy draws the order of its rows at the start, within the time;
    compiling is not in it.
    """

    name: ClassVar[str] = "JAX, whole run in lax.scan"

    jax: Any
    x: Any
    y: Any
    state: Any
    rng: np.random.Generator
    losses: list[Any]

    def begin(self, batch: int, learn: Callable[[Any, Any, Any], Any]) -> None:
        """Take up what the peer's constructor has made.

        ``learn`` returns the state after a step on a batch, and the batch's loss.
        """
        self.rows, self.learner = batch, learn
        self.epoch = len(self.x) // batch
        self.compiled: dict[int, Any] = {}

    def run(self, state: Any, x: Any, y: Any, order: Any) -> Any:
        def step(state: Any, rows: Any) -> Any:
            return self.learner(state, x[rows], y[rows])

        return self.jax.lax.scan(step, state, order)

    def draw(self, steps: int) -> Array:
        """Return ``(steps, batch)`` row numbers, epoch by epoch."""
        epochs = math.ceil(steps / self.epoch)
        orders = [self.rng.permutation(len(self.x)) for _ in range(epochs)]
        rows = np.stack(orders)[:, : self.epoch * self.rows].reshape(-1, self.rows)
        return rows[:steps].astype(np.int32)

    def clock(self, steps: int) -> float:
        count = max(steps, self.epoch)
        run = self.compiled.get(count) or self.compile(count)
        start = time.perf_counter()
        self.state, losses = run(self.state, self.x, self.y, self.draw(count))
        self.losses += losses.tolist()  # as plugnet's history keeps them
        self.jax.block_until_ready(self.state)
        return (time.perf_counter() - start) * steps / count

    def compile(self, steps: int) -> Any:
        """Return the compiled run, after a first call, which is slow, on a copy of the state."""
        state = self.jax.tree.map(self.jax.numpy.copy, self.state)
        arguments = state, self.x, self.y, self.draw(steps)
        run = self.jax.jit(self.run, donate_argnums=0).lower(*arguments).compile()
        self.jax.block_until_ready(run(*arguments))
        self.compiled[steps] = run
        return run
