"""What a training step must not do: copy a batch, compute what nobody reads, call nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pluggy
import pytest

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.data import samples
from plugnet.errors import DataError
from plugnet.interfaces import Layer

X, Y = np.random.default_rng(0).random((40, 6), dtype=np.float32), np.arange(40) % 3


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


def test_nobody_copies_a_batch_or_asks_for_its_gradient() -> None:
    first, between = Looks(), Looks()
    network = Network([first, ("fc", {"outputs": 4}), between, ("fc", {"outputs": 3})], (6,))
    trainer = Trainer(network, batch_size=10, shuffle=False)
    trainer.fit(X, Y, iterations=4)
    assert [np.shares_memory(batch, X) for batch in first.given] == [True] * 4
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
    Trainer(Network([("fc", 6, 3)]), batch_size=10).fit(X, Y, iterations=3)
    assert calls == []
    Trainer(Network([("fc", 6, 3)]), batch_size=10, hooks=[Counts()]).fit(X, Y, iterations=2)
    assert calls == ["step 0", "step 1"]


def test_samples_are_looked_at_once_and_labels_and_weights_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    value_range = samples.value_range

    def note(array: Array, name: str, *others: Any) -> tuple[float, float]:
        looked.append(name)
        return value_range(array, name, *others)

    monkeypatch.setattr(samples, "value_range", note)
    x, y, weights = X.copy(), Y.copy(), np.ones(40)
    trainer = Trainer(Network([("fc", 6, 3)]), batch_size=10)
    for _ in range(3):
        trainer.fit(x, y, 2, test=(x, y), weights=weights)
        trainer.evaluate(x, y)
    assert len(looked) == 1
    Trainer(Network([("fc", 6, 3)], dtype="float64"), batch_size=10).fit(x, y, 2)
    trainer.fit(x.copy(), y, 2)
    trainer.fit(x[:20], y[:20], 2)
    assert len(looked) == 4
    y[7] = 3
    with pytest.raises(DataError, match="row 7"):
        trainer.fit(x, y, 2)
    y[7], weights[3] = 0, -1
    with pytest.raises(DataError, match="Row 3"):
        trainer.fit(x, y, 2, weights=weights)


def test_an_array_in_the_place_of_one_that_is_gone_is_looked_at() -> None:
    trainer = Trainer(Network([("fc", 6, 3)]), batch_size=10)
    for _ in range(50):  # the next array often has the address of the last
        trainer.fit(np.random.default_rng(0).random((40, 6), dtype=np.float32), Y, 1)
        wrong = np.full((40, 6), np.nan, np.float32)
        with pytest.raises(DataError, match="finite"):
            trainer.fit(wrong, Y, 1)
        del wrong
