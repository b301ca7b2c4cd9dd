"""The threads of a trainer: work is divided, BLAS has one thread meanwhile, and is restored."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 # brings a second BLAS library, where it is installed as a wheel
from tests.process import printed
from threadpoolctl import threadpool_info, threadpool_limits

from plugnet import Network, Trainer, parallel
from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.interfaces import Layer
from plugnet.parallel import parallel_call
from plugnet.training import threads
from plugnet.training.threads import blas_threads, limited

LAYERS: list[Any] = [("fc", 20, 8), "tanh", ("fc", 8, 3)]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Give BLAS two threads, whatever the environment and the number of processors."""
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != 2:
            pytest.skip("the number of threads of this BLAS library cannot be set")
        yield


class Watch:
    """Notes the numbers of threads for products and for BLAS, in a step and in a test."""

    def __init__(self) -> None:
        self.seen: list[tuple[int | None, set[int]]] = []

    def plugnet_step_end(self) -> None:
        self.seen.append((parallel.num_threads(), blas()))

    def plugnet_evaluate_end(self) -> None:
        self.seen.append((parallel.num_threads(), blas()))


class Pausing:
    """A hook with which a test lets a training go on step by step, and notes BLAS's threads."""

    def __init__(self, fails: bool = False) -> None:
        self.seen: list[set[int]] = []
        self.fails = fails
        self._here, self._go_on = threading.Semaphore(0), threading.Semaphore(0)

    def plugnet_step_end(self) -> None:
        self.seen.append(blas())
        self._here.release()
        assert self._go_on.acquire(timeout=60)
        if self.fails:
            raise RuntimeError("enough")

    def arrived(self) -> None:
        """Wait for the end of a step."""
        assert self._here.acquire(timeout=60)

    def go_on(self) -> None:
        """Let the training take the next step."""
        self._go_on.release()


def blas() -> set[int]:
    """Return the numbers of threads that the BLAS libraries have at the moment."""
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


@contextmanager
def fitting(pausing: Pausing) -> Iterator[Future[Any]]:
    """Begin a training in a thread of its own; the block begins after its only step."""
    trainer = Trainer(Network(LAYERS), batch_size=10, hooks=[pausing])
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(trainer.fit, *data(), 1)
        pausing.arrived()
        yield future


def data(rows: int = 40, features: int = 20) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    return rng.random((rows, features), dtype=np.float32), rng.integers(0, 3, rows)


@pytest.mark.parametrize(("given", "expected"), [(None, 2), (1, 1), (3, 3)])
def test_a_trainer_has_the_given_threads_and_blas_one(given: int | None, expected: int) -> None:
    watch = Watch()
    trainer = Trainer(Network(LAYERS), batch_size=10, hooks=[watch], threads=given)
    trainer.fit(*data(), 2, test=data())
    assert watch.seen == [(expected, {1})] * 3
    assert trainer.threads == given
    assert (parallel.num_threads(), blas()) == (None, {2})


def test_a_small_network_starts_no_thread() -> None:
    before = set(threading.enumerate())
    new: list[set[threading.Thread]] = []

    class Looks:
        def plugnet_step_end(self) -> None:
            new.append(set(threading.enumerate()) - before)

    Trainer(Network(LAYERS), batch_size=10, hooks=[Looks()], threads=2).fit(*data(), 2)
    assert new == [set(), set()]


def test_training_is_divided_and_its_threads_go_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 1)
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


def test_the_number_is_restored_after_an_error() -> None:
    class Failing:
        def plugnet_step_end(self) -> None:
            raise RuntimeError("enough")

    trainer = Trainer(Network(LAYERS), batch_size=10, hooks=[Failing()])
    with pytest.raises(RuntimeError, match="enough"):
        trainer.fit(*data(), 2)
    assert (parallel.num_threads(), blas()) == (None, {2})


def test_limits_nest() -> None:
    with limited(3) as outer:
        assert (outer, blas()) == (3, {1})
        with limited(None) as inner:
            assert inner == parallel.num_threads() == 3
        with limited(1):
            assert parallel.num_threads() == 1
        assert parallel.num_threads() == 3
        assert blas() == {1}
    assert blas() == {2}


def test_evaluating_in_a_step_restores_nothing_yet() -> None:
    seen: list[set[int]] = []

    class Evaluates:
        def plugnet_step_end(self, training: Trainer) -> None:
            training.evaluate(*data())
            seen.append(blas())

    Trainer(Network(LAYERS), batch_size=10, hooks=[Evaluates()]).fit(*data(), 2)
    assert seen == [{1}, {1}]
    assert blas() == {2}


def test_other_python_threads_have_a_number_of_their_own() -> None:
    seen: list[int | None] = []
    with limited(2):
        thread = threading.Thread(target=lambda: seen.append(parallel.num_threads()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_evaluate_has_the_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    network = Network(LAYERS)
    kind = type(network.layers[1])
    forward = kind.forward

    def note(self: Layer, x: Array, training: bool = False) -> Array:
        seen.append(parallel.num_threads())
        return forward(self, x, training)

    monkeypatch.setattr(kind, "forward", note)
    Trainer(network, threads=3).evaluate(*data())
    assert seen == [3]


# BLAS's number, once per process -----------------------------------------------------------------


@pytest.mark.parametrize("first_ends", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_last_of_overlapping_trainings_restores_the_number(
    first_ends: bool, fails: bool
) -> None:
    pausing = [Pausing(fails), Pausing(fails)]
    with fitting(pausing[0]) as first, fitting(pausing[1]) as second:
        trainings = [first, second]
        for number in (0, 1) if first_ends else (1, 0):
            assert blas() == {1}
            pausing[number].go_on()
            with suppress(RuntimeError):
                trainings[number].result(60)
    assert blas() == {2}


def test_overlapping_trainings_give_the_bits_that_each_has_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 50_000)  # divides small products
    samples = data(200, 100)

    def train(seed: int, hooks: list[Any], iterations: int) -> list[float]:
        network = Network([("fc", 100, 300), "tanh", ("fc", 300, 200)], seed=seed)
        return Trainer(network, batch_size=100, hooks=hooks).fit(*samples, iterations).loss

    alone = [train(seed, [], 3 + seed) for seed in range(3)]
    pausing = [Pausing() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        futures = []
        for seed, hook in enumerate(pausing):
            futures.append(pool.submit(train, seed, [hook], 3 + seed))
            hook.arrived()
        for seed, hook in enumerate(pausing):
            for _ in range(2 + seed):
                hook.go_on()
                hook.arrived()
            hook.go_on()
            futures[seed].result(60)
    assert [future.result() for future in futures] == alone
    assert [hook.seen for hook in pausing] == [[{1}] * (3 + seed) for seed in range(3)]
    assert blas() == {2}


def test_predictions_in_other_threads_of_a_training_are_right() -> None:
    samples = data(300)

    def train(network: Network) -> list[float]:
        trainer = Trainer(network, policy=("fixed", 1e-30), regularizer=None, batch_size=30)
        return trainer.fit(*samples, 500).loss  # with this rate no weight moves

    network = Network(LAYERS, input_shape=(20,))
    exact = network.predict(samples[0])
    wrong = 0
    with ThreadPoolExecutor(3) as pool:
        training = pool.submit(train, network)
        while not training.done():
            asked = [pool.submit(network.predict, samples[0]) for _ in range(2)]
            wrong += sum(not np.array_equal(each.result(), exact) for each in asked)
    assert wrong == 0
    assert training.result() == train(Network(LAYERS))


def test_a_second_training_has_as_many_threads_as_alone() -> None:
    pausing = Pausing()
    with fitting(pausing):
        with limited(None) as count:
            assert count == blas_threads() == 2
        pausing.go_on()


def test_a_users_limit_around_a_training_is_there_again_after_it() -> None:
    pausing = Pausing()
    with threadpool_limits(3, user_api="blas"):
        with fitting(pausing):
            assert blas() == {1}  # though another Python thread set the user's limit
            pausing.go_on()
        assert blas() == {3}
    assert blas() == {2}


def test_a_users_limit_within_a_training_holds_until_it_ends() -> None:
    pausing = Pausing()
    with fitting(pausing):
        with threadpool_limits(3, user_api="blas"):
            assert blas() == {3}
        assert blas() == {1}
        pausing.go_on()
    assert blas() == {2}


def test_a_users_limit_that_ends_in_a_training_stays_ended() -> None:
    pausing, later = Pausing(), Pausing()
    limit = threadpool_limits(3, user_api="blas")
    with fitting(pausing):
        limit.restore_original_limits()
        assert blas() == {2}  # what was there before the user's limit
        with fitting(later):
            assert blas() == {1}
            later.go_on()
        pausing.go_on()
    assert blas() == {2}


@pytest.mark.parametrize("first_ends", [True, False])
def test_a_later_training_knows_that_a_users_limit_has_ended(
    first_ends: bool,
) -> None:
    limit = threadpool_limits(3, user_api="blas")
    pausing = [Pausing(), Pausing()]
    with fitting(pausing[0]) as first:
        limit.restore_original_limits()
        with fitting(pausing[1]) as second:
            for number in (0, 1) if first_ends else (1, 0):
                pausing[number].go_on()
                (first, second)[number].result(60)
    assert blas() == {2}


def test_a_users_limit_around_an_inner_training_ends_with_it() -> None:
    outer, inner = Pausing(), Pausing()
    with fitting(outer):
        with threadpool_limits(3, user_api="blas"):
            with fitting(inner):
                assert blas() == {1}
                inner.go_on()
            assert blas() == {3}
        assert blas() == {1}
        outer.go_on()
    assert blas() == {2}


def test_a_users_limit_set_in_a_training_outlasts_it() -> None:
    pausing = Pausing()
    with fitting(pausing):
        limit = threadpool_limits(3, user_api="blas")
        pausing.go_on()
    assert blas() == {3}
    limit.restore_original_limits()


def test_libraries_that_are_imported_later_are_limited_too() -> None:
    code = (
        "from plugnet.training.threads import limited\n"
        "from threadpoolctl import threadpool_info, threadpool_limits\n"
        "with limited(2): pass\n"
        "import scipy.linalg\n"
        "threadpool_limits(2)\n"
        "for block in (limited(2), limited(2)):\n"
        "    with block: print({each['num_threads'] for each in threadpool_info()})\n"
        "    print({each['num_threads'] for each in threadpool_info()})\n"
    )
    assert printed(code) == "{1}\n{2}\n" * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_forked_in_a_training_has_the_number_before_it() -> None:
    code = (
        "import os\n"
        "from plugnet.training.threads import blas_threads, limited\n"
        "from threadpoolctl import threadpool_info, threadpool_limits\n"
        "def number(): return max(each['num_threads'] for each in threadpool_info())\n"
        "threadpool_limits(2)\n"
        "with limited(2):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        before = number()\n"
        "        with limited(None) as count: within = number()\n"
        "        os._exit(100 * before + 10 * within + count)\n"
        "    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "    print(status, number())\n"
        "print(number())\n"
    )
    assert printed(code) == "212 1\n2\n"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such signals here")
def test_an_interrupt_at_any_place_leaves_nothing_limited() -> None:
    code = (
        "import random, signal, time\n"
        "from plugnet import parallel\n"
        "from plugnet.training.threads import limited, _libraries\n"
        "from threadpoolctl import threadpool_limits\n"
        "threadpool_limits(2)\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "def use():\n"
        "    with limited(2): pass\n"
        "use()\n"
        "started = time.perf_counter()\n"
        "for _ in range(100): use()\n"
        "longest = (time.perf_counter() - started) / 100\n"
        "left = set()\n"
        "while time.perf_counter() < started + 1:\n"
        "    try:\n"
        "        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 1.3 * longest))\n"
        "        use()\n"
        # This looks for signals, as Python may forget to if a thread of BLAS has received them.
        "        while True: signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "    except KeyboardInterrupt: pass\n"
        "    left |= {parallel.num_threads(), *(library.number() for library in _libraries())}\n"
        "print(left == {None, 2})\n"
    )
    assert printed(code) == "True\n"


@pytest.fixture
def own_number(monkeypatch: pytest.MonkeyPatch) -> threading.local:
    """Have a BLAS library, such as MKL, in which every thread has a number of its own."""
    own = threading.local()

    def number() -> int:
        return getattr(own, "number", 4)

    library = threads._Library("mkl", True, number, partial(setattr, own, "number"))
    monkeypatch.setattr(threads, "_libraries", lambda: (library,))
    return own


def test_a_number_per_thread_is_limited_in_each_working_thread(
    own_number: threading.local,
) -> None:
    seen: list[int] = []
    together = threading.Barrier(2, timeout=60)

    def note() -> None:
        together.wait()
        seen.append(own_number.number)

    with ThreadPoolExecutor(1) as pool, limited(None) as count:
        parallel_call([note, note])
        assert not pool.submit(hasattr, own_number, "number").result()  # it does other work
    assert (count, seen, own_number.number) == (4, [1, 1], 4)


def test_a_number_per_thread_that_a_user_sets_stays(own_number: threading.local) -> None:
    with limited(2), limited(2):
        own_number.number = 3
    assert own_number.number == 3


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
