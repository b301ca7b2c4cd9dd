"""Labels keep the user's words: what a network learns from them, and what it answers in them."""

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from plugnet.arrays import Array
from plugnet.data.answers import (
    as_classes,
    as_labels,
    check_schema,
    decode,
    encode,
    learn_schema,
    scaling,
)
from plugnet.errors import ArgumentError, DataError
from plugnet.schema import Schema

NAMES = ["cow", "ant", "bee", "cow"]


def learn(y: Any, outputs: int, binary: bool = False, **options: Any) -> Schema:
    return learn_schema(y, outputs, binary, **options)


def encoded(y: Any, *classes: Any, rows: int | None = None) -> Array:
    return encode(y, Schema("class", classes), len(y) if rows is None else rows)


def refused(y: Any, *words: str) -> int | None:
    """Check that labels are refused in these words, and return the row."""
    with pytest.raises(DataError) as raised:
        as_labels(y)
    for word in words:
        assert word in str(raised.value)
    return raised.value.row


# What labels mean --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        NAMES,
        tuple(NAMES),
        np.array(NAMES),
        np.array(NAMES, object),
        np.array(NAMES, "S"),
        np.array([name.encode() for name in NAMES], object),
        [np.str_(name) for name in NAMES],
        np.array(NAMES)[:, np.newaxis],
        np.array(NAMES)[np.newaxis],
        [[name] for name in NAMES],
        {"species": NAMES},
        {0: NAMES},
    ],
    ids=[
        *("list", "tuple", "array", "objects", "bytes", "objects of bytes", "strings of NumPy"),
        *("column", "row", "lists", "mapping"),
        "numbered",
    ],
)
def test_strings_are_classes_in_sorted_order(y: Any) -> None:
    schema = learn(y, 3)
    assert (schema.kind, schema.classes) == ("class", ("ant", "bee", "cow"))
    np.testing.assert_array_equal(encode(y, schema, 4), [2, 0, 1, 2])


@pytest.mark.parametrize("kind", ["category", "string", "object", "str"])
def test_strings_of_pandas_are_classes(kind: str) -> None:
    pd = pytest.importorskip("pandas")
    series = pd.Series(NAMES, dtype=kind)
    schema = learn(series, 3)
    np.testing.assert_array_equal(encode(series, schema, 4), [2, 0, 1, 2])
    np.testing.assert_array_equal(encode(pd.DataFrame({"s": series}), schema, 4), [2, 0, 1, 2])


def test_categories_that_do_not_occur_are_classes() -> None:
    pd = pytest.importorskip("pandas")
    labels = pd.Categorical(NAMES, categories=["eel", "cow", "bee", "ant"])
    assert learn(labels, 4).classes == ("eel", "cow", "bee", "ant")
    with pytest.raises(DataError, match="or drop the categories that do not occur, 'eel'"):
        learn(labels, 3)


def test_strings_of_polars_and_arrow_are_classes() -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    for y in (
        pl.Series(NAMES),
        pl.Series(NAMES, dtype=pl.Categorical),
        pa.array(NAMES),
        pa.chunked_array([NAMES[:1], NAMES[1:]]),
        pa.array(NAMES).dictionary_encode(),
    ):
        np.testing.assert_array_equal(encode(y, learn(y, 3), 4), [2, 0, 1, 2])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, object])
def test_whole_numbers_are_ids_from_0(dtype: Any) -> None:
    y = np.array([2, 0, 1, 2], dtype)
    schema = learn(y, 4)
    assert schema.classes == (0, 1, 2, 3)
    found = encode(y, schema, 4)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, [2, 0, 1, 2])


def test_nullable_numbers_are_ids() -> None:
    pd = pytest.importorskip("pandas")
    np.testing.assert_array_equal(encoded(pd.array([1, 0], "Int64"), 0, 1), [1, 0])
    with pytest.raises(DataError, match="nan"):
        encoded(pd.array([1, None], "Int64"), 0, 1)


@pytest.mark.parametrize(
    ("y", "outputs", "binary"), [([1, 2, 3], 3, False), ([-1, 1], 2, False), ([1, 2], 1, True)]
)
def test_other_numbers_must_be_named_as_classes(y: list[int], outputs: int, binary: bool) -> None:
    named = str(y).strip("[]")
    with pytest.raises(DataError) as raised:
        learn(y, outputs, binary)
    assert f"classes=[{named}]" in str(raised.value)
    assert learn(y, outputs, binary, classes=y).classes == tuple(y)


def test_more_ids_than_outputs_are_refused_with_their_row() -> None:
    with pytest.raises(DataError, match=r"from 0 to 1 .* row 2 has 2\. Give its last layer") as e:
        learn([0, 1, 2, 3], 2)
    assert e.value.row == 2


def test_booleans_are_classes() -> None:
    schema = learn([True, False, True], 2)
    assert schema.classes == (False, True)
    assert all(type(label) is bool for label in schema.classes)
    np.testing.assert_array_equal(encode([True, False], schema, 2), [1, 0])


@pytest.mark.parametrize("y", [[0, 1, 1], [0.0, 1.0, 1.0], [[0], [1], [1]]])
def test_a_single_output_that_tells_two_apart_has_two_classes(y: Any) -> None:
    schema = learn(y, 1, binary=True)
    assert schema.classes == (0, 1)
    np.testing.assert_array_equal(encode(y, schema, 3), [0, 1, 1])
    assert learn(["no", "yes"], 1, binary=True).classes == ("no", "yes")


@pytest.mark.parametrize("y", [[0, 1, 1], [3, -7, 1000], [0.5, 1.5, 2.5]])
def test_any_numbers_for_another_single_output_are_real(y: Any) -> None:
    schema = learn(y, 1)
    assert schema == Schema("real")
    found = encode(y, schema, 3)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(y, np.float32)[:, np.newaxis])


@pytest.mark.parametrize("dtype", [float, int, bool])
def test_one_hot_rows_are_classes(dtype: type) -> None:
    y: Array = np.eye(3, dtype=dtype)[[2, 0, 1, 2]]
    schema = learn(y, 3)
    assert schema.classes == (0, 1, 2)
    np.testing.assert_array_equal(encode(y, schema, 4), y)
    assert learn(y, 3, classes=["a", "b", "c"]).classes == ("a", "b", "c")


def test_one_hot_columns_name_the_classes() -> None:
    pd = pytest.importorskip("pandas")
    y = pd.get_dummies(pd.Series(NAMES))
    schema = learn(y, 3, targets=tuple(y.columns))
    assert schema.classes == ("ant", "bee", "cow")
    np.testing.assert_array_equal(encode(y[["cow", "ant", "bee"]], schema, 4), y)
    np.testing.assert_array_equal(encode(NAMES, schema, 4), [2, 0, 1, 2])


def test_classes_are_in_the_order_of_the_columns_named_like_them() -> None:
    targets = ("cow", "ant")
    assert learn(np.eye(2), 2, classes=["cow", "ant"], targets=targets).classes == targets
    assert learn(np.eye(2), 2, classes=["yes", "no"], targets=targets).classes == ("yes", "no")
    with pytest.raises(ArgumentError, match="in the order of the labels' columns") as caught:
        learn(np.eye(2), 2, classes=["ant", "cow"], targets=targets)
    assert caught.value.argument == "classes"


def test_rows_that_are_not_one_hot_are_real() -> None:
    assert learn([[0.2, 0.8], [1.0, 0.0]], 2).kind == "real"
    assert learn([[1, 1], [1, 0]], 2).kind == "real"


def test_there_are_as_many_classes_as_the_network_tells_apart() -> None:
    for outputs, binary in ((2, False), (4, False), (1, True), (1, False)):
        with pytest.raises(DataError, match="but the labels have 3: 'ant', 'bee', 'cow'"):
            learn(NAMES, outputs, binary)


def test_classes_may_be_more_than_occur_and_in_any_order() -> None:
    schema = learn(NAMES, 4, classes=["eel", "cow", "bee", "ant"])
    assert schema.classes == ("eel", "cow", "bee", "ant")
    np.testing.assert_array_equal(encode(NAMES, schema, 4), [1, 3, 2, 1])


def test_a_column_is_not_both_input_and_label() -> None:
    with pytest.raises(DataError, match="have the column 'y', too"):
        learn([0, 1], 2, columns=("x", "y"), targets=("y",))


# Labels that are not right -----------------------------------------------------------------------


@pytest.mark.parametrize("missing", [None, np.nan, float("nan")])
def test_a_missing_label_is_no_class(missing: Any) -> None:
    for y in (["a", missing, "b"], np.array(["a", missing, "b"], object), [["a"], [missing]]):
        assert refused(y, "row 1 has none") == 1
    assert refused([1, None, 0], "row 1 has none") == 1
    assert refused([True, None], "row 1 has none") == 1


def test_missing_labels_of_frames_are_no_class() -> None:
    pd = pytest.importorskip("pandas")
    for dtype in ("object", "string", "category", "str"):
        assert refused(pd.Series(["a", None], dtype=dtype), "row 1 has none") == 1
    pl = pytest.importorskip("polars")
    assert refused(pl.Series(["a", None]), "row 1 has none") == 1


def test_what_numpy_makes_of_a_missing_string_is_no_class() -> None:
    y = np.array(["a", np.nan])
    with pytest.raises(DataError, match="row 1 has 'nan', which looks like a missing one"):
        learn(y, 2)
    assert learn(y, 2, classes=["a", "nan"]).classes == ("a", "nan")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_label_is_no_class(empty: str) -> None:
    assert refused(["a", "b", empty], "row 2 is empty") == 2


def test_masked_labels_are_refused() -> None:
    refused(np.ma.masked_array([0, 1], [False, True]), "masked")


@pytest.mark.parametrize(
    "y", [["a", 1], [1, "1"], [True, 1], [1, True], ["True", True], [0.0, False]]
)
def test_types_are_not_mixed(y: list[Any]) -> None:
    for labels in (y, np.array(y, object)):
        assert refused(labels, f"row 0 has {y[0]!r} and row 1 has {y[1]!r}") == 1


@pytest.mark.parametrize(
    "y",
    [None, "ant", 3, {"ant", "bee"}, (label for label in NAMES), [{}], [[1, 2], [3]]],
    ids=["none", "text", "number", "set", "generator", "mappings", "ragged"],
)
def test_other_things_are_not_labels(y: Any) -> None:
    refused(y)


@pytest.mark.parametrize("values", [["2024-01-01"], [1j], [2**70]], ids=str)
def test_dates_and_other_numbers_are_not_labels(values: list[Any]) -> None:
    is_date = isinstance(values[0], str)
    refused(np.array(values, np.datetime64) if is_date else values)


@pytest.mark.parametrize(
    "value",
    [object(), {}, datetime.date(2026, 11, 29), 2**70],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_label_is_named_by_its_own_row(value: object) -> None:
    assert refused([1, 2, value], "row 2 has", repr(value)[:20]) == 2


def test_bytes_and_strings_are_not_mixed() -> None:
    assert refused(["a", b"a"], "row 0 has 'a' and row 1 has b'a'") == 1


def test_decimals_and_fractions_are_real_values() -> None:
    y = [Decimal("1.5"), Fraction(1, 4), 2]
    np.testing.assert_array_equal(as_labels(y), [1.5, 0.25, 2.0])
    assert learn(y, 1).kind == "real"
    assert refused([Decimal("1.5"), Decimal("nan")], "row 1 has none") == 1


def test_a_tensor_that_needs_gradients_is_refused() -> None:
    torch = pytest.importorskip("torch")
    refused(torch.ones(3, requires_grad=True), "cannot be turned into an array", "detach")
    np.testing.assert_array_equal(encoded(torch.tensor([1, 0]), 0, 1), [1, 0])


# Labels as targets -------------------------------------------------------------------------------


def test_unknown_classes_are_named_with_their_rows() -> None:
    y = ["ant", "elk", "bee", "doe", "elk"]
    with pytest.raises(DataError, match="'ant', 'bee', but 'doe', 'elk' came, in row 1, 3, 4") as e:
        encoded(y, "ant", "bee")
    assert (e.value.row, vars(e.value)["rows"]) == (1, (1, 3, 4))


@pytest.mark.parametrize(
    ("classes", "y"),
    [
        ((1, 2), [True, True]),
        ((1, 2), ["1", "2"]),
        (("1", "2"), [1, 2]),
        ((False, True), [0, 1]),
        (("False", "True"), [False, True]),
        (("a", "b"), ["A", "b"]),
        (("a", "b"), ["a ", "b"]),
    ],
)
def test_labels_of_another_type_are_not_the_class(classes: tuple[Any, ...], y: Any) -> None:
    with pytest.raises(DataError, match="must be classes that the model knows"):
        encoded(y, *classes)


def test_whole_floats_are_numbers_of_classes() -> None:
    np.testing.assert_array_equal(encoded([50.0, 10.0], 10, 50), [1, 0])
    np.testing.assert_array_equal(encoded(np.array([[2.0], [0.0]]), 0, 1, 2), [2, 0])


def test_numbers_of_classes_may_be_any_whole_ones() -> None:
    np.testing.assert_array_equal(encoded([20, 50, 10], 10, 20, 50), [1, 2, 0])
    np.testing.assert_array_equal(encoded([2**40, -3], -3, 2**40), [1, 0])


@pytest.mark.parametrize("y", [[[2], [1], [0]], [[2, 1, 0]], [[2.0], [1.0], [0.0]]])
def test_a_column_of_labels_is_matched_to_the_classes(y: Any) -> None:
    np.testing.assert_array_equal(encoded(y, 2, 1, 0, rows=3), [0, 1, 2])


def test_there_is_one_label_per_sample() -> None:
    for y, rows in ((NAMES, 3), (NAMES, 5), (np.array(NAMES).reshape(2, 2), 2)):
        with pytest.raises(DataError, match="needs one label, but there are"):
            encoded(y, "ant", "bee", "cow", rows=rows)


def test_ten_thousand_classes_are_found_by_name() -> None:
    names = [f"class {i}" for i in range(10_000)]
    order = np.random.default_rng(0).permutation(10_000)
    schema = learn(np.array(names)[order], 10_000)
    found = encode(np.array(names)[order], schema, 10_000)
    assert [schema.classes[i] for i in found[:50]] == [names[i] for i in order[:50]]


def test_names_may_have_any_characters() -> None:
    names = ["two words", "é", "e\u0301", "line\nbreak", "\u202eright", "🐝"]
    schema = learn(names, 6)
    assert [schema.classes[i] for i in encode(names, schema, 6)] == names


def test_targets_are_found_by_name() -> None:
    schema = Schema("real", columns=("x",), targets=("u", "v"), dropped=("id",))
    y = {"v": [3.0, 4.0], "id": ["p", "q"], "u": [1.0, 2.0], "x": [0, 0]}
    np.testing.assert_array_equal(encode(y, schema, 2), [[1, 3], [2, 4]])
    with pytest.raises(DataError, match="lacks 'v' and has also 'w'"):
        encode({"u": [1.0], "w": [2.0]}, schema, 1)


def test_a_single_target_is_found_by_name() -> None:
    schema = Schema("class", ("ant", "bee"), ("x",), ("kind",))
    np.testing.assert_array_equal(encode({"x": [1, 2], "kind": ["bee", "ant"]}, schema, 2), [1, 0])
    with pytest.raises(DataError, match="lacks 'kind' and has also 'sort'"):
        encode({"sort": ["ant", "bee"]}, schema, 2)


def test_strings_are_not_real_values() -> None:
    with pytest.raises(DataError, match=r"row 0 has '1\.5'"):
        encode(["1.5", "2"], Schema("real"), 2)


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1.0, 1e200, 1.5e308])
def test_the_unit_of_targets_is_right_at_any_magnitude(size: float) -> None:
    shape = np.array([[-1.0], [0.5], [1.0], [0.0]])
    offsets, scales = scaling(size * shape)
    assert offsets[0] == pytest.approx(size / 8, rel=1e-3)
    assert scales[0] == pytest.approx(size * shape.std(), rel=1e-3)
    weights = np.array([1.0, 2, 1, 0])
    repeated = scaling(size * shape[[0, 1, 1, 2]])
    shape[3] = 1e3 / size if size < 1 else 0  # which counts nothing
    np.testing.assert_allclose(scaling(size * shape, weights), repeated, rtol=1e-3)


def test_only_targets_that_are_all_the_same_have_the_unit_1() -> None:
    offsets, scales = scaling(np.full((7, 1), 0.1))
    assert [*offsets, *scales] == pytest.approx([0.1, 1])
    near = np.array([[1.0], [1 + 1e-15]])
    assert 0 < scaling(near)[1][0] < 1e-15


def test_the_unit_has_the_bits_of_the_plain_formula() -> None:
    targets = np.random.default_rng(0).normal(3, 20, (100, 2))
    offsets, scales = scaling(targets)
    means = np.average(targets, axis=0)
    assert offsets == tuple(means)
    assert scales == tuple(np.sqrt(np.average((targets - means) ** 2, axis=0)))


def test_scaled_targets_come_back_in_their_units() -> None:
    targets = np.array([[1e5, 1.0], [3e5, 1.0]])
    offsets, scales = scaling(targets)
    assert (offsets, scales) == ((2e5, 1.0), (1e5, 1.0))
    schema = Schema("real", offsets=offsets, scales=scales)
    found = encode(targets, schema, 2)
    np.testing.assert_array_equal(found, np.array([[-1, 0], [1, 0]], np.float32))
    np.testing.assert_array_equal(decode(found, schema), targets)
    assert decode(found, Schema("real")) is found


# Classes and schemas -----------------------------------------------------------------------------


def test_classes_become_pythons_own_types() -> None:
    for given, expected in (
        (np.array([3, 1]), (3, 1)),
        (np.array(["b", "a"]), ("b", "a")),
        (iter([True, False]), (True, False)),
    ):
        found = as_classes(given)
        assert found == expected
        assert {type(c) for c in found} == {type(expected[0])}


@pytest.mark.parametrize(
    "classes",
    [
        [],
        "cow",
        3,
        None,
        {"a"},
        {"a": 1},
        ["a", "a"],
        ["a", 1],
        [0, True],
        [1.0, 2.0],
        [None],
        [["a"], ["b"]],
        [1, 2**63],
    ],
    ids=str,
)
def test_classes_are_distinct_and_of_one_type(classes: Any) -> None:
    with pytest.raises(ArgumentError):
        as_classes(classes)


@pytest.mark.parametrize(
    "schema",
    [
        Schema("real", classes=("a",)),
        Schema("class", classes=()),
        Schema("class", classes=("a", "b"), offsets=(0.0,), scales=(1.0,)),
        Schema("real", columns=("a", "a")),
        Schema("real", columns=("a",), dropped=("a",)),
        Schema("real", columns=(1,)),  # type: ignore[arg-type]
        Schema("rank"),  # type: ignore[arg-type]
        Schema("real", offsets=(0.0,)),
        Schema("real", offsets=(0.0,), scales=(0.0,)),
        Schema("real", offsets=(0.0,), scales=(-1.0,)),
        Schema("real", offsets=(float("inf"),), scales=(1.0,)),
        Schema("real", offsets=("0",), scales=(1.0,)),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_a_schema_does_not_contradict_itself(schema: Schema) -> None:
    with pytest.raises(ArgumentError):
        check_schema(schema)


def test_a_label_far_beyond_those_of_the_training_is_named_by_its_row() -> None:
    schema = Schema("real", offsets=(0.0,), scales=(1e-30,))
    with pytest.raises(DataError, match=r"row 1 is too far .* float32") as caught:
        encode(np.array([1e-30, 1e30]), schema, 2)
    assert caught.value.row == 1
