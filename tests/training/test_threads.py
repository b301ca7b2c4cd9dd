"""Threads: how many BLAS may use while a trainer is at work, and what it has afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.training import threads
from plugnet.training.threads import blas_threads, flops, limited

SMALL: list[Any] = [("fc", 20, 8), "tanh", ("fc", 8, 3)]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Whatever the environment says, BLAS has two threads, on one processor if need be."""
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != 2:
            pytest.skip("this BLAS library cannot be told how many threads to use")
        yield


class Watch:
    """Notes how many threads there are in a step, and in a test."""

    def __init__(self) -> None:
        self.seen: list[int | None] = []

    def plugnet_step_end(self) -> None:
        self.seen.append(blas_threads())

    def plugnet_evaluate_end(self) -> None:
        self.seen.append(blas_threads())


def data(rows: int = 40, features: int = 20) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    return rng.random((rows, features), dtype=np.float32), rng.integers(0, 3, rows)


@pytest.mark.parametrize(("given", "expected"), [(None, 1), (1, 1), (2, 2)])
def test_a_small_network_takes_one_thread_unless_told(given: int | None, expected: int) -> None:
    watch = Watch()
    trainer = Trainer(Network(SMALL), batch_size=10, hooks=[watch], threads=given)
    trainer.fit(*data(), 2, test=data())
    assert watch.seen == [expected] * 3
    assert trainer.threads == given
    assert blas_threads() == 2


def test_a_large_network_takes_what_blas_has(monkeypatch: pytest.MonkeyPatch) -> None:
    # 10 samples through 20 x 8 and 8 x 3 weights, a product and a sum each, and the biases
    network = Network(SMALL)
    assert flops(network) == 2 * (20 * 8 + 8 * 3) + 8 + 3
    for limit, expected in ((10 * flops(network) + 1, 1), (10 * flops(network), 2)):
        monkeypatch.setattr(threads, "SMALL", limit)
        watch = Watch()
        Trainer(Network(SMALL), batch_size=10, hooks=[watch]).fit(*data(), 1)
        assert watch.seen == [expected]


def test_the_number_is_set_back_after_an_error() -> None:
    class Failing:
        def plugnet_step_end(self) -> None:
            raise RuntimeError("enough")

    trainer = Trainer(Network(SMALL), batch_size=10, hooks=[Failing()])
    with pytest.raises(RuntimeError, match="enough"):
        trainer.fit(*data(), 2)
    assert blas_threads() == 2


def test_limits_nest() -> None:
    network = Network(SMALL)
    with limited(1, network, 1):
        with limited(2, network, 1):
            assert blas_threads() == 2
        assert blas_threads() == 1
        with limited(None, network, 1):
            assert blas_threads() == 1
    assert blas_threads() == 2


def test_evaluate_has_the_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    network = Network(SMALL)
    forward = network.layers[0].forward

    def note(x: Array, training: bool) -> Array:
        seen.append(blas_threads())
        return forward(x, training)

    monkeypatch.setattr(network.layers[0], "forward", note)
    Trainer(network).evaluate(*data())
    assert seen == [1]
    assert blas_threads() == 2


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, "2"])
def test_other_numbers_are_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="'threads' must be an integer at least 1"):
        Trainer(Network(SMALL), threads=wrong)


def test_the_number_is_an_argument_of_resume_and_not_in_the_file(tmp_path: Path) -> None:
    trainer = Trainer(Network(SMALL), batch_size=10, threads=2)
    trainer.fit(*data(), 3)
    trainer.save(tmp_path / "trainer")
    assert Trainer.resume(tmp_path / "trainer").threads is None
    assert Trainer.resume(tmp_path / "trainer", threads=1).threads == 1
    with pytest.raises(ArgumentError, match="threads"):
        Trainer.resume(tmp_path / "trainer", threads=0)


@pytest.mark.parametrize("number", [1, 2])
def test_the_same_number_gives_the_same_bits(number: int) -> None:
    x, y = data(300, 400)
    losses = [
        Trainer(Network([("fc", 400, 300), "tanh", ("fc", 300, 3)]), threads=number)
        .fit(x, y, 4)
        .loss
        for _ in range(2)
    ]
    assert losses[0] == losses[1]
