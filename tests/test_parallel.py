"""Work divided among threads: into which parts, that they run at once, errors, products."""

import _thread
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from plugnet import parallel
from plugnet.errors import ArgumentError
from plugnet.parallel import matmul, parallel_call, split

EACH = parallel.MULTIPLICATIONS_PER_THREAD
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("threads", "size", "multiplications", "multiple", "ends"),
    [
        (2, 64, 2 * EACH, 1, [32, 64]),
        (2, 64, 2 * EACH - 1, 1, [64]),  # not worth it
        (4, 64, 3 * EACH, 1, [21, 42, 64]),  # worth three threads
        (3, 64, 99 * EACH, 1, [21, 42, 64]),
        (3, 2, 99 * EACH, 1, [1, 2]),
        (2, 100, 99 * EACH, 16, [48, 100]),
        (8, 40, 99 * EACH, 16, [16, 32, 40]),
        (2, 1, 99 * EACH, 16, [1]),
        (2, 0, 0, 1, [0]),
        (1, 64, 99 * EACH, 1, [64]),
    ],
)
def test_work_is_divided_where_it_pays(
    threads: int, size: int, multiplications: int, multiple: int, ends: list[int]
) -> None:
    with parallel.threads(threads):
        parts = split(size, multiplications, multiple)
    assert parts == [slice(*pair) for pair in zip([0, *ends], ends, strict=False)]


def test_outside_of_threads_nothing_is_divided() -> None:
    assert parallel.num_threads() is None
    assert split(64, 99 * EACH) == [slice(0, 64)]


def test_calls_run_at_once_the_first_of_them_here() -> None:
    names: list[str] = []
    together = threading.Barrier(3, timeout=60)

    def meet() -> None:
        together.wait()
        names.append(threading.current_thread().name)

    with parallel.threads(3):
        parallel_call([meet] * 3)
    assert sorted(names) == sorted([threading.current_thread().name, "plugnet", "plugnet"])


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 9])
def test_all_calls_are_made_whatever_the_number_of_threads(threads: int | None) -> None:
    made: list[int] = []
    calls = [partial(made.append, number) for number in range(5)]
    if threads is None:
        parallel_call(calls)
        assert made == list(range(5))
        return
    with parallel.threads(threads):
        parallel_call(calls)
        parallel_call(calls[:1])
    assert sorted(made) == [0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_is_raised_when_all_calls_have_ended(failing: int) -> None:
    ended: list[int] = []
    raised = threading.Event()

    def call(number: int) -> None:
        if number == failing:
            raised.set()
            raise ZeroDivisionError(str(number))
        assert raised.wait(60)
        ended.append(number)

    with parallel.threads(3):
        with pytest.raises(ZeroDivisionError, match=str(failing)):
            parallel_call([partial(call, number) for number in range(3)])
        assert sorted(ended) == sorted({0, 1, 2} - {failing})
        parallel_call([partial(ended.append, 7)] * 2)  # the threads go on
    assert ended[2:] == [7, 7]


def test_of_several_errors_that_of_the_first_call_is_raised() -> None:
    raised = threading.Event()

    def late() -> None:
        assert raised.wait(60)
        raise ZeroDivisionError("of the first")

    def early() -> None:
        raised.set()
        raise ZeroDivisionError("of the last")

    with parallel.threads(3), pytest.raises(ZeroDivisionError, match="of the first"):
        parallel_call([int, late, early])


def test_an_interrupt_waits_for_the_calls_to_end() -> None:
    ended: list[int] = []
    waiting = threading.Event()

    def failing() -> None:
        raise ZeroDivisionError("less urgent than an interrupt")

    def long() -> None:
        assert waiting.wait(60)
        for number in range(2):
            time.sleep(0.05)  # the first call has ended, and parallel_call waits
            _thread.interrupt_main()
            ended.append(number)
        time.sleep(0.05)
        ended.append(2)

    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with parallel.threads(3), pytest.raises(KeyboardInterrupt):
            parallel_call([waiting.set, failing, long])
        assert ended == [0, 1, 2]
    finally:
        signal.signal(signal.SIGINT, found)


def test_after_a_failed_start_the_next_call_starts_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with parallel.threads(2):
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            with pytest.raises(RuntimeError, match="start"):
                parallel_call([partial(made.append, 1)] * 2)
        parallel_call([partial(made.append, 2)] * 2)
    assert made == [2, 2]


def test_a_block_left_in_another_context_lets_its_threads_go() -> None:
    before = set(threading.enumerate())

    def generate() -> Iterator[None]:
        with parallel.threads(2):
            parallel_call([int, int])
            yield

    generator = generate()
    contextvars.copy_context().run(next, generator)
    assert next(generator, "left") == "left"
    assert parallel.num_threads() is None
    assert set(threading.enumerate()) <= before


def test_what_a_call_held_is_let_go() -> None:
    big = np.empty(10)
    held = weakref.ref(big)
    with parallel.threads(2):
        parallel_call([partial(np.add, big, 1, out=array) for array in (big, big[:])])
        del big
        assert held() is None
        failing = np.empty(10)
        held = weakref.ref(failing)
        with pytest.raises(ValueError, match="broadcast"):
            parallel_call([partial(np.add, failing, array) for array in (failing, np.empty(9))])
        del failing
        gc.collect()  # an error's frames know it
        assert held() is None


def test_a_context_copied_within_has_one_thread_afterwards() -> None:
    made: list[int] = []
    with parallel.threads(2):
        parallel_call([partial(made.append, number) for number in range(2)])
        copied = contextvars.copy_context()
    copied.run(parallel_call, [partial(made.append, number) for number in range(2, 4)])
    assert sorted(made) == [0, 1, 2, 3]
    assert copied.run(parallel.num_threads) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_divides_nothing() -> None:
    code = (
        "import os; from plugnet import parallel\n"
        "with parallel.threads(2):\n"
        "    parallel.parallel_call([int, int])\n"
        "    child = os.fork()\n"
        "    number = parallel.num_threads()\n"
        "    parallel.parallel_call([int, int])\n"
        "if child == 0: os._exit(7 if number is None else 8)\n"
        "print(number, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    words = [sys.executable, "-c", code]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert result.stdout == "2 7\n"


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True])
def test_other_numbers_of_threads_are_refused(wrong: Any) -> None:
    with (
        pytest.raises(ArgumentError, match="'count' must be an integer at least 1"),
        parallel.threads(wrong),
    ):
        pass


def test_what_a_call_divides_stays_whole() -> None:
    seen: list[int] = []
    with parallel.threads(2):
        parallel_call([lambda: seen.append(len(split(64, 99 * EACH)))] * 2)
        assert len(split(64, 99 * EACH)) == 2
    assert seen == [1, 1]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(1, 5, 1), (40, 30, 200), (300, 7, 33), (3, 100, 16), (17, 4, 2)]
)
def test_divided_products_are_right(
    monkeypatch: pytest.MonkeyPatch, count: int, dtype: str, rows: int, inner: int, columns: int
) -> None:
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 1)
    a, b = RNG.normal(size=(rows, inner)), RNG.normal(size=(inner, columns))
    exact = a @ b
    a, b = a.astype(dtype), b.astype(dtype)
    within = 1e-5 if dtype == "float32" else 1e-13
    out = np.empty((rows, columns), dtype)
    with parallel.threads(count):
        assert matmul(a, b, out) is out
        new = matmul(a, b)
        turned = matmul(np.asfortranarray(a), np.asfortranarray(b))  # as x^T and W^T are
    for found in (out, new, turned):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=0, atol=within * inner)


def test_only_large_products_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 32 * 8 * 16)
    a, b = np.ones((32, 8)), np.ones((8, 32))
    parts: list[int] = []

    def note(calls: Sequence[parallel.Call]) -> None:
        parts.append(len(calls))

    monkeypatch.setattr(parallel, "parallel_call", note)
    with parallel.threads(2):
        matmul(a, b[:, :-1])
        assert parts == []
        matmul(a, b)
    matmul(a, b)
    assert parts == [2]


def test_an_error_in_a_part_is_raised_and_overflow_is_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "MULTIPLICATIONS_PER_THREAD", 1)
    with parallel.threads(2):
        with pytest.raises(ValueError, match="mismatch"):
            matmul(np.ones((40, 3)), np.ones((4, 40)))
        large = np.full((40, 40), 1e200)
        with np.errstate(all="ignore"):
            assert np.isinf(matmul(large, large)).all()
