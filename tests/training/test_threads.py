"""Threads of a trainer: work is divided, BLAS has one thread meanwhile, and its own afterwards."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from plugnet import Network, Trainer, parallel
from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.training.threads import blas_threads, limited

LAYERS: list[Any] = [("fc", 20, 8), "tanh", ("fc", 8, 3)]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Whatever the environment says, BLAS has two threads, on one processor if need be."""
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != 2:
            pytest.skip("this BLAS library cannot be told how many threads to use")
        yield


class Watch:
    """Notes how many threads there are for products and for BLAS, in a step and in a test."""

    def __init__(self) -> None:
        self.seen: list[tuple[int | None, int | None]] = []

    def plugnet_step_end(self) -> None:
        self.seen.append((parallel.current(), blas_threads()))

    def plugnet_evaluate_end(self) -> None:
        self.seen.append((parallel.current(), blas_threads()))


def data(rows: int = 40, features: int = 20) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    return rng.random((rows, features), dtype=np.float32), rng.integers(0, 3, rows)


@pytest.mark.parametrize(("given", "expected"), [(None, 2), (1, 1), (3, 3)])
def test_a_trainer_has_so_many_threads_and_blas_one(given: int | None, expected: int) -> None:
    watch = Watch()
    trainer = Trainer(Network(LAYERS), batch_size=10, hooks=[watch], threads=given)
    trainer.fit(*data(), 2, test=data())
    assert watch.seen == [(expected, 1)] * 3
    assert trainer.threads == given
    assert (parallel.current(), blas_threads()) == (None, 2)


def test_a_small_network_starts_no_thread() -> None:
    before = set(threading.enumerate())
    new: list[set[threading.Thread]] = []

    class Looks:
        def plugnet_step_end(self) -> None:
            new.append(set(threading.enumerate()) - before)

    Trainer(Network(LAYERS), batch_size=10, hooks=[Looks()], threads=2).fit(*data(), 2)
    assert new == [set(), set()]


def test_training_is_divided_and_its_threads_go_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PART", 1)
    before = set(threading.enumerate())  # one of an earlier test may end meanwhile
    losses = []
    new: list[list[str]] = []

    class Looks:
        def plugnet_step_end(self) -> None:
            new.append([thread.name for thread in set(threading.enumerate()) - before])

    for number in (1, 2, 2):
        network = Network([("fc", 40, 64), "tanh", ("fc", 64, 33)])
        trainer = Trainer(network, batch_size=20, threads=number, hooks=[Looks()])
        losses.append(trainer.fit(*data(60, 40), 4).loss)
    assert new == [[]] * 4 + [["plugnet"]] * 8
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert losses[1] == losses[2]  # the same number, the same bits
    assert set(threading.enumerate()) <= before


def test_the_number_is_set_back_after_an_error() -> None:
    class Failing:
        def plugnet_step_end(self) -> None:
            raise RuntimeError("enough")

    trainer = Trainer(Network(LAYERS), batch_size=10, hooks=[Failing()])
    with pytest.raises(RuntimeError, match="enough"):
        trainer.fit(*data(), 2)
    assert (parallel.current(), blas_threads()) == (None, 2)


def test_limits_nest() -> None:
    with limited(3) as outer:
        assert (outer, blas_threads()) == (3, 1)
        with limited(None) as inner:
            assert inner == parallel.current() == 3
        with limited(1):
            assert parallel.current() == 1
        assert parallel.current() == 3
        assert blas_threads() == 1
    assert blas_threads() == 2


def test_other_python_threads_have_a_number_of_their_own() -> None:
    seen: list[int | None] = []
    with limited(2):
        thread = threading.Thread(target=lambda: seen.append(parallel.current()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_evaluate_has_the_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    network = Network(LAYERS)
    forward = network.layers[0].forward

    def note(x: Array, training: bool) -> Array:
        seen.append(parallel.current())
        return forward(x, training)

    monkeypatch.setattr(network.layers[0], "forward", note)
    Trainer(network, threads=3).evaluate(*data())
    assert seen == [3]


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, "2"])
def test_other_numbers_are_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="'threads' must be an integer at least 1"):
        Trainer(Network(LAYERS), threads=wrong)


def test_the_number_is_an_argument_of_resume_and_not_in_the_file(tmp_path: Path) -> None:
    trainer = Trainer(Network(LAYERS), batch_size=10, threads=2)
    trainer.fit(*data(), 3)
    trainer.save(tmp_path / "trainer")
    assert Trainer.resume(tmp_path / "trainer").threads is None
    assert Trainer.resume(tmp_path / "trainer", threads=1).threads == 1
    with pytest.raises(ArgumentError, match="threads"):
        Trainer.resume(tmp_path / "trainer", threads=0)
