"""New rows for a trained model: matched to it by names or by number, with labels or without."""

import gzip
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet.errors import DataError, FileFormatError
from plugnet.interfaces import Rows
from plugnet.schema import Schema
from plugnet_builtin.datasets.csv_samples import Csv

BEES = Schema("class", ("ant", "bee", "cow"), ("a", "b"), ("kind",), dropped=("id",))
REAL = Schema("real", columns=("a", "b"), targets=("p", "q"))


BARE = Schema("class", (1, 2), input_shape=(2,))  # without names


def rows(folder: Path, text: str | bytes, schema: Schema, **options: Any) -> list[Rows]:
    path = folder / "new.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(Csv(str(path), **options).rows(schema))


def plain(found: Rows) -> tuple[Any, Any]:
    """Return inputs and labels as lists."""
    y = None if found.y is None else found.y.tolist()
    if isinstance(found.x, Mapping):
        return {name: column.tolist() for name, column in found.x.items()}, y
    return found.x.tolist(), y


@pytest.mark.parametrize(
    ("text", "labels", "line"),
    [
        ("a,b,kind\n1,2,cow\n3,4,ant\n", ["cow", "ant"], 2),
        ("kind,b,a\ncow,2,1\nant,4,3\n", ["cow", "ant"], 2),
        ("b,a\n2,1\n4,3\n", None, 2),
        ("id,b,a\n9,2,1\nx,4,3\n", None, 2),
        ("\n,b,a\n9,2,1\n5,4,3\n", None, 3),
        ("a;b;kind\n1;2;\n3;4;\n", None, 2),
        ("a,b,kind\n1,2,NA\n3,4,?\n", None, 2),
    ],
)
def test_columns_are_found_by_name(tmp_path: Path, text: str, labels: Any, line: int) -> None:
    (found,) = rows(tmp_path, text, BEES)
    assert plain(found) == ({"a": [1, 3], "b": [2, 4]}, labels)
    assert list(found.numbers) == [0, 1]
    assert list(found.lines or ()) == [line, line + 1]


@pytest.mark.parametrize(
    ("text", "labels"), [("1,2\n3,4\n", None), ("1,2,cow\n3,4,ant\n", ["cow", "ant"])]
)
def test_columns_without_names_are_matched_by_place_if_asked(
    tmp_path: Path, text: str, labels: Any
) -> None:
    (found,) = rows(tmp_path, text, BEES, header=False)
    assert plain(found) == ({"a": [1, 3], "b": [2, 4]}, labels)
    assert list(found.lines or ()) == [1, 2]


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "1,2,cow\n3,4,ant\n", "1,2,3,4\n5,6,7,8\n"])
def test_a_table_without_the_names_a_model_knows_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match=r"has no header. Add one.*'a', 'b'.*header=False"):
        rows(tmp_path, text, BEES)


@pytest.mark.parametrize("text", ["1,2,3,4\n5,6,7,8\n", "1\n5\n"])
def test_a_wrong_number_of_columns_is_named(tmp_path: Path, text: str) -> None:
    count = "4 columns" if text[1] == "," else "one column"
    with pytest.raises(FileFormatError, match=f"must have 2 columns of inputs.* has {count} in"):
        rows(tmp_path, text, BEES, header=False)


def test_other_columns_come_along_as_text(tmp_path: Path) -> None:
    (found,) = rows(tmp_path, ",id,b,note,a\n7, x1 ,2,hm,1\n", BEES, drop="note")
    assert found.others == {"": ["7"], "id": ["x1"], "note": ["hm"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("b,c,kind\n2,1,ant\n", "lacks 'a' and also has 'c'. Rename or add what is missing"),
        ("a,b,d,e\n2,1,3,4\n", r"but also has 'd', 'e'.*drop=\['d', 'e'\]"),
        ("A,b\n2,1\n", "lacks 'a' and also has 'A'. Did you mean 'a'\\? Rename"),
        ("B,_a_,c\n2,1,4\n", "Did you mean 'a' by '_a_' and 'b' by 'B'\\? Rename"),
        ("3,x\n2,5\n4,5\n", "Line 1 .* has none of the columns' names, 'a', 'b'. Add a header"),
        ("a,b,a\n2,1,3\n", "'a', has a name that occurs twice"),
        ("a,b,kind\n2,1,dog\n", r"Line 2 .*'kind', has the label 'dog'.*'ant', 'bee', 'cow'"),
        ("a,b,kind\n2,1,ant\n3,1,\n", "Line 3 .*'kind', has no label"),
        ("a,b,kind\n2,1,\n3,1,ant\n", "Line 2 .*'kind', has no label"),
        ("a,b\n1,x\n2,3\n4,5\n", "Line 2 .*column 'b', has 'x'"),
        ("a,b\n", "no samples follow"),
    ],
)
def test_what_does_not_match_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FileFormatError, match=says):
        rows(tmp_path, text, BEES)


def test_text_in_an_input_of_a_model_asks_for_another_training(tmp_path: Path) -> None:
    says = "column 'b' contains text .such as 'N1'.*trained with 'b' as an input. Train again with"
    with pytest.raises(FileFormatError, match=says):
        rows(tmp_path, "a,b\n1,N1\n2,N2\n", BEES)


def test_a_label_after_a_block_without_any_is_an_error(tmp_path: Path) -> None:
    text = "a,b,kind\n" + "1,2,\n" * 5000 + "1,2,ant\n"
    with pytest.raises(FileFormatError, match=r"Line 5002 .*has a label, but no row above has one"):
        rows(tmp_path, text, BEES)


def test_missing_inputs_are_nan_whatever_the_rule(tmp_path: Path) -> None:
    for missing in ("refuse", "drop", "mean"):
        (found,) = rows(tmp_path, "a,b\n,2\n3,NA\n", BEES, missing=missing)
        np.testing.assert_array_equal(found.x["a"], [np.nan, 3])
        np.testing.assert_array_equal(found.x["b"], [2, np.nan])


def test_real_targets_of_a_model(tmp_path: Path) -> None:
    (found,) = rows(tmp_path, "q,b,a,p\n1,2,3,4.5\n", REAL)
    assert plain(found) == ({"a": [3], "b": [2]}, [[4.5, 1]])
    (found,) = rows(tmp_path, "b,a\n2,3\n", REAL)
    assert plain(found) == ({"a": [3], "b": [2]}, None)
    (found,) = rows(tmp_path, "3,2,4.5,1\n", REAL, header=False)
    assert plain(found) == ({"a": [3], "b": [2]}, [[4.5, 1]])
    with pytest.raises(FileFormatError, match="lacks 'q'"):
        rows(tmp_path, "b,a,p\n2,3,1\n", REAL)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("3,4\n5,6\n", None),
        ("3,4,2\n5,6,1\n", [2, 1]),
        ("3,4,2.0\n5,6,1.0\n", [2, 1]),
        ("u,v\n3,4\n5,6\n", None),
        ("u,v,w\n3,4,2\n5,6,1\n", [2, 1]),
        ("label,u,v\n2,3,4\n1,5,6\n", [2, 1]),
        (",u,v\n0,3,4\n1,5,6\n", None),
        ("x,y\n3,4\n5,6\n", None),
    ],
)
def test_a_model_without_names_is_matched_by_count(tmp_path: Path, text: str, labels: Any) -> None:
    (found,) = rows(tmp_path, text, BARE)
    assert plain(found) == ([[3, 4], [5, 6]], labels)


def test_labels_are_not_counted_as_inputs(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="must have 2 columns of inputs"):
        rows(tmp_path, "u,label\n3,1\n", BARE)


def test_labels_and_ids_by_place(tmp_path: Path) -> None:
    places: dict[str, Any] = {"label": 0, "drop": [1]}
    (found,) = rows(tmp_path, "2,id1,3,4\n1,id2,5,6\n", BARE, **places)
    assert plain(found) == ([[3, 4], [5, 6]], [2, 1])
    assert found.others == {"1": ["id1", "id2"]}
    (found,) = rows(tmp_path, "3,4\n5,6\n", BARE, **places)
    assert plain(found) == ([[3, 4], [5, 6]], None)
    with pytest.raises(FileFormatError, match=r"2 columns of inputs.* has 3"):  # id or label?
        rows(tmp_path, "1,3,4\n2,5,6\n", BARE, **places)


def test_labels_that_a_model_does_not_name_may_be_said(tmp_path: Path) -> None:
    schema = Schema("class", ("ant", "bee"), ("a", "b"))
    text = "a,b,species\n1,2,bee\n"
    with pytest.raises(FileFormatError, match="also has 'species'"):
        rows(tmp_path, text, schema)
    for label in ("species", 2, -1):
        assert plain(rows(tmp_path, text, schema, label=label)[0])[1] == ["bee"]
    assert plain(rows(tmp_path, "a,Label,b\n1,bee,2\n", schema)[0])[1] == ["bee"]


def test_a_model_that_says_nothing_of_its_inputs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not know the names of its inputs"):
        rows(tmp_path, "1,2\n", Schema("class", (0, 1)))


def test_columns_with_numbers_for_names(tmp_path: Path) -> None:
    schema = Schema("class", (0, 1), ("0", "1", "2"), ("label",))
    (found,) = rows(tmp_path, "2,0,label,1\n5,3,1,4\n", schema)
    assert plain(found) == ({"0": [3], "1": [4], "2": [5]}, [1])
    with pytest.raises(FileFormatError, match=r"Line 1 .*may be a sample or may name"):
        rows(tmp_path, "2,0,1\n5,3,4\n", schema)
    (found,) = rows(tmp_path, "2,0,1\n5,3,4\n", schema, header=True)
    assert plain(found) == ({"0": [3], "1": [4], "2": [5]}, None)


@pytest.mark.parametrize("name", ["None", "?", "-"])
def test_a_class_with_a_name_as_if_missing(tmp_path: Path, name: str) -> None:
    schema = Schema("class", (name, "x"), ("a",), ("y",))
    assert plain(rows(tmp_path, f"a,y\n1,{name}\n2,x\n", schema)[0])[1] == [name, "x"]


@pytest.mark.parametrize("packed", [False, True])
def test_blocks_of_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    text = b"b,a\n" + b"".join(b"%d,%d\n" % (-row, row) for row in range(10_000))
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(text) if packed else text))
    monkeypatch.setattr(sys, "stdin", stdin)
    blocks = list(Csv("-").rows(BEES))
    assert max(len(block.numbers) for block in blocks) <= 4096 < 10_000
    assert np.concatenate([block.x["a"] for block in blocks]).tolist() == list(range(10_000))
    assert [number for block in blocks for number in block.numbers] == list(range(10_000))
    assert [line for block in blocks for line in block.lines or ()] == list(range(2, 10_002))
    assert not stdin.closed


def test_only_the_lines_asked_for_are_read(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = (b"1,2\n" * (len(buffer) // 4 + 1))[: len(buffer)]
            return len(buffer)

    stdin = io.TextIOWrapper(io.BufferedReader(Endless(), 4096))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        blocks = Csv("-", header=False).rows(BEES)
        assert [next(blocks).numbers[0] for _ in range(3)] == [0, 4096, 8192]
        blocks.close()  # type: ignore[attr-defined]


def test_a_file_in_two_parts_is_read_as_one(tmp_path: Path) -> None:
    text = "a,b,kind\n" + "1,2,ant\n" * 10
    found = rows(tmp_path, text, BEES, test_fraction=0.5, test_path="absent.csv")
    assert sum(len(block.numbers) for block in found) == 10
