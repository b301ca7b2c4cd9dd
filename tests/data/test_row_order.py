"""What the indices of pandas say about rows that are to go together."""

from typing import Any

import numpy as np
import pytest

from plugnet.data.frames import check_aligned
from plugnet.errors import DataError

pd = pytest.importorskip("pandas")


def series(index: Any) -> Any:
    return pd.Series(np.arange(len(index)), index=index)


LEVELS = pd.MultiIndex.from_tuples([("a", 0), ("a", 1), ("b", 0)])
DAYS = pd.date_range("2026-11-29", periods=3)


@pytest.mark.parametrize(
    ("index", "other"),
    [
        ([4, 5, 6], [0, 1, 2]),
        ([0, 1, 2], [0.0, 1.0, 2.0]),
        (DAYS, [0, 1, 2]),
        (["0", "1", "2"], [0, 1, 2]),
        (LEVELS, [0, 1, 2]),
        (LEVELS, LEVELS),
        ([0, 0, 1], [0, 0, 1]),
        (pd.Index([[0], [1], [2]], dtype=object), [0, 1, 2]),
        ([0, 1, 2], [0, 1, 3, 4]),  # whose lengths are compared elsewhere
    ],
    ids=str,
)
def test_equal_indices_and_those_that_share_no_row_go_by_position(index: Any, other: Any) -> None:
    check_aligned(series(index), series(other))
    check_aligned(series(other).to_frame(), series(index), series(index))


@pytest.mark.parametrize(
    ("index", "other"),
    [
        ([0, 1, 2], [2, 0, 1]),
        (LEVELS, LEVELS[::-1]),
        ([0, 0, 1], [0, 1, 0]),
        ([0, None, 1], [None, 0, 1]),
        (DAYS, DAYS[::-1]),
    ],
    ids=str,
)
def test_the_same_rows_in_another_order_are_refused(index: Any, other: Any) -> None:
    advice = r"Write y.loc\[x.index\]; or, " if len(set(index)) == 3 else "Sort both; or, "
    words = f"the same rows in different orders. {advice}.*y.to_numpy"
    with pytest.raises(DataError, match=words):
        check_aligned(series(index), series(other))


@pytest.mark.parametrize(
    ("index", "other"),
    [
        ([0, 1, 2], [1, 2, 3]),
        ([0, 1, 0, 1], [0, 1, 2, 3]),  # two tables below each other, and rows counted anew
        ([0, 0, 1], [0, 1, 1]),
        (LEVELS, LEVELS.set_levels(["a", "c"], level=0)),
        (DAYS, DAYS + pd.Timedelta(days=1)),
    ],
    ids=str,
)
def test_rows_that_are_only_partly_the_same_are_refused(index: Any, other: Any) -> None:
    words = "share some rows, but not all. Take x and y from one table; or write, .*y.to_numpy"
    with pytest.raises(DataError, match=words):
        check_aligned(series(index), series(other))


def test_labels_and_weights_are_compared_too() -> None:
    x, y = np.zeros((3, 2)), series([0, 1, 2])
    with pytest.raises(DataError, match=r"Labels and weights must .* weights.loc\[y.index\]"):
        check_aligned(x, y, y[::-1])
