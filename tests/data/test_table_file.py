"""Tables as files: what divides the cells, what names the columns, and damage."""

import csv
import gzip
import io
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugnet.errors import BudgetError, FileFormatError
from plugnet.schema import Schema
from plugnet_builtin.datasets import table_text
from plugnet_builtin.datasets.csv_samples import Csv
from plugnet_builtin.datasets.table_delimiter import find_delimiter
from plugnet_builtin.datasets.table_header import is_header
from plugnet_builtin.datasets.table_text import open_lines


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a,b", "1,2"], ","),
        (["1;2;x", "3;4;y"], ";"),
        (["1\t2\ta b", "3\t4\tc d"], "\t"),
        (["1|2", "3|4"], "|"),
        (["  1   2 x", "10  20 y "], " "),
        (["1, 2, x", "3, 4, y"], ","),
        (["1,5;2,5", "3,5;4,5"], ";"),
        (["date,a", "2020-01-01 10:00,5", "2020-01-02 11:00,6"], ","),
        (["emotion,pixels,Usage", "0,70 80 82,Training", "2,7 8 9,Training"], ","),
        (["text,label", "hello to all,good", "bye now,bad"], ","),
        (["a b", "1 5 6", "2 7 8"], " "),
        (["1,0", "2,1,5", "3,1"], ","),
        (["x", "1", "2"], ","),
        (["1;NA;", "2;;x"], ";"),
    ],
)
def test_the_delimiter_is_found_out(lines: list[str], delimiter: str) -> None:
    assert find_delimiter(lines, "x.csv") == delimiter


def test_two_delimiters_that_fit_alike_must_be_chosen() -> None:
    with pytest.raises(FileFormatError, match=r"Line 1 .*',' or by ';'.*delimiter="):
        find_delimiter(["a,b;c", "d,e;f"], "x.csv")


@pytest.mark.parametrize(
    ("first", "rest", "answer"),
    [
        ("a,b,c", "1,2,3", True),
        ("a,b,c", "", True),
        ("a,b,y", "1,2,y 1,2,n", True),
        (",a,c", "0,2,3 1,2,3", True),
        ("0,1,2,label", "5,6,7,x 5,6,7,z", True),
        ("0,1,label", "5,6,0 5,6,1", True),
        ("0,1,2,3", "5,6,7,0 5,6,7,1", True),
        (",0,1", "0,6,0 1,6,1", True),
        ("Unnamed: 0,0,1,kind", "0,6,7,a 1,6,7,a", True),
        ("2019,2020,sales", "5,6,70 5,6,80", True),
        ("shop,2019,2020,sales", "5,6,7,70 5,6,7,80", True),
        ("400,410,class", "5,6,a 5,6,b", True),
        ("150,4,setosa,virginica", "5,6,7,0 5,6,7,1", True),
        ("1,2,a", "3,4,b 5,6,c", False),
        ("1,2,a", "3,4,a 5,6,b", False),
        ("1,2,0", "3,4,1", False),
        ("1,?,0", "3,4,1", False),
        ("0.5,1.5,2", "1,2,3", False),
        ("0,0,0", "0,1,1", False),
        ("0,1", "1,0", None),
        ("0,1,2", "1,0,0", None),
        ("0,1,odd", "1,0,even 2,3,odd2", None),
        ("5.l,1", "5.2,0 5.3,1", None),
        ("5.l,2", "5.2,0 5.3,1", None),
        ("5.l,2.75", "5.2,0.5 5.3,1.5", None),
        ("5.l,1,2.75", "5.2,1,0.5 5.3,2,1.5", None),
        ("a,b,2019", "5,6,7 6,7,8", True),
        ("3,4,y", "5,6,n 6,7,m", False),
        ("5.1,x,1", "5.2,1,0 5.3,1,1", None),
        ("5.1,3.5,kind", "5.2,1,0 5.3,1,1", None),
        ("400,410,kind", "5,6,a 5,6,a 5,6,b 5,6,b", None),
    ],
)
def test_a_header_is_told_from_a_sample(first: str, rest: str, answer: bool | None) -> None:
    cells = first.split(",")
    rows = [line.split(",") for line in rest.split()]
    assert is_header(cells, rows, [len(cells) - 1]) is answer


def test_a_header_may_be_said(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("0,1\n1,0\n2,1\n")
    with pytest.raises(FileFormatError, match=r"Line 1 .*header=True.*header=False"):
        Csv(str(path)).load()
    assert len(Csv(str(path), header=False, test_fraction=0).load().train.x) == 3
    assert Csv(str(path), header=True, test_fraction=0).load().columns == ("0",)


@pytest.mark.parametrize(
    "ending", ["\n", "\r\n", "\r", "\n\n", "\n  \n"], ids=["n", "rn", "r", "blank", "spaces"]
)
@pytest.mark.parametrize("start", ["", "\ufeff", "\n"], ids=["plain", "mark", "blank"])
@pytest.mark.parametrize("packed", [False, True])
def test_ends_of_lines_and_marks(tmp_path: Path, ending: str, start: str, packed: bool) -> None:
    text = start + ending.join(['"a, with comma",b,y', "1,2,cat", "3,4,dög"])
    path = tmp_path / "x.csv"
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if packed else text.encode())
    splits = Csv(str(path), test_fraction=0).load()
    assert splits.columns == ("a, with comma", "b")
    assert splits.train.x.tolist() == [[1, 2], [3, 4]]
    assert splits.classes == ("cat", "dög")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a,b\n1,0\n\n2\n", 4, "has 1 cell where the first line has 2"),
        ("1,0\n2,1,5\n", 2, "has 3 cells"),
        ("a,b\n", 1, "no samples follow"),
        ('1,0\n2,"1\n3,0\n', 2, "quotation mark"),
        ('a,y\n1,"x\nz"\n3,w\nq,w\n', 5, "'q' where a number must be"),
        ("a,a\n1,0\n", 1, "'a', has a name that occurs twice"),
        ("a,,y\n1,2,0\n", 1, r"column 1 \(from 0\), must have a name"),
        (b"1,0\n2,1\n3,\xe9\n", 3, "UTF-8, but has the byte 0xe9"),
        ("1,0\n2," + "1" * 200_000, 2, "cannot be read"),
    ],
)
def test_the_wrong_line_is_named(tmp_path: Path, text: str | bytes, line: int, says: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileFormatError, match=rf"^Line {line} of .*{says}") as caught:
        Csv(str(path)).load()
    assert vars(caught.value)["path"] == str(path)
    assert vars(caught.value)["line"] == line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"\n\n", "blank"),
        (b"PK\x03\x04", "zip"),
        (b"<html><p>404</p></html>", "web page"),
        ("1,0\n".encode("utf-16"), r"UTF-16\. Save it as UTF-8"),
        ("1,0\n".encode("utf-16-le"), "UTF-16"),
        ("1,0\n".encode("utf-16-be"), "UTF-16"),
        (gzip.compress(b"", mtime=0), "an empty file"),
        (gzip.compress(b"PK\x03\x04", mtime=0), "zip"),
        (gzip.compress(b"1,0\n2,1\n", mtime=0)[:-5], "damaged or cut short"),
        (b"\x1f\x8b\x08\x00junk", "damaged or cut short"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=says):
        Csv(str(path)).load()


def test_what_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(gzip.compress(b"1,0\n" * 250_000, mtime=0))
    schema = Schema("class", classes=(0,), input_shape=(1,))
    with pytest.raises(BudgetError, match="its rows"):
        Csv(str(path), budget=10**6).load()
    with pytest.raises(BudgetError, match="the unpacked text"):
        list(Csv(str(path), budget=9 * 10**5).rows(schema))
    assert (
        sum(len(rows.numbers) for rows in Csv(str(path), budget=2 * 10**6).rows(schema)) == 250_000
    )
    monkeypatch.setattr(table_text, "_LONGEST_LINE", 50)
    path.write_text("1,0\n2," + "1" * 50)
    with pytest.raises(FileFormatError, match=r"Line 2 .*more than 50 characters"):
        list(open_lines(str(path)).__enter__())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_tables_come_back_from_what_csv_writes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """In several dialects, with names, numbers and classes that need quotation marks."""
    delimiter = data.draw(st.sampled_from([",", ";", "\t", "|"]))
    text = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
    word = text.filter(lambda t: math.isnan(_as_float(t)) and not t.startswith("\ufeff"))
    width = data.draw(st.integers(2, 5))
    names = data.draw(st.lists(word, min_size=width + 1, max_size=width + 1, unique=True))
    row = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=width, max_size=width)
    x = data.draw(st.lists(row, min_size=2, max_size=8))
    y = data.draw(
        st.lists(word.map(lambda t: f"class {t} 'end'"), min_size=len(x), max_size=len(x))
    )
    file = io.StringIO(newline="")
    writer = csv.writer(
        file,
        delimiter=delimiter,
        lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])),
        quoting=data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    writer.writerow([f"n{name}" for name in names])
    writer.writerows([*numbers, label] for numbers, label in zip(x, y, strict=True))
    path = tmp_path_factory.mktemp("tables") / "x.csv"
    path.write_bytes(file.getvalue().encode())
    reader = Csv(str(path), label=-1, header=True, delimiter=delimiter, test_fraction=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        splits = reader.load()
    np.testing.assert_array_equal(splits.train.x, x)
    assert splits.train.y.tolist() == y
    assert splits.classes == tuple(sorted(set(y)))
    assert splits.columns == tuple(f"n{name}" for name in names[:-1])


def _as_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_plain_tables_come_back_from_what_numpy_writes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Delimiter and header are found out."""
    shape = data.draw(st.tuples(st.integers(2, 9), st.integers(2, 6)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    table = rng.normal(size=shape) * 10.0 ** rng.integers(-9, 9, shape)
    delimiter = data.draw(st.sampled_from([",", ";", "\t", "|", " ", "   "]))
    header = data.draw(st.booleans())
    names = [f"name{i}" for i in range(shape[1])]
    path = tmp_path_factory.mktemp("tables") / "x.txt"
    line = delimiter.join(names) if header else ""
    np.savetxt(path, table, delimiter=delimiter, header=line, comments="")
    splits = Csv(str(path), test_fraction=0).load()
    np.testing.assert_array_equal(splits.train.x, table[:, :-1])
    np.testing.assert_array_equal(splits.train.y, table[:, -1:])
    assert splits.columns == (tuple(names[:-1]) if header else ())


def test_a_nul_is_no_character_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,label\n" + b"1,x\n2,y\n" * 50 + b"2,\0\n")
    with pytest.raises(FileFormatError, match=r"Line 102 of .* has the character NUL"):
        Csv(str(tmp_path / "t.csv")).load()
