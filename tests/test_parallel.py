"""Work divided among threads: how it is divided, that it runs at once, errors, products."""

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
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from plugnet import parallel
from plugnet.arrays import Array
from plugnet.errors import ArgumentError
from plugnet.parallel import divide, multiply, run

PART = parallel.PART
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("threads", "size", "work", "unit", "ends"),
    [
        (2, 64, 2 * PART, 1, [32, 64]),
        (2, 64, 2 * PART - 1, 1, [64]),  # not worth it
        (4, 64, 3 * PART, 1, [21, 42, 64]),  # worth three threads
        (3, 64, 99 * PART, 1, [21, 42, 64]),
        (3, 2, 99 * PART, 1, [1, 2]),
        (2, 100, 99 * PART, 16, [48, 100]),
        (8, 40, 99 * PART, 16, [16, 32, 40]),
        (2, 1, 99 * PART, 16, [1]),
        (2, 0, 0, 1, [0]),
        (1, 64, 99 * PART, 1, [64]),
    ],
)
def test_work_is_divided_where_it_pays(
    threads: int, size: int, work: int, unit: int, ends: list[int]
) -> None:
    with parallel.threads(threads):
        parts = divide(size, work, unit)
    assert parts == [slice(*pair) for pair in zip([0, *ends], ends, strict=False)]


def test_outside_of_threads_nothing_is_divided() -> None:
    assert parallel.current() is None
    assert divide(64, 99 * PART) == [slice(0, 64)]


def test_calls_run_at_once_the_first_of_them_here() -> None:
    names: list[str] = []
    together = threading.Barrier(3, timeout=60)

    def meet() -> None:
        together.wait()
        names.append(threading.current_thread().name)

    with parallel.threads(3):
        run([meet] * 3)
    assert sorted(names) == sorted([threading.current_thread().name, "plugnet", "plugnet"])


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 9])
def test_all_calls_are_made_whatever_the_number_of_threads(threads: int | None) -> None:
    made: list[int] = []
    calls = [partial(made.append, number) for number in range(5)]
    if threads is None:
        run(calls)
        assert made == list(range(5))
        return
    with parallel.threads(threads):
        run(calls)
        run(calls[:1])
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
            run([partial(call, number) for number in range(3)])
        assert sorted(ended) == sorted({0, 1, 2} - {failing})
        run([partial(ended.append, 7)] * 2)  # the threads go on
    assert ended[2:] == [7, 7]


def test_an_interrupt_waits_for_the_calls_to_end() -> None:
    ended: list[int] = []
    waiting = threading.Event()

    def interrupted() -> None:
        waiting.set()

    def long() -> None:
        assert waiting.wait(60)
        time.sleep(0.05)  # the first call has ended, and run waits
        _thread.interrupt_main()
        time.sleep(0.05)
        ended.append(1)

    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with parallel.threads(2), pytest.raises(KeyboardInterrupt):
            run([interrupted, long])
        assert ended == [1]
    finally:
        signal.signal(signal.SIGINT, found)


def test_a_thread_that_cannot_start_is_an_error_and_the_next_call_starts_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with parallel.threads(2):
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            with pytest.raises(RuntimeError, match="start"):
                run([partial(made.append, 1)] * 2)
        run([partial(made.append, 2)] * 2)
    assert made == [2, 2]


def test_a_block_left_in_another_context_lets_its_threads_go() -> None:
    before = set(threading.enumerate())

    def generate() -> Iterator[None]:
        with parallel.threads(2):
            run([int, int])
            yield

    generator = generate()
    contextvars.copy_context().run(next, generator)
    with pytest.raises(ValueError, match="different Context"):
        next(generator)
    assert set(threading.enumerate()) <= before


def test_what_a_call_held_is_let_go() -> None:
    big = np.empty(10)
    held = weakref.ref(big)
    with parallel.threads(2):
        run([partial(np.add, big, 1, out=array) for array in (big, big[:])])
        del big
        assert held() is None
        failing = np.empty(10)
        held = weakref.ref(failing)
        with pytest.raises(ValueError, match="broadcast"):
            run([partial(np.add, failing, array) for array in (failing, np.empty(9))])
        del failing
        gc.collect()  # an error's frames know it
        assert held() is None


def test_a_context_copied_within_has_one_thread_afterwards() -> None:
    made: list[int] = []
    with parallel.threads(2):
        run([partial(made.append, number) for number in range(2)])
        copied = contextvars.copy_context()
    copied.run(run, [partial(made.append, number) for number in range(2, 4)])
    assert sorted(made) == [0, 1, 2, 3]
    assert copied.run(parallel.current) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_divides_nothing() -> None:
    code = (
        "import os; from plugnet import parallel\n"
        "with parallel.threads(2):\n"
        "    parallel.run([int, int])\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        parallel.run([int, int])\n"
        "        os._exit(7 if parallel.current() is None else 8)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    words = [sys.executable, "-c", code]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert result.stdout == "7\n"


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
        run([lambda: seen.append(len(divide(64, 99 * PART)))] * 2)
        assert len(divide(64, 99 * PART)) == 2
    assert seen == [1, 1]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(1, 5, 1), (40, 30, 200), (300, 7, 33), (3, 100, 16), (17, 4, 2)]
)
def test_divided_products_are_right(
    monkeypatch: pytest.MonkeyPatch, count: int, dtype: str, rows: int, inner: int, columns: int
) -> None:
    monkeypatch.setattr(parallel, "PART", 1)
    a, b = RNG.normal(size=(rows, inner)), RNG.normal(size=(inner, columns))
    exact = a @ b
    a, b = a.astype(dtype), b.astype(dtype)
    within = 1e-5 if dtype == "float32" else 1e-13
    out = np.empty((rows, columns), dtype)
    with parallel.threads(count):
        assert multiply(a, b, out) is out
        new = multiply(a, b)
        turned = multiply(np.asfortranarray(a), np.asfortranarray(b))  # as x^T and W^T are
    for found in (out, new, turned):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=0, atol=within * inner)


def test_only_large_products_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PART", 32 * 8 * 16)
    a, b = np.ones((32, 8)), np.ones((8, 32))
    used: list[int] = []

    def note(a: Array, b: Array, out: Array) -> None:
        used.append(out.size)

    monkeypatch.setattr(parallel, "_product", note)
    with parallel.threads(2):
        multiply(a, b[:, :-1])
        assert used == []
        multiply(a, b)
    multiply(a, b)
    assert used == [512, 512]


def test_an_error_in_a_part_is_raised_and_overflow_is_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "PART", 1)
    with parallel.threads(2):
        with pytest.raises(ValueError, match="mismatch"):
            multiply(np.ones((40, 3)), np.ones((4, 40)))
        large = np.full((40, 40), 1e200)
        with np.errstate(all="ignore"):
            assert np.isinf(multiply(large, large)).all()
