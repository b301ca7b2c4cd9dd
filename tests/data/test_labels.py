"""The rule for labels: each kind, each orientation, each mistake."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plugnet.arrays import Array
from plugnet.data import as_targets, read_labels, warn_one_class
from plugnet.errors import ArgumentError, DataError, DataWarning

IDS = [2, 0, 1, 2]


ORIENTATIONS = st.sampled_from([(-1,), (-1, 1), (1, -1)])
INTEGERS = st.sampled_from(["u1", "i1", ">u2", "i2", "i4", "i8", "u8"])
FLOATS = st.sampled_from(["f2", "f4", ">f8"])
SEVERAL_IDS = st.lists(st.integers(0, 100), min_size=1, max_size=6)


@given(
    st.sampled_from(["auto", "class_ids"]),
    SEVERAL_IDS,
    INTEGERS | FLOATS,
    ORIENTATIONS,
    st.integers(0, 9),
)
def test_class_ids_of_any_type_and_orientation(
    rule: str, ids: list[int], dtype: str, shape: tuple[int, ...], first: int
) -> None:
    labels = np.array(ids) + first
    found = read_labels(labels.astype(dtype).reshape(shape), len(ids), rule, first_class=first)
    assert found.dtype == np.int64
    assert found.tolist() == ids


def test_booleans_are_the_classes_0_and_1() -> None:
    assert read_labels(np.array([True, False]), 2).tolist() == [1, 0]


@given(st.sampled_from(["auto", "one_hot"]), SEVERAL_IDS, INTEGERS | FLOATS | st.just("?"))
def test_one_hot_rows_become_ids_and_stay_targets(rule: str, ids: list[int], dtype: str) -> None:
    rows = np.eye(max(ids) + 2, dtype=dtype)[ids]
    assert read_labels(rows, len(ids), rule).tolist() == ids
    assert as_targets(rows, len(ids)).tolist() == rows.tolist()


@given(SEVERAL_IDS, INTEGERS, FLOATS, ORIENTATIONS)
def test_one_integer_is_a_class_id_and_one_float_a_real_target(
    values: list[int], integer: str, floating: str, shape: tuple[int, ...]
) -> None:
    ids = as_targets(np.array(values, integer).reshape(shape), len(values))
    assert ids.dtype == np.int64
    assert ids.tolist() == values
    column = as_targets(np.array(values, floating).reshape(shape), len(values), np.float64)
    assert column.dtype == np.float64
    assert column.tolist() == [[value] for value in values]


@given(arrays(st.sampled_from(["f4", "f8"]), (3, 2), elements=st.integers(-9, 9)))
def test_other_matrices_are_targets_as_they_are(targets: Array) -> None:
    targets[1, 1] += 0.5
    found = read_labels(targets, 3)
    assert found.dtype == targets.dtype
    assert found.tolist() == targets.tolist()


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
def test_a_single_real_target_is_asked_for_by_rule(shape: tuple[int, ...]) -> None:
    values = np.array([1.5, 2, -1]).reshape(shape)
    assert read_labels(values, 3, "targets").tolist() == [[1.5], [2], [-1]]
    with pytest.raises(DataError, match=r'Row 0 is 1\.5.*pass the rule "targets"'):
        read_labels(values, 3)


def test_zeros_and_ones_are_targets_only_by_rule() -> None:
    several = np.array([[1, 0, 0], [1, 1, 0]])
    assert read_labels(several, 2, "targets").tolist() == several.tolist()
    assert read_labels(several, 2, "targets").dtype == np.float64


@pytest.mark.parametrize("bad", [[0, 0, 0], [1, 0, 1], [1, 1, 1]])
@pytest.mark.parametrize("rule", ["auto", "one_hot"])
def test_a_row_with_no_1_or_several_is_named(bad: list[int], rule: str) -> None:
    labels = np.eye(3)[IDS]
    labels[2] = bad
    with pytest.raises(DataError, match=r'Row 2 is .*one 1 and 0 elsewhere.*"targets"') as caught:
        read_labels(labels, 4, rule)
    assert caught.value.row == 2


@pytest.mark.parametrize("bad", [3.5, -1, -0.5, 2.0**31, 1e300, np.nan, np.inf])
def test_what_is_no_class_id_is_named(bad: float) -> None:
    with pytest.raises(DataError, match="Row 3 is") as caught:
        read_labels([0.0, 1, 2, bad, bad], 5)
    assert caught.value.row == 3


def test_an_id_below_the_first_class_is_named() -> None:
    with pytest.raises(DataError, match=r"Row 1 is 0.*first_class=1") as caught:
        read_labels([1, 0, 3], 3, first_class=1)
    assert caught.value.row == 1


def test_ten_may_mean_0() -> None:
    digits = [10, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert read_labels(digits, 10, ten_means_zero=True).tolist() == list(range(10))
    for bad in (0, 11):
        with pytest.raises(DataError, match=f"Row 1 is {bad}.*1 to 10"):
            read_labels([10, bad], 2, ten_means_zero=True)


def test_ids_that_seem_to_count_from_1_give_a_warning() -> None:
    with pytest.warns(DataWarning, match="1 to 3 and none is 0.*first_class=1;"):
        assert read_labels([3, 1, 2], 3).tolist() == [3, 1, 2]
    with pytest.warns(DataWarning, match="ten_means_zero=True"):
        read_labels(np.arange(1, 11), 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_labels([3, 1, 2], 3, first_class=0).tolist() == [3, 1, 2]
        assert read_labels([0, 1, 2], 3).tolist() == [0, 1, 2]
        assert read_labels([3, 1], 2).tolist() == [3, 1]


def test_what_is_about_ids_is_refused_for_other_labels() -> None:
    for labels in (np.eye(3), np.full((3, 3), 0.5)):
        for options in ({"first_class": 1}, {"ten_means_zero": True}):
            with pytest.raises(DataError, match="are about class ids"):
                read_labels(labels, 3, **options)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((5,), r"their shape is \(5,\)"),
        ((5, 1), "row per sample"),
        ((), "row per sample"),
        ((4, 0), "row per sample"),
        ((4, 2, 2), "row per sample"),
        ((10, 4), r"pass labels\.T"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_labels(np.zeros(shape), 4)


def test_the_first_axis_counts_samples_where_both_could() -> None:
    assert read_labels([[0, 0, 1]], 1).tolist() == [2]
    assert read_labels([[4]], 1).tolist() == [4]
    square = np.eye(3)[[1, 2, 0]]
    assert read_labels(square, 3).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("labels", "rule", "says"),
    [
        (np.eye(3), "class_ids", "3 per row"),
        (np.ones((3, 1)), "one_hot", "at least 2 columns"),
        (np.array(["a", "b", "c"]), "auto", "real numbers"),
        (np.ma.masked_equal([0, 1, 2], 1), "auto", "masked"),
    ],
)
def test_labels_that_break_the_rule_are_refused(labels: Any, rule: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_labels(labels, 3, rule)


def test_no_rows_are_no_labels() -> None:
    with pytest.raises(DataError, match="at least one label"):
        read_labels(np.zeros(0), 0)


@pytest.mark.parametrize(
    "options",
    [
        {"rule": "guess"},
        {"first_class": -1},
        {"first_class": True},
        {"first_class": 1.0},
        {"ten_means_zero": 1},
        {"first_class": 1, "ten_means_zero": True},
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        read_labels([0, 1], 2, **options)


def test_labels_are_never_changed() -> None:
    labels = np.array([1.0, 2.0])
    labels.flags.writeable = False
    read_labels(labels, 2, first_class=1)[0] = 7
    assert labels.tolist() == [1, 2]


def test_targets_that_fit_are_not_copied() -> None:
    held = np.eye(4, dtype=np.float32)
    assert np.shares_memory(as_targets(held, 4), held)
    assert as_targets(np.eye(4, dtype=int), 4).dtype == np.float32


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ([0, 1], "row per sample"),
        (0, "row per sample"),
        (np.zeros((3, 0)), "row per sample"),
        ([0, -1, 2], "Row 1 is -1.*floating-point"),
        ([[0], [np.nan], [np.inf]], "Row 1 is .*finite"),
        ([[0], [1e300], [0]], "Row 1 is .*finite"),
    ],
)
def test_wrong_targets_are_named(targets: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        as_targets(targets, 3)


def test_a_single_class_gives_a_warning() -> None:
    with pytest.warns(DataWarning, match="All 3 samples are of class 5"):
        warn_one_class(np.array([5, 5, 5]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for labels in (np.array([5]), np.array([5, 6]), np.zeros((3, 1)), np.zeros(0, int)):
            warn_one_class(labels)
