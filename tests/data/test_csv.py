"""The data set `csv`: which columns are what, what labels mean, missing cells, the split."""

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet.errors import ArgumentError, DataError, DataWarning, FileFormatError
from plugnet.interfaces import DataSplits
from plugnet_builtin.datasets.csv_samples import Csv

PLAIN = "0.5,1,0\n-2,3e-1,1\n0,0,1\n1,1,0\n"
HOLES = "a,b,y\n1,NA,0\n,2,1\n3,4,1\n5,6,0\n"


def load(folder: Path, text: str | bytes, **options: Any) -> DataSplits:
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Csv(str(path), **({"test_fraction": 0} | options)).load()


# Columns -----------------------------------------------------------------------------------------


def test_a_table_without_a_header(tmp_path: Path) -> None:
    splits = load(tmp_path, PLAIN)
    assert splits.train.x.dtype == np.float64
    assert splits.train.x.tolist() == [[0.5, 1], [-2, 0.3], [0, 0], [1, 1]]
    assert splits.train.y.tolist() == [0, 1, 1, 0]
    assert splits.train.y.dtype == np.int64
    assert splits.train.weights is None
    assert splits.test is None
    assert splits.classes == (0, 1)
    assert (splits.columns, splits.targets, splits.dropped) == ((), (), ())
    assert splits.missing is None


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    splits = load(tmp_path, "time,y\n1600000001,0\n1600000002,1\n")
    assert splits.train.x.ravel().tolist() == [1600000001, 1600000002]


@pytest.mark.parametrize(
    ("header", "label", "columns", "target"),
    [
        ("a,b,c", None, ("a", "b"), "c"),
        ("a,b,c", 0, ("b", "c"), "a"),
        ("a,b,c", -3, ("b", "c"), "a"),
        ("a,b,c", "b", ("a", "c"), "b"),
        ("a,b,c", ["b"], ("a", "c"), "b"),
        ("Label,p0,p1", None, ("p0", "p1"), "Label"),
        ("a,target,b", None, ("a", "b"), "target"),
        ("Class,a,b", None, ("a", "b"), "Class"),
        ("a,y,b", None, ("a", "b"), "y"),
        ("species,a,b", None, ("species", "a"), "b"),
        ("label,a,target", None, ("label", "a"), "target"),
        ("x,y,colour", None, ("x", "y"), "colour"),
        ("y,x,label", None, ("y", "x"), "label"),
    ],
)
def test_the_column_of_labels(
    tmp_path: Path, header: str, label: Any, columns: tuple[str, ...], target: str
) -> None:
    splits = load(tmp_path, f"{header}\n0,1,2\n1,2,3\n1,0,3\n", label=label)
    assert (splits.columns, splits.targets) == (columns, (target,))
    place = header.split(",").index(target)
    numbers = np.array([[0, 1, 2], [1, 2, 3], [1, 0, 3]])
    assert splits.train.y.tolist() == numbers[:, place].tolist()
    assert splits.train.x.tolist() == np.delete(numbers, place, axis=1).tolist()


def test_several_columns_that_may_have_labels(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"'label', 'target'.*label='label'"):
        load(tmp_path, "label,target,a\n0,1,2\n1,1,2\n")


def test_a_cell_like_a_name_of_labels_is_none_without_a_header(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"line 1 .*column 0 contains text \(such as 'y'\)"):
        load(tmp_path, "y,1,0\nn,2,1\ny,3,1\n")
    with pytest.raises(FileFormatError, match=r"line 1 .*column 0 contains text \(such as 'y'\)"):
        load(tmp_path, "y,1,7\nn,2,8\n")


def test_several_columns_of_real_targets(tmp_path: Path) -> None:
    splits = load(tmp_path, "p,a,q\n1,2,3\n4,5,6\n", label=["q", "p"])
    assert splits.train.y.tolist() == [[3, 1], [6, 4]]
    assert splits.train.y.dtype == np.float64
    assert (splits.targets, splits.columns, splits.classes) == (("q", "p"), ("a",), ())


def test_columns_to_leave_out(tmp_path: Path) -> None:
    text = "id,a,note,y\nx1,1,some,0\nx2,2,,1\n"
    splits = load(tmp_path, text, drop=["id", 2])
    assert splits.train.x.tolist() == [[1], [2]]
    assert (splits.columns, splits.dropped) == (("a",), ("id", "note"))
    assert load(tmp_path, "x1,1,0\nx2,2,1\n", drop=0).train.x.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        (",a,b,y\n0,1,2,0\n1,3,4,1\n", ""),
        ("Unnamed: 0,a,b,y\n5,1,2,0\n9,3,4,1\n", "Unnamed: 0"),
        ('"a" "b" "y"\n"1" 1 2 0\n"2" 3 4 1\n', ""),
    ],
)
def test_row_numbers_of_pandas_and_r_are_left_out(tmp_path: Path, text: str, dropped: str) -> None:
    splits = load(tmp_path, text)
    assert splits.train.x.tolist() == [[1, 2], [3, 4]]
    assert (splits.columns, splits.dropped) == (("a", "b"), (dropped,))


def test_row_numbers_written_twice_are_left_out_twice(tmp_path: Path) -> None:
    splits = load(tmp_path, "Unnamed: 0.1,Unnamed: 0,a,y\n0,0,5,0\n1,1,6,1\n")
    assert splits.columns == ("a",)


@pytest.mark.parametrize("cell", ["b7", "3", "1.5", "", "2"])
def test_a_nameless_column_of_anything_else_is_an_error(tmp_path: Path, cell: str) -> None:
    text = f",a,y\n1,5,0\n3,6,1\n{cell},6,1\n"
    with pytest.raises(FileFormatError, match=r"Line 4 .*must count the rows.*drop=\[0\]"):
        load(tmp_path, text)
    assert load(tmp_path, text, drop=[0]).columns == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y,\n1,2,cat,\n3,4,dog,\n",
        "a,b,y,\n1,2,cat\n3,4,dog\n",
        "a,b,y\n1,2,cat,\n3,4,dog,\n",
        "a,b,y,,\n1,2,cat,,\n3,4,dog, ,\n",
    ],
)
def test_trailing_delimiters_make_no_column(tmp_path: Path, text: str) -> None:
    splits = load(tmp_path, text)
    assert splits.columns == ("a", "b")
    assert splits.train.x.tolist() == [[1, 2], [3, 4]]
    assert splits.classes == ("cat", "dog")
    rows = text.partition("\n")[2]
    if rows.split("\n")[0].endswith(","):
        assert load(tmp_path, rows).classes == ("cat", "dog")


def test_something_after_trailing_delimiters_is_an_error(tmp_path: Path) -> None:
    text = "1,2,\n" * 1500 + "1,2,3\n"
    with pytest.raises(FileFormatError, match=r"Line 1501 .*3 cells.*before it have 2"):
        load(tmp_path, text, labels="class_ids")


def test_weights_of_samples(tmp_path: Path) -> None:
    text = "a,w,y\n1,0.5,0\n2,2,1\n3,0,1\n"
    splits = load(tmp_path, text, weight="w")
    assert splits.train.weights is not None
    assert splits.train.weights.tolist() == [0.5, 2, 0]
    assert (splits.columns, splits.dropped) == (("a",), ("w",))
    text = "".join(f"{i},{i},{i % 2}\n" for i in range(50))
    splits = load(tmp_path, text, weight=1, test_fraction=0.5)
    assert splits.test is not None
    assert splits.test.weights is not None
    assert splits.test.weights.tolist() == splits.test.x[:, 0].tolist()


# Labels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["zebra", " ant ", "bée", "zebra"], ("ant", "bée", "zebra")),
        (["2", "1", "3", "1"], (1, 2, 3)),
        (["-1", "+1", "1", "-1"], (-1, 1)),
        (["10", "50", "10", "50"], (10, 50)),
        (["0.0", "1.0", "1.0", "0.0"], (0, 1)),
        (["007", "7", "10", "7"], ("007", "10", "7")),
        (["TRUE", "FALSE", "TRUE", "FALSE"], ("FALSE", "TRUE")),
    ],
)
def test_labels_stay_as_they_are_written(
    tmp_path: Path, labels: list[str], classes: tuple[Any, ...]
) -> None:
    text = "a,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    splits = load(tmp_path, text)
    assert splits.classes == classes
    convert = str if isinstance(classes[0], str) else lambda cell: int(float(cell))
    assert splits.train.y.tolist() == [convert(label.strip()) for label in labels]
    assert {type(label) for label in splits.classes} == {type(classes[0])}


@pytest.mark.parametrize(
    "labels", [["0.5", "1.0", "2"], ["1.0", "2.0", "3.0"], ["10", "1e1", "20"], ["1e3", "2e3"]]
)
def test_decimals_are_real_values(tmp_path: Path, labels: list[str]) -> None:
    text = "a,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    splits = load(tmp_path, text)
    assert splits.classes == ()
    assert splits.train.y.tolist() == [[float(label)] for label in labels]


def test_the_rule_for_labels_may_be_said(tmp_path: Path) -> None:
    text = "a,y\n1,100\n2,200\n3,4000\n"
    with pytest.raises(DataError, match=r"'y' of .*data\.csv' has 3 different whole numbers"):
        load(tmp_path, text)
    assert load(tmp_path, text, labels="targets").train.y.tolist() == [[100], [200], [4000]]
    assert load(tmp_path, text, labels="class_ids").classes == (100, 200, 4000)


def test_class_ids_take_every_spelling_for_a_class(tmp_path: Path) -> None:
    text = "a,y\n1,10\n2,1e1\n3,None\n4,-\n"
    assert load(tmp_path, text, labels="class_ids").classes == ("-", "10", "1e1", "None")


@pytest.mark.parametrize(
    ("labels", "options", "says"),
    [
        (["1", "one", "2"], {}, "Line 3 .*column 'b', has the label 'one'.*labels before it"),
        (["one", "two", "1.5"], {}, "Line 4 .*'1.5'.*labels before it"),
        (["1", "", "2"], {}, "Line 3 .*column 'b', has no value.*missing=\"drop\""),
        (["1", "NaN", "2"], {"missing": "mean"}, "Line 3 .*has no value"),
        (["1", "NA", "2"], {"labels": "class_ids"}, "Line 3 .*has no value"),
        (["a", "?", "b"], {}, "Line 3 .*has no value"),
        (["1", "2", "high"], {"labels": "targets"}, "Line 4 .*'high'.*must be a number"),
        (["1", "2", "1e999"], {"labels": "targets"}, "Line 4 .*'1e999'.*finite"),
        (["1", "2", "1_0"], {}, "Line 4 .*'1_0'.*labels before it"),
    ],
)
def test_wrong_labels_are_named(
    tmp_path: Path, labels: list[str], options: dict[str, Any], says: str
) -> None:
    text = "a,b\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    with pytest.raises(FileFormatError, match=says):
        load(tmp_path, text, header=True, **options)


# Missing cells and wrong ones --------------------------------------------------------------------


def test_missing_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"Line 2 .*column 'b', has no value") as caught:
        load(tmp_path, HOLES)
    for way_out in ('missing="drop"', 'missing="mean"', "missing=0"):
        assert way_out in str(caught.value)
    assert vars(caught.value) == {"path": str(tmp_path / "data.csv"), "line": 2, "column": "b"}


def test_rows_with_missing_cells_are_dropped(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="3 of 5 rows .*left out") as caught:
        splits = load(tmp_path, HOLES + "7,8,\n", missing="drop")
    assert caught[0].filename == __file__
    assert splits.train.x.tolist() == [[3, 4], [5, 6]]
    assert splits.train.y.tolist() == [1, 0]
    assert splits.missing is None
    with pytest.raises(FileFormatError, match="must have a row without missing cells"):
        load(tmp_path, "a,y\n,0\n1,\n", missing="drop")


@pytest.mark.parametrize("missing", ["mean", 0, -1.5])
def test_missing_cells_to_be_filled_stay_nan(tmp_path: Path, missing: str | float) -> None:
    splits = load(tmp_path, HOLES, missing=missing)
    nan = np.nan
    np.testing.assert_array_equal(splits.train.x, [[1, nan], [nan, 2], [3, 4], [5, 6]])
    assert splits.missing == missing


def test_a_column_without_values_has_no_mean(tmp_path: Path) -> None:
    text = "a,b,y\n1,?,0\n2,?,1\n"
    with pytest.raises(DataError, match=r"'b' of .*drop=\['b'\]"):
        load(tmp_path, text, missing="mean")
    assert np.isnan(load(tmp_path, text, missing=0).train.x[:, 1]).all()


@pytest.mark.parametrize(
    "cell",
    [
        "",
        " ",
        "NA",
        "na",
        "N/A",
        "n/a",
        "#N/A",
        "<NA>",
        "NaN",
        "nan",
        "null",
        "None",
        "?",
        "-",
        "-nan",
    ],
)
def test_what_counts_as_missing(tmp_path: Path, cell: str) -> None:
    splits = load(tmp_path, f"a,b,y\n1,{cell},0\n2,3,1\n", missing=0)
    assert np.isnan(splits.train.x).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("+1.5e-3", 0.0015),
        (" 12 ", 12),
        (".5", 0.5),
        ("5.", 5),
        ("1E2", 100),
        ("007", 7),
        ("true", 1),
        ("True", 1),
        ("TRUE", 1),
        ("false", 0),
        ("False", 0),
        ("FALSE", 0),
    ],
)
def test_what_counts_as_a_number(tmp_path: Path, cell: str, value: float) -> None:
    text = f"a,b,y\n1,{cell},0\n2,3,1\n"
    assert load(tmp_path, text).train.x.tolist() == [[1, value], [2, 3]]


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("1_0", "1234.5"),
        ("\u0661", "1234.5"),
        ("\uff11", "1234.5"),
        ("0x1F", "1234.5"),
        ("12%", "1234.5"),
        ("1e", "1234.5"),
        ("1d5", "1234.5"),
        ("tRUE", "1234.5"),
        ('"1,5"', "decimal comma"),
        ('"1,234.5"', "thousands"),
        ("1 234", "thousands"),
        ("1'234", "thousands"),
        ("inf", "finite"),
        ("-Infinity", "finite"),
        ("1e999", "finite"),
    ],
)
def test_what_is_no_number(tmp_path: Path, cell: str, hint: str) -> None:
    text = f"a,b,y\n1,2,0\n2,{cell},1\n3,4,1\n"
    with pytest.raises(FileFormatError, match=rf"Line 3 .*column 'b', has .*{hint}"):
        load(tmp_path, text, missing=0, header=True)


def test_columns_of_text_are_named_together(tmp_path: Path) -> None:
    text = "name,age,sex,y\nAnn,3,f,0\nBob,4,,1\n"
    says = r"line 2 .* columns 'name' \(such as 'Ann'\), 'sex' \(such as 'f'\) contain text.*"
    with pytest.raises(FileFormatError, match=says + r"drop=\['name', 'sex'\]"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("a,w,y\n1,-1,0\n2,1,1\n", {}, "Line 2 .*column 'w', must be a weight, at least 0"),
        ("a,w,y\n1,1,0\n2,,1\n", {}, "Line 3 .*column 'w', has no value"),
        ("a,w,y\n1,1,0\n2,inf,1\n", {}, "Line 3 .*column 'w', has 'inf'"),
        ("a,b,y\n1,1,0\n", {}, "must have the column 'w', but its columns are 'a', 'b', 'y'"),
        ("a,w,y\n1,1,0\n", {"label": 3}, "must have the column 3"),
        ("w,y\n1,1\n", {}, "must have a column besides those of labels"),
    ],
)
def test_wrong_columns_are_named(
    tmp_path: Path, text: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(FileFormatError, match=says):
        load(tmp_path, text, weight="w", **options)


def test_a_column_has_one_role(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="must name different columns"):
        load(tmp_path, "a,b,y\n1,2,0\n", drop=["y"])


# Two parts ---------------------------------------------------------------------------------------


def test_a_stratified_part_is_held_out_by_the_seed(tmp_path: Path) -> None:
    text = "".join(f"{row},{'rare' if row % 10 == 0 else 'often'}\n" for row in range(100))
    splits = load(tmp_path, text, test_fraction=0.2, seed=5)
    assert splits.test is not None
    train, test = splits.train.x[:, 0].tolist(), splits.test.x[:, 0].tolist()
    assert (train, test) == (sorted(train), sorted(test))
    assert sorted(train + test) == list(range(100))
    assert (splits.test.y == "rare").sum() == 2
    assert (splits.test.y == "often").sum() == 18
    assert [row % 10 == 0 for row in test] == (splits.test.y == "rare").tolist()
    again, other = (load(tmp_path, text, test_fraction=0.2, seed=seed).test for seed in (5, 6))
    assert again is not None
    assert other is not None
    assert again.x[:, 0].tolist() == test != other.x[:, 0].tolist()


def test_a_second_file_is_matched_by_names(tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    train = "id,a,b,w,y\nx,1,2,3,cat\nx,4,5,6,dog\n"
    options = {"drop": ["id"], "weight": "w", "test_path": str(test)}
    test.write_text("w,y,b,a\n7,dog,9,8\n")
    found = load(tmp_path, train, **options).test
    assert found is not None
    assert found.x.tolist() == [[8, 9]]
    assert found.y.tolist() == ["dog"]
    assert found.weights is not None
    assert found.weights.tolist() == [7]
    test.write_text("w,y,B,c,a\n7,dog,9,8,7\n")
    with pytest.raises(FileFormatError, match="lacks 'b' and also has 'B', 'c'"):
        load(tmp_path, train, **options)
    test.write_text("w,y,b,a,b\n7,dog,9,8,7\n")
    with pytest.raises(FileFormatError, match="'b', has a name that occurs twice"):
        load(tmp_path, train, **options)


def test_a_second_file_without_names_is_matched_by_count(tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("9,8,cat\n")
    found = load(tmp_path, "a,b,y\n1,2,cat\n3,4,dog\n", test_path=str(test)).test
    assert found is not None
    assert (found.x.tolist(), found.y.tolist()) == ([[9, 8]], ["cat"])
    test.write_text("9,8,7,cat\n")
    with pytest.raises(FileFormatError, match=r"has 3, but has 4"):
        load(tmp_path, "a,b,y\n1,2,cat\n3,4,dog\n", test_path=str(test))


def test_a_class_that_training_lacks_is_named(tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("1,a\n2,d\n")
    with pytest.raises(FileFormatError, match=r"Line 2 .*'d', but must be one of.*'a', 'b'") as e:
        load(tmp_path, "1,a\n2,b\n", test_path=str(test))
    assert e.value.path == str(test)


# Arguments ---------------------------------------------------------------------------------------


def test_a_gzipped_table_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "some.data").write_bytes(gzip.compress(PLAIN.encode()))
    assert len(Csv("~/some.data", test_fraction=0).load().train.x) == 4


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("path", 3),
        ("test_path", 3),
        ("test_fraction", 1),
        ("test_fraction", -0.1),
        ("test_fraction", True),
        ("seed", -1),
        ("label", 1.0),
        ("label", True),
        ("label", ["a", 0.5]),
        ("drop", 1.0),
        ("weight", ["a", "b"]),
        ("header", "yes"),
        ("delimiter", ",,"),
        ("delimiter", '"'),
        ("labels", "one_hot"),
        ("missing", "median"),
        ("missing", float("nan")),
        ("missing", None),
    ],
)
def test_wrong_arguments_are_refused(argument: str, value: object) -> None:
    with pytest.raises(ArgumentError) as caught:
        Csv(**({"path": "x"} | {argument: value}))  # type: ignore[arg-type]
    assert caught.value.argument == argument


@pytest.mark.parametrize("named", [{"label": "a"}, {"drop": ["a"]}, {"weight": "a"}])
def test_a_name_needs_a_header(named: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="header must be True or None"):
        Csv("x", header=False, **named)


def test_several_columns_are_no_class_ids() -> None:
    with pytest.raises(ArgumentError, match=r"targets.*several"):
        Csv("x", label=["a", "b"], labels="class_ids")


def test_a_usual_table_gives_no_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(tmp_path, PLAIN)


# What looks like a number, but is none ----------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ["0,1", "0,2", "0,1"],
        ["123,456", "99,000", "7,000"],
        ["$3", "$4", "$3"],
        ["5 %", "6%", "5%"],
    ],
    ids=repr,
)
def test_labels_that_look_like_numbers_are_no_names(tmp_path: Path, labels: list[str]) -> None:
    text = "a;b\n" + "".join(f"{i};{label}\n" for i, label in enumerate(labels))
    with pytest.raises(FileFormatError, match=r"Line 2 .*'b'.*looks like a number"):
        load(tmp_path, text)
    assert load(tmp_path, text, labels="class_ids").classes == tuple(sorted(set(labels)))


def test_a_first_line_of_numbers_in_other_writing_is_no_header(tmp_path: Path) -> None:
    rest = "900,300,wasp\n800,200,fly\n" * 10
    with pytest.raises(FileFormatError, match="header"):
        load(tmp_path, '"1,200","3,500",fly\n' + rest)


def test_labels_beyond_what_numbers_keep_are_asked_about(tmp_path: Path) -> None:
    text = "a,b\n1,18446744073709551615\n2,18446744073709551614\n3,18446744073709551615\n"
    with pytest.raises(FileFormatError, match="more digits than a number keeps"):
        load(tmp_path, text)


def test_what_is_missing_is_no_class_where_rows_are_dropped(tmp_path: Path) -> None:
    text = "a,b,y\n1,2,0\n3,4,?\n5,6,1\n7,8,None\n"
    with pytest.warns(DataWarning, match="2 of 4 rows"):
        found = load(tmp_path, text, labels="class_ids", missing="drop", test_fraction=0)
    assert found.classes == (0, 1)
    assert found.train.y.tolist() == [0, 1]
