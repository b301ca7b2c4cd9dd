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
    assert found.values.dtype == np.int64
    assert found.values.tolist() == labels.tolist()
    assert found.classes == tuple(range(first, max(labels) + 1))


@pytest.mark.parametrize(
    ("ids", "classes"),
    [
        ([3, 1, 2], (1, 2, 3)),
        ([-1, 1, 1, -1], (-1, 1)),
        ([4.0, 4.0], (4,)),
        ([50, 10, 20, 10, 20, 50], (10, 20, 50)),
    ],
)
def test_class_ids_keep_their_numbers(ids: list[float], classes: tuple[int, ...]) -> None:
    for rule in ("auto", "class_ids"):
        found = read_labels(ids, len(ids), rule)
        assert found.values.tolist() == ids
        assert found.classes == classes
        assert [type(each) for each in found.classes] == [int] * len(classes)


def test_numbers_that_may_be_real_values_ask_for_a_rule() -> None:
    prices = [210_000, 180_500, 99_000]
    with pytest.raises(DataError, match=r'labels="targets".*\["npz", \{labels = "targets"\}\]'):
        read_labels(prices, 3)
    assert read_labels(prices, 3, "class_ids").classes == (99_000, 180_500, 210_000)
    assert read_labels(prices, 3, "targets").values.tolist() == [[210_000], [180_500], [99_000]]


def test_booleans_are_the_classes_0_and_1() -> None:
    found = read_labels(np.array([True, True]), 2)
    assert found.values.tolist() == [1, 1]
    assert found.classes == (0, 1)


@pytest.mark.parametrize(
    "names",
    [["dog", "cat ", "dog"], np.array([[b"dog"], [b"cat"], [b"dog"]])],
    ids=["str", "bytes"],
)
def test_strings_name_classes(names: Any) -> None:
    for rule in ("auto", "class_ids"):
        found = read_labels(names, 3, rule)
        assert found.values.dtype.kind == "U"
        assert found.values.tolist() == ["dog", "cat", "dog"]
        assert found.classes == ("cat", "dog")


def test_an_empty_string_is_no_class() -> None:
    with pytest.raises(DataError, match=r"Row 1 is  , but a label must not be empty") as caught:
        read_labels(["a", " ", "b"], 3)
    assert caught.value.row == 1


@pytest.mark.parametrize("options", [{"rule": "targets"}, {"rule": "one_hot"}, {"first_class": 0}])
def test_strings_fit_no_rule_about_numbers(options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="strings name classes"):
        read_labels(["a", "b"], 2, **options)


@given(st.sampled_from(["auto", "one_hot"]), SEVERAL_IDS, INTEGERS | FLOATS | st.just("?"))
def test_one_hot_rows_become_ids_and_stay_targets(rule: str, ids: list[int], dtype: str) -> None:
    rows = np.eye(max(ids) + 2, dtype=dtype)[ids]
    found = read_labels(rows, len(ids), rule)
    assert found.values.tolist() == ids
    assert found.classes == tuple(range(max(ids) + 2))
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
    assert found.values.dtype == targets.dtype
    assert found.values.tolist() == targets.tolist()
    assert found.classes == ()


@pytest.mark.parametrize("rule", ["auto", "targets"])
@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
def test_a_single_value_that_is_not_whole_is_a_real_target(
    rule: str, shape: tuple[int, ...]
) -> None:
    found = read_labels(np.array([1.5, 2, -1]).reshape(shape), 3, rule)
    assert found.values.tolist() == [[1.5], [2], [-1]]
    assert found.classes == ()


def test_zeros_and_ones_are_targets_only_by_rule() -> None:
    several = np.array([[1, 0, 0], [1, 1, 0]])
    found = read_labels(several, 2, "targets").values
    assert found.tolist() == several.tolist()
    assert found.dtype == np.float64


@pytest.mark.parametrize("bad", [[0, 0, 0], [1, 0, 1], [1, 1, 1]])
@pytest.mark.parametrize("rule", ["auto", "one_hot"])
def test_a_row_with_no_1_or_several_is_named(bad: list[int], rule: str) -> None:
    labels = np.eye(3)[IDS]
    labels[2] = bad
    with pytest.raises(DataError, match=r'Row 2 is .*one 1 and 0 elsewhere.*"targets"') as caught:
        read_labels(labels, 4, rule)
    assert caught.value.row == 2


@pytest.mark.parametrize("bad", [3.5, -0.5, 2.0**53, 1e300, np.nan, np.inf])
def test_what_is_no_class_id_is_named(bad: float) -> None:
    with pytest.raises(DataError, match="Row 3 is") as caught:
        read_labels([0.0, 1, 2, bad, bad], 5, "class_ids")
    assert caught.value.row == 3
    with pytest.raises(DataError, match="Row 0 is 18446744073709551615"):
        read_labels(np.array([2**64 - 1], np.uint64), 1, "class_ids")


def test_the_first_class_is_the_smallest_and_absent_ones_count() -> None:
    assert read_labels([1, 4], 2, first_class=0).classes == (0, 1, 2, 3, 4)
    assert read_labels([-2, 0], 2, first_class=-2).classes == (-2, -1, 0)
    with pytest.raises(DataError, match=r"Row 1 is 0.*first_class=1") as caught:
        read_labels([1, 0, 3], 3, first_class=1)
    assert caught.value.row == 1


def test_a_wild_id_makes_no_thousands_of_classes() -> None:
    with pytest.raises(DataError, match=r"Row 1 is 2147483648, which makes 2147483649") as caught:
        read_labels([0, 2**31, 1], 3, first_class=0)
    assert caught.value.row == 1
    assert len(read_labels([9_999, 0], 2, first_class=0).classes) == 10_000


def test_ten_may_mean_0() -> None:
    found = read_labels([10, 1, 2, 3, 9], 5, ten_means_zero=True)
    assert found.values.tolist() == [0, 1, 2, 3, 9]
    assert found.classes == tuple(range(10))
    for bad in (0, 11):
        with pytest.raises(DataError, match=f"Row 1 is {bad}.*1 to 10"):
            read_labels([10, bad], 2, ten_means_zero=True)


def test_what_is_about_ids_is_refused_for_other_labels() -> None:
    for labels in (np.eye(3), np.full((3, 3), 0.5)):
        for options in ({"first_class": 0}, {"ten_means_zero": True}):
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
    assert read_labels([[0, 0, 1]], 1).values.tolist() == [2]
    assert read_labels([[4]], 1).values.tolist() == [4]
    square = np.eye(3)[[1, 2, 0]]
    assert read_labels(square, 3).values.tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("labels", "rule", "says"),
    [
        (np.eye(3), "class_ids", "3 per row"),
        (np.ones((3, 1)), "one_hot", "at least 2 columns"),
        (np.array([1j, 2, 3]), "auto", "real numbers"),
        (np.array([["a", "b"]] * 3), "auto", "one per sample"),
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
    read_labels(labels, 2, first_class=1).values[0] = 7
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
    with pytest.warns(DataWarning, match="All 2 samples are of class cat"):
        warn_one_class(np.array(["cat", "cat"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for labels in (
            np.array([5]),
            np.array([5, 6]),
            np.array(["a", "b"]),
            np.zeros((3, 1)),
            np.zeros(0, int),
        ):
            warn_one_class(labels)


def test_a_target_too_large_for_the_dtype_is_shown_as_it_was_given() -> None:
    with pytest.raises(DataError, match=r"Row 1 is \[-1.e\+39\], but .* finite in float32"):
        as_targets([1.0, -1e39], 2)
    assert as_targets([1.0, -1e39], 2, np.float64)[1] == -1e39
