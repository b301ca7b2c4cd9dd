"""Which whole numbers are classes, on both sides of each bound."""

import numpy as np
import pytest

from plugnet.data.label_kinds import classes_of
from plugnet.errors import DataError


@pytest.mark.parametrize(
    ("numbers", "classes"),
    [
        ([2, 0, 1, 1], (0, 1, 2)),
        ([3, 1, 2], (1, 2, 3)),
        ([7], (7,)),
        ([1, -1, 1, -1], (-1, 1)),
        ([10, 50, 20, 10, 20, 50], (10, 20, 50)),
        (list(range(50)), tuple(range(50))),
        (list(range(600)) * 2, tuple(range(600))),
        ([*range(0, 100, 2)] * 2, tuple(range(0, 100, 2))),
        ([-(2**63), 2**63 - 1] * 2, (-(2**63), 2**63 - 1)),
    ],
)
def test_numbers_without_gaps_or_few_that_repeat_are_classes(
    numbers: list[int], classes: tuple[int, ...]
) -> None:
    found = classes_of(np.array(numbers))
    assert found == classes
    assert {type(each) for each in found} == {int}


@pytest.mark.parametrize(
    ("numbers", "count"),
    [
        ([1, 3, 1], 2),
        ([-1, 1], 2),
        ([10, 20, 30, 40, 10], 4),
        ([-(2**63), 2**63 - 1], 2),
    ],
)
def test_other_numbers_ask_what_they_are(numbers: list[int], count: int) -> None:
    with pytest.raises(DataError, match=rf"^prices has {count} different whole numbers.*targets"):
        classes_of(np.array(numbers), "prices")


@pytest.mark.parametrize(
    "numbers", [[*range(0, 102, 2)] * 9, list(range(51)), [1, *range(3, 70)]], ids=len
)
def test_many_numbers_with_gaps_or_that_hardly_recur_are_real(numbers: list[int]) -> None:
    assert classes_of(np.array(numbers)) == ()
