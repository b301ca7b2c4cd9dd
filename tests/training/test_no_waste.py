"""What a training step must not do: copy a batch, compute what nobody reads, call nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pluggy
import pytest

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.interfaces import Layer


class Looks(Layer):
    """Gives what it gets, and records it."""

    def __init__(self) -> None:
        self.given: list[Array] = []
        self.asked = 0

    def forward(self, x: Array, training: bool = False) -> Array:
        self.given.append(x)
        return x

    def backward(self, dy: Array) -> Array:
        self.asked += 1
        return dy


def test_contiguous_batches_are_not_copied_and_nobody_asks_for_a_gradient_by_the_input() -> None:
    x = np.random.default_rng(0).random((40, 6), dtype=np.float32)
    first, between = Looks(), Looks()
    network = Network([first, ("fc", {"outputs": 4}), between, ("fc", {"outputs": 3})], (6,))
    trainer = Trainer(network, batch_size=10, shuffle=False)
    trainer.fit(x, np.arange(40) % 3, iterations=4)
    assert [np.shares_memory(batch, x) for batch in first.given] == [True] * 4
    assert (first.asked, between.asked) == (0, 4)


def test_hooks_that_nobody_implements_are_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    relay = pluggy.HookCaller.__call__

    def note(self: pluggy.HookCaller, **arguments: Any) -> Any:
        calls.append(self.name)
        return relay(self, **arguments)

    class Counts:
        def plugnet_step_end(self, iteration: int) -> None:
            calls.append(f"step {iteration}")

    monkeypatch.setattr(pluggy.HookCaller, "__call__", note)
    x, y = np.random.default_rng(0).random((40, 6), dtype=np.float32), np.arange(40) % 3
    Trainer(Network([("fc", 6, 3)]), batch_size=10).fit(x, y, iterations=3)
    assert calls == []
    Trainer(Network([("fc", 6, 3)]), batch_size=10, hooks=[Counts()]).fit(x, y, iterations=2)
    assert calls == ["plugnet_step_end", "step 0", "plugnet_step_end", "step 1"]
