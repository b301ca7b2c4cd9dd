"""The data set `csv`: headers, columns, names of classes, the split, and lines that are wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet.errors import ArgumentError, DataError, DataWarning, FileFormatError
from plugnet.interfaces import DataSplits
from plugnet_builtin.datasets.csv_samples import Csv

PLAIN = "0.5,1,0\n-2,3e-1,1\n0,0,1\n1,1,0\n"


def load(folder: Path, text: str | bytes, **options: Any) -> DataSplits:
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Csv(str(path), **({"test_fraction": 0} | options)).load()


def test_numbers_with_ids_in_the_last_column(tmp_path: Path) -> None:
    samples = load(tmp_path, PLAIN)
    assert samples.train.x.dtype == np.float32
    expected = np.array([[0.5, 1], [-2, 0.3], [0, 0], [1, 1]], np.float32)
    np.testing.assert_array_equal(samples.train.x, expected)
    assert samples.train.y.tolist() == [0, 1, 1, 0]
    assert samples.test.x.shape == (0, 2)
    assert samples.test.y.shape == (0,)
    assert samples.classes == ()


@pytest.mark.parametrize(
    "text",
    [
        "a,b,class\n" + PLAIN,
        "\ufeffa,b,class\n" + PLAIN,
        ("a,b,class\n" + PLAIN).replace("\n", "\r\n"),
        '"a, with comma","b",class\n\n' + PLAIN + "\n\n",
        ("a,b,c\n" + PLAIN).replace(",", " , "),
    ],
)
def test_a_header_is_detected(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).train.y.tolist() == [0, 1, 1, 0]


def test_a_header_of_numbers_must_be_declared(tmp_path: Path) -> None:
    samples = load(tmp_path, "0,1,2\n" + PLAIN, header=True)
    assert samples.train.x.shape == (4, 2)
    assert load(tmp_path, PLAIN, header=False).train.x.shape == (4, 2)
    assert load(tmp_path, "0,a,2\n" + PLAIN, header=True).train.x.shape == (4, 2)


@pytest.mark.parametrize("column", [0, -3, "class"])
def test_the_labels_column_by_index_or_name(tmp_path: Path, column: int | str) -> None:
    samples = load(tmp_path, "class,a,b\n1,0.5,0.25\n0,2,3\n", label_column=column)
    assert samples.train.x.tolist() == [[0.5, 0.25], [2, 3]]
    assert samples.train.y.tolist() == [1, 0]


def test_names_become_ids_in_sorted_order(tmp_path: Path) -> None:
    samples = load(tmp_path, "1;zebra\n2; ant \n3;zebra\n4;bée\n", delimiter=";")
    assert samples.classes == ("ant", "bée", "zebra")
    assert samples.train.y.tolist() == [2, 0, 2, 1]


def test_real_targets_by_rule(tmp_path: Path) -> None:
    samples = load(tmp_path, "1,0.5\n2,7\n", labels="targets")
    assert samples.train.y.tolist() == [[0.5], [7]]
    with pytest.raises(FileFormatError, match=r"must be a number.*'high'"):
        load(tmp_path, "1,high\n2,low\n", labels="targets")


def test_ids_may_count_from_1(tmp_path: Path) -> None:
    assert load(tmp_path, "1,1\n2,2\n", first_class=1).train.y.tolist() == [0, 1]
    with pytest.warns(DataWarning, match="first_class"):
        load(tmp_path, "1,1\n2,2\n")


def test_part_of_the_file_is_held_out_by_the_seed(tmp_path: Path) -> None:
    text = "".join(f"{row / 100},{row % 2}\n" for row in range(50))
    samples = load(tmp_path, text, test_fraction=0.3, seed=5)
    train, test = (np.round(x[:, 0] * 100).astype(int) for x in (samples.train.x, samples.test.x))
    assert len(test) == 15
    assert sorted([*train, *test]) == list(range(50))
    assert train.tolist() == sorted(train)
    assert test.tolist() == sorted(test)
    assert samples.train.y.tolist() == (train % 2).tolist()
    assert samples.test.y.tolist() == (test % 2).tolist()
    again = load(tmp_path, text, test_fraction=0.3, seed=5)
    np.testing.assert_array_equal(samples.test.x, again.test.x)
    other = load(tmp_path, text, test_fraction=0.3, seed=6)
    assert other.test.x.tolist() != samples.test.x.tolist()


def test_a_separate_file_to_test_on(tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("9,b\n8,a\n")
    samples = load(tmp_path, "1,a\n2,b\n3,c\n", test_path=str(test))
    assert len(samples.train.x) == 3
    assert samples.test.x.tolist() == [[9], [8]]
    assert samples.test.y.tolist() == [1, 0]
    test.write_text("9,b\n8,d\n")
    with pytest.raises(FileFormatError, match=r"line 2 of .* one of a, b, c, not 'd'") as caught:
        load(tmp_path, "1,a\n2,b\n3,c\n", test_path=str(test))
    assert caught.value.path == str(test)
    test.write_text("9,9,a\n")
    with pytest.raises(DataError, match="same columns"):
        load(tmp_path, "1,a\n2,b\n", test_path=str(test))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("1,0\n2,1,5\n", 2, "has 3 values where the first has 2"),
        ("a,b\n1,0\n\n2\n", 4, "has 1 values"),
        ("1,0\n2,1\nx,1\n", 3, "has 'x' where a number must be"),
        ("1,0\n,1\n", 2, "has '' where a number must be"),
        ("a,b\n", 1, "no samples follow"),
        ('1,0\n2,"1\n', 2, "cannot be read"),
        ("1,0\n2,one\n", 2, "a number, as the first is, not 'one'"),
        ("1;2;0\n3;4;1\n", 1, "one value.*delimiter"),
        ("1,,0\n2,3,1\n", 1, "'' beside numbers.*header=True"),
        ("150,setosa,virginica\n2,3,1\n", 1, "'setosa' beside numbers"),
    ],
)
def test_the_wrong_line_is_named(tmp_path: Path, text: str | bytes, line: int, says: str) -> None:
    with pytest.raises(FileFormatError, match=says) as caught:
        load(tmp_path, text)
    assert caught.value.path == str(tmp_path / "data.csv")
    assert getattr(caught.value, "line") == line  # noqa: B009


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"\x1f\x8b\x08\x00", "gzipped"),
        (b"PK\x03\x04", "zip"),
        (b"<html><p>404</p></html>", "web page"),
        ("1,0\n".encode("utf-16"), "unknown or damaged"),
        (b"1,0\n2,1\n3,\xff\n", "UTF-8, but invalid start byte"),
        (b"\n\n", "has 0 values"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(FileFormatError, match=says):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("1,0\nnan,1\n", {}, r"\[1, 0\] is nan"),
        ("1,0\n1e99,1\n", {}, r"\[1, 0\] is inf"),
        ("1,0\n2,1.5\n", {}, r"Row 1 is 1\.5"),
        ("1,0\n", {"test_fraction": 0.6}, "none of them to train on"),
    ],
)
def test_values_that_break_a_rule(
    tmp_path: Path, text: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        load(tmp_path, text, **options)


@pytest.mark.parametrize(
    ("column", "says"), [(2, "no column 2"), (-3, "no column -3"), ("c", "name the column 'c'")]
)
def test_the_label_column_must_exist(tmp_path: Path, column: int | str, says: str) -> None:
    with pytest.raises(FileFormatError, match=says):
        load(tmp_path, "a,b\n1,0\n", label_column=column)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("path", 3),
        ("test_path", 3),
        ("test_fraction", 1),
        ("test_fraction", -0.1),
        ("test_fraction", True),
        ("seed", -1),
        ("label_column", 1.0),
        ("label_column", None),
        ("header", "yes"),
        ("delimiter", ",,"),
        ("delimiter", '"'),
        ("labels", "one_hot"),
        ("first_class", -1),
    ],
)
def test_wrong_arguments_are_refused(argument: str, value: object) -> None:
    with pytest.raises(ArgumentError) as caught:
        Csv(**({"path": "x"} | {argument: value}))  # type: ignore[arg-type]
    assert caught.value.argument == argument


def test_a_name_needs_a_header() -> None:
    with pytest.raises(ArgumentError, match="header must be True"):
        Csv("x", label_column="class", header=False)
