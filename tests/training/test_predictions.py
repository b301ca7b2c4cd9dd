"""Predictions in several threads while the network is trained: neither disturbs the other."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from tests.layers import Same
from tests.trained import saved_bits

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.interfaces import Optimizer

RNG = np.random.default_rng(0)
X, Y = RNG.random((1500, 3, 4), dtype=np.float32), RNG.integers(0, 3, 1500)
PARTS = [slice(0, 1500), slice(3, 40), *(slice(i, i + 32) for i in range(0, 320, 32))]  # as a batch

LAYERS: list[Any] = [
    ("rescale", 2, 0.1),
    "flatten",
    ("fc", 12, 16),
    "tanh",
    ("chain", [("reshape", [4, 4]), "relu", ("fc", None, 8), "gelu", "swish"]),
    "sigmoid",
    ("fc", 8, 8),
    "elu",
    "softplus",
    ("fc", 8, 3),
]
if importlib.util.find_spec("plugnet_dropout") is not None:
    LAYERS.insert(4, ("dropout", 0.3))


def deep_trainer(*more: Any) -> Trainer:
    network = Network([*LAYERS[:-1], *more, LAYERS[-1]], (3, 4))
    return Trainer(network, batch_size=32)


@pytest.fixture(autouse=True)
def threads_that_switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@contextmanager
def asked(network: Network, look: Callable[[int, Array], None]) -> Iterator[None]:
    """Have three threads predict all the time; see what each part gives."""
    over = threading.Event()
    wrong: list[BaseException] = []
    answers = [0, 0, 0]

    def ask(number: int) -> None:
        try:
            while not over.is_set():
                for part, rows in enumerate(PARTS):
                    look(part, network.predict(X[rows]))
                answers[number] += 1
        except BaseException as error:  # for the main thread
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if wrong:
        raise wrong[0]
    assert min(answers) > 0


def test_predictions_beside_a_still_training_keep_their_bits() -> None:
    trained = deep_trainer()
    trained.rate_scale = 0
    expected = [trained.network.predict(X[rows]) for rows in PARTS]

    def look(part: int, found: Array) -> None:
        np.testing.assert_array_equal(found, expected[part])

    with asked(trained.network, look):
        trained.fit(X, Y, 150)
    assert trained.iteration == 150


@pytest.mark.parametrize("more", [(), ("batch_norm",)], ids=["plain", "batch_norm"])
def test_predictions_change_no_bit_of_the_training(more: tuple[Any, ...]) -> None:
    if more:
        pytest.importorskip("plugnet_normalization")
    watched, alone = deep_trainer(*more), deep_trainer(*more)

    def look(part: int, found: Array) -> None:
        assert np.isfinite(found).all()

    with asked(watched.network, look):
        watched.fit(X, Y, 150)
    alone.fit(X, Y, 150)
    assert saved_bits(watched) == saved_bits(alone)


class Asking(Optimizer):
    """Gradient descent, in whose first step another thread predicts, and has time for it."""

    def __init__(self, pool: Executor) -> None:
        self.pool, self.answers = pool, list[Future[Array]]()
        self.network: Network

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        if not self.answers:
            self.answers.append(self.pool.submit(self.network.predict, X[:4]))
            wait(self.answers, 0.05)
        value -= rate * grad


def test_a_prediction_never_sees_a_step_half_done() -> None:
    """Neither weights nor statistics that are still to move."""
    pytest.importorskip("plugnet_normalization")
    network = Network(["flatten", "batch_norm", ("fc", 12, 3), "batch_norm"], (3, 4))
    before = network.predict(X[:4])
    with ThreadPoolExecutor(1) as pool:
        asking = Asking(pool)
        asking.network = network
        Trainer(network, optimizer=asking, batch_size=32).fit(X, Y, 1)
    (answer,) = asking.answers
    np.testing.assert_array_equal(answer.result(), network.predict(X[:4]))
    assert np.abs(answer.result() - before).max() > 1e-3


class Waits(Same):
    """Lets one thread wait in its forward pass."""

    def __init__(self) -> None:
        self.is_here, self.may_go = threading.Event(), threading.Event()
        self.asked: threading.Thread | None = None

    def forward(self, x: Array, training: bool = False) -> Array:
        if threading.current_thread() is self.asked:
            self.is_here.set()
            assert self.may_go.wait(60)
        return x


def test_a_training_waits_for_predictions_that_began_before() -> None:
    layer = Waits()
    network = Network([("fc", 4, 5), layer, ("fc", 5, 3)])
    x, y = RNG.random((20, 4), dtype=np.float32), np.arange(20) % 3
    before = network.predict(x)
    found: list[Array] = []
    layer.asked = threading.Thread(target=lambda: found.append(network.predict(x)))
    layer.asked.start()
    assert layer.is_here.wait(60)
    trainer = Trainer(network, policy=("fixed", 0.5), batch_size=20)
    training = threading.Thread(target=lambda: trainer.fit(x, y, 1))
    training.start()
    training.join(0.1)
    assert trainer.iteration == 0
    layer.may_go.set()
    for thread in (layer.asked, training):
        thread.join(60)
    assert trainer.iteration == 1
    assert np.array_equal(found[0], before)
    assert not np.array_equal(network.predict(x), before)
