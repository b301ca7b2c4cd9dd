"""Holding out: how many, of which classes, and that the draw is the seed's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugnet.data import hold_out


@given(
    st.lists(st.integers(-2, 5), min_size=1, max_size=60),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 9),
)
def test_each_row_is_in_one_part_and_each_class_is_trained(
    labels: list[int], fraction: float, seed: int
) -> None:
    y = np.array(labels)
    train, test = hold_out(y, fraction, seed)
    assert sorted([*train, *test]) == list(range(len(y)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()
    assert set(y[train]) == set(labels)
    assert len(test) == min(round(len(y) * fraction), len(y) - len(set(labels)))


@pytest.mark.parametrize(
    ("counts", "fraction", "held"),
    [
        ([50, 50, 50], 0.2, [10, 10, 10]),
        ([990, 10], 0.2, [198, 2]),
        ([5, 3, 2], 0.5, [3, 1, 1]),  # exactly 2.5, 1.5 and 1: the first gets the one left
        ([7, 2, 1], 0.25, [2, 0, 0]),  # exactly 1.75, 0.5 and 0.25; round(2.5) is 2
        ([1, 1, 8], 0.5, [0, 0, 5]),  # a class of one sample keeps it
        ([1, 1], 0.9, [0, 0]),
        ([4, 4], 0.99, [3, 3]),
    ],
)
def test_classes_give_their_shares(counts: list[int], fraction: float, held: list[int]) -> None:
    names = np.repeat([f"class {i}" for i in range(len(counts))], counts)
    y = np.random.default_rng(0).permutation(names)
    _, test = hold_out(y, fraction, seed=1)
    assert [int((y[test] == name).sum()) for name in dict.fromkeys(names)] == held


def test_real_targets_are_drawn_from_as_a_whole() -> None:
    train, test = hold_out(np.linspace(0, 1, 20).reshape(10, 2), 0.3, seed=0)
    assert (len(train), len(test)) == (7, 3)
    train, test = hold_out(np.zeros((3, 1)), 0.99, seed=0)
    assert (len(train), len(test)) == (1, 2)


def test_the_seed_decides_the_draw() -> None:
    y = np.arange(1000) % 3
    one, same, other = (hold_out(y, 0.2, seed)[1].tolist() for seed in (0, 0, 1))
    assert one == same != other
    assert [y[one].tolist().count(i) for i in range(3)] == [67, 67, 66]


def test_many_classes_of_one_sample_are_no_slow_case() -> None:
    y = np.concatenate([np.zeros(100_000, int), np.arange(1, 100_001)])
    _, test = hold_out(y, 0.4, seed=0)
    assert len(test) == 80_000
    assert (y[test] == 0).all()
