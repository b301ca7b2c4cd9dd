"""Columns are found by their names, in all that has names, and what does not fit is named."""

import collections
import datetime
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from tests import hugging_face as hf

from plugnet.arrays import Array
from plugnet.data.answers import as_labels
from plugnet.data.foreign import opened
from plugnet.data.frames import as_inputs, check_columns, column_names, is_frame
from plugnet.errors import DataError

A, B = np.array([1.0, 2.0, 3.0]), np.array([40, 50, 60])
TABLE: Array = np.array([[1.0, 40.0], [2.0, 50.0], [3.0, 60.0]])


def pandas(columns: Mapping[str, Any]) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def polars(columns: Mapping[str, Any]) -> Any:
    return pytest.importorskip("polars").DataFrame(columns)


def pyarrow(columns: Mapping[str, Any]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


def hugging_face(columns: Mapping[str, Any]) -> Any:
    return hf.Dataset(columns)


def structured(columns: Mapping[str, Any]) -> Any:
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    frame = np.empty(3, [(name, array.dtype) for name, array in arrays.items()])
    for name, array in arrays.items():
        frame[name] = array
    return frame


Make = Callable[[Mapping[str, Any]], Any]
MAKERS: list[Make] = [dict, pandas, polars, pyarrow, structured, hugging_face]
frames = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)


def refused(x: Any, *words: str, columns: tuple[str, ...] = ()) -> DataError:
    with pytest.raises(DataError) as raised:
        as_inputs(x, columns)
    for word in words:
        assert word in str(raised.value)
    return raised.value


@frames
def test_a_frame_becomes_a_table_in_its_own_order(make: Make) -> None:
    frame = make({"b": B, "a": A})
    assert is_frame(frame)
    assert column_names(frame) == ("b", "a")
    np.testing.assert_array_equal(as_inputs(frame), TABLE[:, ::-1])


@frames
def test_columns_are_found_by_name_in_any_order(make: Make) -> None:
    for frame in (make({"a": A, "b": B}), make({"b": B, "a": A})):
        np.testing.assert_array_equal(as_inputs(frame, ("a", "b")), TABLE)


@frames
def test_all_missing_and_unknown_columns_are_named(make: Make) -> None:
    frame = make({"b": B, "x": A, "y": A})
    error = refused(frame, "lacks 'a', 'c' and has also 'x', 'y'", columns=("a", "b", "c"))
    assert vars(error)["missing"] == ("a", "c")
    assert vars(error)["unknown"] == ("x", "y")


@frames
def test_other_columns_may_come_if_they_are_known(make: Make) -> None:
    frame = make({"id": ["p", "q", "r"], "b": B, "a": A})
    np.testing.assert_array_equal(as_inputs(frame, ("a", "b"), ("id", "price")), TABLE)


@frames
def test_columns_of_text_are_named(make: Make) -> None:
    refused(make({"a": A, "town": ["p", "q", "r"], "kind": ["1", "2", "3"]}), "'town', 'kind'")


def test_booleans_are_numbers() -> None:
    found = as_inputs({"a": A, "is_new": [True, False, True]})
    np.testing.assert_array_equal(found[:, 1], [1, 0, 1])


def test_missing_cells_are_nan() -> None:
    objects = np.array([1, None, 2.5], object)
    np.testing.assert_array_equal(as_inputs({"a": objects})[:, 0], [1, np.nan, 2.5])
    masked = np.ma.masked_array([1, 2, 3], [False, True, False])
    np.testing.assert_array_equal(as_inputs({"a": masked})[:, 0], [1, np.nan, 3])


def test_numbers_that_no_float_holds_are_infinite() -> None:
    np.testing.assert_array_equal(as_inputs({"a": [1, 10**400]})[:, 0], [1, np.inf])


def test_missing_cells_of_pandas_are_nan() -> None:
    pd = pytest.importorskip("pandas")
    for values, dtype in (([1, None, 3], "Int64"), ([1.0, None, 3.0], "Float64")):
        frame = pd.DataFrame({"a": pd.array(values, dtype)})
        np.testing.assert_array_equal(as_inputs(frame)[:, 0], [1, np.nan, 3])
    frame = pd.DataFrame({"a": pd.array([True, None, False], "boolean")})
    np.testing.assert_array_equal(as_inputs(frame)[:, 0], [1, np.nan, 0])


@pytest.mark.parametrize("make", [polars, pyarrow], ids=["polars", "pyarrow"])
def test_nulls_are_nan(make: Make) -> None:
    frame = make({"a": [1, None, 3], "b": [1.5, 2.5, None]})
    np.testing.assert_array_equal(as_inputs(frame), [[1, 1.5], [np.nan, 2.5], [3, np.nan]])


def test_doubled_columns_are_named() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(np.ones((2, 5)), columns=["a", "b", "a", "c", "b"])
    refused(frame, "occur twice: 'a', 'b'", columns=("a", "b", "c"))


def test_a_numbered_frame_is_an_array() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(TABLE)
    assert column_names(frame) == ()
    np.testing.assert_array_equal(as_inputs(frame, ("a", "b")), TABLE)


def test_no_column_of_a_numbered_frame_is_lost() -> None:
    pd = pytest.importorskip("pandas")
    refused(pd.DataFrame([[1.0, "x", 2.0], [3.0, "y", 4.0]]), "these columns are not: 1")


@pytest.mark.parametrize("names", [[1, 0], [1, 2], ["a", 1], [("a", "x"), ("b", 2)]])
def test_names_must_be_strings_and_the_advice_makes_them_such(names: list[Any]) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(TABLE, columns=pd.Index(names))
    error = refused(frame, "names of columns must be strings")
    exec(str(error).partition("Rename them: ")[2].removesuffix("."), {"frame": frame})
    assert len(column_names(frame)) == 2
    x = dict(zip(names, TABLE.T, strict=True))
    error = refused(x, "names of columns must be strings")
    assert column_names(eval(str(error).partition("Rename them: ")[2].removesuffix("."), {"x": x}))


def test_numbers_as_text_name_columns() -> None:
    frame = pandas({"1": B, "0": A})
    np.testing.assert_array_equal(as_inputs(frame, ("0", "1")), TABLE)


def test_columns_must_be_equally_long() -> None:
    refused({"a": A, "b": B[:2]}, "one number for each row", "'a' (3,)", "'b' (2,)")


def test_a_column_must_have_one_number_per_row() -> None:
    refused({"a": TABLE, "b": B}, "'a' (3, 2)")


def test_a_mapping_of_single_numbers_is_one_row() -> None:
    np.testing.assert_array_equal(as_inputs({"b": 2, "a": 1.5}, ("a", "b")), [[1.5, 2]])


def test_rows_that_are_mappings_are_refused() -> None:
    refused([{"a": 1, "b": 2}, {"b": 3, "a": 4}], "mapping from names to columns", "a list of")


def test_a_frame_that_is_not_in_memory_is_refused() -> None:
    pl = pytest.importorskip("polars")
    refused(pl.DataFrame({"a": A}).lazy(), "a LazyFrame is only a plan", "Write .collect()")


def test_a_column_that_cannot_be_read_is_named() -> None:
    class Broken:
        columns = ("a",)

        def __getitem__(self, name: str) -> object:
            raise OSError("the disk is away")

    refused(Broken(), "Column 'a' of the Broken cannot be read: the disk is away")


def test_a_frame_without_columns_is_refused() -> None:
    refused({}, "must have columns")


@pytest.mark.parametrize("x", [TABLE, TABLE.tolist(), None, "table.csv", 3])
def test_what_has_no_columns_comes_back_as_it_is(x: Any) -> None:
    assert not is_frame(x)
    assert as_inputs(x, ("a", "b")) is x


def test_long_lists_of_columns_are_cut_short() -> None:
    columns = [f"c{i}" for i in range(5000)]
    with pytest.raises(DataError, match="'c9' and 4990 more, in any order, but it lacks 'c0'"):
        check_columns(["other"], columns, ())
    check_columns(columns[::-1], columns, ())


@pytest.mark.parametrize(
    "make", [pandas, polars, pyarrow, hugging_face, dict], ids=lambda m: m.__name__
)
def test_all_columns_that_are_no_numbers_are_named_with_advice(make: Make) -> None:
    day = datetime.datetime(2026, 11, 29)
    frame = make(
        {
            "a": A.tolist(),
            "town": ["p", "q", None],
            "when": [day, day, day],
            "tags": [[1.0, 2.0], [3.0], []],
            "pair": [[1.0, 2.0], [3.0, 2.0], [1.0, 4.0]],
            "kind": ["x", "x", "x"],
        }
    )
    refused(
        frame,
        "'town', 'kind' (text); 'when' (dates or times); 'tags', 'pair' (several values in a row)",
        "other text into one column of 0 and 1 for each value, as pandas.get_dummies(x) does",
        "the days since the first one",
        "Divide what holds several values into a column for each. Or drop them.",
    )


def test_categories_that_are_numbers_are_inputs_and_others_are_named() -> None:
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = pd.DataFrame({"a": pd.Categorical([3, None, 1.5]), "b": pd.Categorical([2, 1, 2])})
    np.testing.assert_array_equal(as_inputs(frame), [[3, 2], [np.nan, 1], [1.5, 2]])
    advice = "Turn each category into a column of 0 and 1, as pandas.get_dummies(x) does"
    refused(pd.DataFrame({"k": pd.Categorical(["u", "v"])}), "'k' (categories)", advice)
    for dtype in (pl.Categorical, pl.Enum(["u", "v"])):
        refused(pl.DataFrame({"k": pl.Series(["u", "v"], dtype=dtype)}), "'k' (categories)", advice)


def test_other_things_are_named_by_their_type() -> None:
    refused({"a": [1, 2j]}, "'a' (complex128). Convert them, or drop them.")
    refused({"a": [object(), object()]}, "'a' (object objects)")
    refused({"a": [datetime.date(2026, 1, 1)] * 2}, "'a' (dates or times)")
    refused({"a": [datetime.timedelta(2)] * 2}, "'a' (dates or times)")


def test_decimals_are_numbers() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": pl.Series([1, None]).cast(pl.Decimal(10, 2))})
    np.testing.assert_array_equal(as_inputs(frame), [[1.0], [np.nan]])


@pytest.mark.parametrize(
    "kind", ["Int64", "int64[pyarrow]", "Float64", "double[pyarrow]", "category"]
)
def test_dtypes_of_pandas_that_may_lack_values_are_numbers(kind: str) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    for values in ([1, 2, 3], [1, None, 3]):
        found = as_inputs(pd.DataFrame({"a": pd.Series(values).astype(kind)}))[:, 0]
        np.testing.assert_array_equal(found, np.array(values, float))
    frame = pd.DataFrame({"a": pd.Series([True, None, False], dtype="bool[pyarrow]")})
    np.testing.assert_array_equal(as_inputs(frame)[:, 0], [1, np.nan, 0])


def test_a_record_batch_is_a_frame() -> None:
    batch = pytest.importorskip("pyarrow").record_batch({"a": A, "b": B})
    np.testing.assert_array_equal(as_inputs(batch, ("b", "a")), TABLE[:, ::-1])


@pytest.mark.parametrize("make", [collections.deque, hf.Column, range], ids=str)
def test_a_sequence_is_read_in_one_if_it_knows_slices(make: Any) -> None:
    found = opened(range(3) if make is range else make([0, 1, 2]))
    assert list(found) == [0, 1, 2]
    assert isinstance(found, list | range)


class Stream:
    """Something that gives its values only as an Arrow stream, and only once."""

    def __init__(self, given: Any) -> None:
        self._given: list[Any] = [given]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._given.pop().__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("make", [pandas, polars, pyarrow], ids=lambda make: make.__name__)
def test_an_arrow_stream_is_a_frame_or_a_column(make: Make) -> None:
    pytest.importorskip("pyarrow")
    frame = make({"b": B, "a": A})
    np.testing.assert_array_equal(as_inputs(Stream(frame), ("a", "b")), TABLE)
    assert np.asarray(opened(Stream(frame["b"]))).tolist() == B.tolist()


class OnlyArray:
    """Something that gives its values only as an Arrow array."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self._given.__arrow_c_array__(requested_schema)


def test_an_arrow_array_is_a_frame_or_a_column() -> None:
    pa = pytest.importorskip("pyarrow")
    batch = pa.record_batch({"b": B, "a": A})
    np.testing.assert_array_equal(as_inputs(OnlyArray(batch), ("a", "b")), TABLE)
    assert np.asarray(opened(OnlyArray(batch["b"]))).tolist() == B.tolist()
    refused(OnlyArray(3), "gives its values as an Arrow array, but pyarrow cannot read it")


def test_a_column_of_structs_is_a_frame() -> None:
    pa = pytest.importorskip("pyarrow")
    structs = pa.record_batch({"b": B, "a": A}).to_struct_array()
    for given in (structs, pa.chunked_array([structs[:1], structs[1:]])):
        np.testing.assert_array_equal(as_inputs(given, ("a", "b")), TABLE)


def test_bytes_of_arrow_are_labels() -> None:
    pa = pytest.importorskip("pyarrow")
    for kind in (pa.binary(), pa.large_binary(), pa.binary(3)):
        assert as_labels(pa.array([b"cow", b"ant"], kind)).tolist() == ["cow", "ant"]


def test_a_stream_that_names_its_columns_is_read_as_a_stream() -> None:
    class Relation(Stream):
        columns = ("a", "b")

        def __getitem__(self, name: str) -> object:
            return object()

    np.testing.assert_array_equal(as_inputs(Relation(pyarrow({"a": A, "b": B}))), TABLE)


def test_a_reader_of_record_batches_is_a_frame() -> None:
    table = pyarrow({"a": A, "b": B})
    np.testing.assert_array_equal(as_inputs(table.to_reader()), TABLE)


def test_what_pyarrow_cannot_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    words = "Stream gives its values as an Arrow stream, "
    refused(Stream(3), words + "but pyarrow cannot read it")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused(Stream(3), words + "which pyarrow reads", "Run: pip install pyarrow")
