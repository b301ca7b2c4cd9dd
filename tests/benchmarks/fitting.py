"""Plugnet among the racers of training steps."""

from __future__ import annotations

import os
import time
from typing import Any, ClassVar

from plugnet import Network, Trainer
from plugnet.arrays import Array


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
        return [parameter.value for parameter in self.trainer.network.parameters()]
