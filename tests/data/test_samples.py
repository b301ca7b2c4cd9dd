"""as_samples: what is taken as it is, what is converted, and what is refused."""

import inspect
import re
import tracemalloc
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from plugnet import Network, Trainer, registry
from plugnet.data import as_samples, check_rows
from plugnet.data.frames import as_inputs
from plugnet.data.samples import blocks_of
from plugnet.errors import DataError, DataWarning


def test_a_fitting_array_comes_back_itself() -> None:
    for dtype in (np.float32, np.float64):
        x = np.random.default_rng(0).random((4, 3, 3, 2)).astype(dtype)
        x.flags.writeable = False
        assert as_samples(x, dtype) is x


@pytest.mark.parametrize(
    ("features", "rows"), [(1, 1 << 18), (1000, 262), (20_000, 16), (1 << 20, 4), (1 << 23, 1)]
)
def test_a_layer_learns_from_blocks_of_many_rows_in_little_memory(features: int, rows: int) -> None:
    samples = np.broadcast_to(np.float32(1), (rows + 1, features))
    assert [len(block) for block in blocks_of(samples, False)] == [rows, 1]


NUMBERS: list[list[Any]] = [[1, 2.5], [Decimal("0.25"), Fraction(1, 4)], [np.True_, False]]


def test_objects_that_are_numbers_are_taken_in_arrays_as_in_columns() -> None:
    found = as_samples(np.array(NUMBERS, object), np.float64)
    np.testing.assert_array_equal(found, [[1, 2.5], [0.25, 0.25], [1, 0]], strict=False)
    for table in (NUMBERS, {"a": [r[0] for r in NUMBERS], "b": [r[1] for r in NUMBERS]}):
        np.testing.assert_array_equal(as_samples(as_inputs(table), np.float64), found)
    missing = as_samples(np.array([[1, None], [2, 3]], object), allow_missing=True)
    np.testing.assert_array_equal(missing, [[1, np.nan], [2, 3]])


@pytest.mark.parametrize(
    ("value", "what"),
    [("3", "'3', a str"), ([], "[], a list"), (2j, "2j, a complex"), (None, "nan (as float32)")],
)
def test_an_object_that_is_no_number_is_named_with_its_place(value: object, what: str) -> None:
    objects = np.array([[1, 2], [3, 0]], object)
    objects[1, 1] = value
    with pytest.raises(DataError, match=re.escape(f"samples[1, 1] is {what}")) as caught:
        as_samples(objects)
    assert caught.value.row == 1


def test_text_beside_numbers_in_a_list_is_named_with_its_place() -> None:
    for table in ([[1.5, 2.5], [3.5, "4.5"]], np.array([["a", "b"], ["c", "d"]])):
        with pytest.raises(DataError, match=r"samples\[., .\] is '(4.5|a)', a str"):
            as_samples(table)


def test_a_memory_map_is_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(5, 2, dtype=np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(as_samples(mapped), mapped)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "?", "f2", ">f4"])
def test_numbers_that_the_type_holds_exactly_stay_as_they_are(dtype: str) -> None:
    x = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    assert as_samples(x) is x
    wide = as_samples(x.T)
    assert wide.dtype == dtype
    assert wide.flags.c_contiguous


@pytest.mark.parametrize("dtype", ["u4", "i8", "f8", ">i4", ">f8"])
def test_numbers_of_other_types_are_converted(dtype: str) -> None:
    x = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    found = as_samples(x)
    assert found.dtype == np.float32
    assert found.dtype.isnative
    assert found.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert as_samples(np.array([[0.5], [1]], np.float32), np.float64).dtype == np.float32


def test_any_layout_becomes_contiguous_and_the_input_stays() -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for layout in (
        np.asfortranarray(x),
        np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2],
        x[::-1][::-1],
        x.view(np.matrix),
        x.tolist(),
    ):
        found = as_samples(layout)
        assert type(found) is np.ndarray
        assert found.flags.c_contiguous
        assert found.tolist() == x.tolist()
    assert as_samples(np.broadcast_to(x[0], (2, 4))).tolist() == [x[0].tolist()] * 2


def test_torch_tensors_are_taken() -> None:
    torch = pytest.importorskip("torch")
    assert as_samples(torch.eye(2)).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(DataError, match="cannot be turned into an array"):
        as_samples(torch.ones(2, 3, requires_grad=True))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.ma.masked_equal([[1.0, 2.0]], 2.0), "masked"),
        (np.array([["1", "2"]]), "real numbers"),
        (np.array([[1j]]), "real numbers"),
        (np.array([[object()]]), "real numbers"),
        (None, "real numbers"),
        ([[1.0], [2.0, 3.0]], "cannot be turned into an array"),
        (np.zeros(3), r"shape is \(3,\)"),
        (np.float32(3), r"shape is \(\)"),
        (np.zeros((0, 3)), "at least one sample"),
        (np.zeros((3, 0)), "one feature"),
    ],
)
def test_what_is_no_set_of_samples_is_refused(values: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        as_samples(values)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 77_777])
def test_the_first_value_that_is_not_finite_is_named(bad: float, row: int) -> None:
    x = np.zeros((80_000, 2, 3), np.float32)
    x[row, 1, 2] = x[-1] = bad
    with pytest.raises(DataError, match=rf"pixels\[{row}, 1, 2\] is {bad}") as caught:
        as_samples(x, name="pixels")
    assert caught.value.row == row


def test_what_is_too_large_for_the_type_is_refused_by_its_place() -> None:
    with pytest.raises(DataError, match=r"samples\[1, 0\] is inf \(as float32\)"):
        as_samples(np.array([[1.0], [1e300]]))


def test_unscaled_samples_give_a_warning() -> None:
    for sign in (-1, 1):
        with pytest.warns(DataWarning, match=r"magnitude of 255.*\('rescale', 255\).*x / 255"):
            as_samples(sign * np.array([[[0], [255]]]), scale=1.0)
    as_samples(np.array([[50.0, -50.0]]), scale=1.0)
    as_samples(np.array([[0, 255]]))


def test_samples_that_are_all_the_same_constant_give_a_warning() -> None:
    with pytest.warns(DataWarning, match=r"All values of pixels are 0\.5"):
        as_samples(np.full((2, 3), 0.5), name="pixels")
    as_samples(np.full((1, 3), 0.5))
    as_samples(np.full((2, 3), [0, 1, 1]))


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_conversion_makes_one_array(order: Literal["C", "F"]) -> None:
    x = np.ones((2000, 784), order=order)
    x[0, 0] = 0
    tracemalloc.start()
    found = as_samples(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.flags.c_contiguous
    assert peak < 1.1 * found.nbytes


def test_an_array_that_is_not_aligned_is_copied_once() -> None:
    x = np.frombuffer(bytes(range(1, 50)), np.int16, 24, offset=1).reshape(8, 3)
    assert not x.flags.aligned
    found = as_samples(x)
    assert found.flags.aligned
    np.testing.assert_array_equal(found, x)


def test_the_check_makes_no_array_as_large_as_the_samples() -> None:
    x = np.eye(2000, 784, dtype=np.float32)
    as_samples(x)
    tracemalloc.start()
    as_samples(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 50


def test_samples_and_labels_must_be_as_many() -> None:
    check_rows(np.zeros((2, 1)), np.zeros(2))
    with pytest.raises(DataError, match="3 samples and 2 labels"):
        check_rows(np.zeros((3, 1)), np.zeros(2))
    with pytest.raises(DataError, match="at least one"):
        check_rows(np.zeros((0, 1)), np.zeros(0))
    with pytest.raises(DataError, match="2 samples and 0 labels"):
        check_rows(np.zeros((2, 1)), np.array(1))


@pytest.mark.parametrize("dtype", ["u1", "?", "f2", "u4", "i8", "u8", "f8", ">f8"])
def test_without_a_dtype_numbers_stay_as_they_are_stored(dtype: str) -> None:
    x = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    assert as_samples(x, None) is x
    assert as_samples(np.array([[1.6e9 + 0.25]]), None).tolist() == [[1600000000.25]]


@pytest.mark.skipif(np.dtype(np.longdouble) == np.float64, reason="there is no longer type")
def test_without_a_dtype_longer_floats_become_float64() -> None:
    assert as_samples(np.ones((2, 2), np.longdouble) * [1, 2], None).dtype == np.float64


def test_missing_values_are_taken_only_where_allowed() -> None:
    x = np.array([[1.0, np.nan], [np.nan, 2.0]])
    assert as_samples(x, None, allow_missing=True) is x
    with pytest.raises(DataError, match=r"samples\[0, 1\] is nan.*'standardize'"):
        as_samples(x, None)
    gone = np.full((70_000, 1), np.nan)
    gone[-1] = np.inf
    with pytest.raises(DataError, match=r"samples\[69999, 0\] is inf") as caught:
        as_samples(gone, None, allow_missing=True)
    assert caught.value.row == 69_999


def test_an_error_names_the_column() -> None:
    x = np.ones((5, 2))
    x[3, 1] = np.nan
    names = ("height", "age")
    with pytest.raises(DataError) as caught:
        as_samples(x, columns=names)
    assert str(caught.value) == (
        "Row 3, column 'age', of samples is missing (NaN), but samples must be finite. "
        "Fill it, drop the row, or begin the network with ('standardize', {'missing': 'mean'})."
    )
    x[3, 1] = -np.inf
    with pytest.raises(DataError, match=r"Row 3, column 'age', of table is -inf.* drop the row"):
        as_samples(x, None, "table", allow_missing=True, columns=names)


def test_a_warning_names_the_columns_beyond_the_scale() -> None:
    x = np.array([[1, 60, -7000, 2], [0.5, 51, 0, 2]])
    with pytest.warns(DataWarning) as caught:
        as_samples(x, scale=1.0, columns=("a", "b", "c", "d"))
    assert [str(each.message) for each in caught] == [
        "Columns 'c' (7000) and 'b' (60) of samples reach a magnitude of 7000; a network learns "
        "little from values beyond 50. Begin the network with 'standardize'."
    ]
    with pytest.warns(DataWarning, match=r"^The values in column 2 of samples reach .* of 7000;"):
        as_samples(x[:, [0, 3, 2]], scale=1.0)
    with pytest.warns(DataWarning, match=r"^Columns 0 \(6\de?\+?0?2?.*4 \(.*\) and 12 others of t"):
        as_samples(np.full((2, 17), 60) + np.arange(2)[:, None], name="table", scale=1.0)


def test_a_table_that_may_be_pixels_is_told_of_rescale() -> None:
    pixels = np.full((3, 4), 200, np.uint8)
    with pytest.warns(DataWarning, match=r"with 'standardize', or pixels with \('rescale', 255\)"):
        as_samples(pixels, scale=1.0)


def test_a_column_warns_of_the_magnitude_of_its_lowest_integer() -> None:
    with pytest.warns(DataWarning, match="magnitude of 128;"):
        as_samples(np.array([[-128], [0]], np.int8), scale=1.0)


def test_a_warning_points_at_the_users_line() -> None:
    x, ids = np.full((4, 2), 1e3) + np.arange(4)[:, None], np.zeros(4, int)
    line = inspect.currentframe()
    assert line is not None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        as_samples(x, scale=1.0)
        Trainer(Network([("fc", 2, 3)]), batch_size=4).fit(x, ids, 1)
        first = line.f_lineno
    assert {each.filename for each in caught} == {__file__}
    assert [each.lineno for each in caught] == [first - 2, first - 1, first - 1]


def test_a_warning_of_a_reader_points_at_the_users_line(tmp_path: Path) -> None:
    x, ids = np.ones((4, 2)), np.arange(4)
    np.savez(
        tmp_path / "one.npz", train_data=x, train_label=ids, test_data=np.eye(4, 2), test_label=ids
    )
    dataset = registry.datasets.build("npz", str(tmp_path / "one.npz"))
    with pytest.warns(DataWarning, match="All values of train_data are 1") as caught:
        dataset.load()
    assert {each.filename for each in caught} == {__file__}
