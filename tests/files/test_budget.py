"""How much memory a file may take: counting, and who sets the limit."""

from __future__ import annotations

import threading

import pytest

from plugnet.errors import ArgumentError, BudgetError, FileFormatError
from plugnet.files import budget
from plugnet.files.budget import LEAST, RATIO, Budget


@pytest.fixture(autouse=True)
def _nothing_set_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(budget.VARIABLE, raising=False)


def test_a_small_file_may_take_the_least_and_a_large_one_its_size_times_the_ratio() -> None:
    assert Budget("a", 1).limit == LEAST
    assert Budget("a", LEAST).limit == RATIO * LEAST


def test_the_limit_grows_with_a_stream() -> None:
    counted = Budget("-", 0)
    counted.size += LEAST
    assert counted.limit == RATIO * LEAST


def test_an_argument_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.VARIABLE, "500")
    assert Budget("a", 10**9).limit == 500
    assert Budget("a", 10**9, 7).limit == 7
    assert Budget("a", 1, 0).limit == 0


@pytest.mark.parametrize("text", ["much", "-1", "1e9", "64 MB"])
def test_an_environment_that_sets_no_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(budget.VARIABLE, text)
    with pytest.raises(ArgumentError, match=budget.VARIABLE):
        Budget("a", 1)


@pytest.mark.parametrize("limit", [-1, 1.5, "9", True])
def test_a_limit_that_is_no_size_is_refused(limit: int) -> None:
    with pytest.raises(ArgumentError, match="budget"):
        Budget("a", 1, limit)


def test_what_is_spent_adds_up_and_what_is_checked_does_not() -> None:
    counted = Budget("a", 1, 10)
    counted.check(10, "'x'")
    counted.spend(6, "'x'")
    counted.spend(4, "'y'")
    counted.spend(0, "'z'")
    for use in (counted.check, counted.spend):
        with pytest.raises(BudgetError):
            use(1, "'z'")
    assert counted.spent == 10
    counted.renewed().spend(10, "'z'")


def test_the_error_says_how_to_allow_more() -> None:
    with pytest.raises(FileFormatError, match=r"budget=16 .*PLUGNET_BUDGET=16\.") as caught:
        Budget("a", 1, 10).spend(11, "'x'")
    assert isinstance(caught.value, BudgetError)
    assert (caught.value.path, caught.value.needed, caught.value.limit) == ("a", 11, 10)


def test_only_what_is_done_while_a_file_is_loaded_counts() -> None:
    counted = Budget("a", 1, 10)
    budget.spend(11, "'x'")
    with budget.loading(counted):
        budget.spend(6, "'x'")
        with budget.loading(counted.renewed()):
            budget.spend(10, "'y'")
        budget.check(4, "'z'")
        with pytest.raises(BudgetError):
            budget.spend(5, "'z'")
    budget.spend(11, "'x'")
    assert counted.spent == 6


def test_other_threads_do_not_count() -> None:
    counted = Budget("a", 1, 10)
    with budget.loading(counted):
        other = threading.Thread(target=budget.spend, args=(6, "'x'"))
        other.start()
        other.join()
    assert counted.spent == 0
