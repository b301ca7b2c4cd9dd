"""plugnet-parquet: tables as pyarrow reads them, in memory or by groups of rows; hostile files."""

import datetime
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused, Shown
from tests.splits import held_out

from plugnet import Model, Network, Trainer
from plugnet.arrays import Array
from plugnet.data import hold_out
from plugnet.data.lazy import LazyArray
from plugnet.errors import (
    ArgumentError,
    BudgetError,
    DataError,
    DataWarning,
    FileFormatError,
)
from plugnet.interfaces import DataSplits
from plugnet.schema import Schema
from plugnet.testing import check_component
from plugnet_builtin.datasets.csv_samples import Csv

pa = pytest.importorskip("pyarrow")
csv = pytest.importorskip("pyarrow.csv")
pq = pytest.importorskip("pyarrow.parquet")
parquet = pytest.importorskip("plugnet_parquet.parquet")

ROWS = 60


def write(path: Path, group: int = 7, **columns: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return str(path)


def load(path: str, **options: Any) -> DataSplits:
    found: DataSplits = parquet.Parquet(path, **options).load()
    return found


@pytest.fixture
def columns(rng: np.random.Generator) -> dict[str, Any]:
    """Three inputs, and labels by the larger of two."""
    a, b = rng.normal(size=(2, ROWS))
    return {"a": a, "b": b, "n": np.arange(ROWS), "kind": np.where(a > b, "ant", "bee")}


def inputs(path: str, *names: str) -> Array:
    """Return columns as pyarrow reads them."""
    table = pq.read_table(path)
    return np.column_stack([table[name].to_numpy() for name in names])


@pytest.mark.parametrize("memory", [0, 1 << 28])
@pytest.mark.parametrize("group", [7, 60])
@pytest.mark.parametrize("compression", ["NONE", "snappy", "zstd"])
def test_columns_as_pyarrow_reads_them(
    tmp_path: Path, columns: dict[str, Any], memory: int, group: int, compression: str
) -> None:
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table(columns), path, row_group_size=group, compression=compression)
    x, y = inputs(path, "a", "b", "n"), columns["kind"]
    splits = load(path, memory=memory, seed=5)
    assert (splits.columns, splits.targets) == (("a", "b", "n"), ("kind",))
    assert splits.classes == ("ant", "bee")
    parts = (splits.train, held_out(splits))
    for part, rows in zip(parts, hold_out(y, 0.2, 5), strict=True):
        assert isinstance(part.x, LazyArray) == (memory == 0)
        np.testing.assert_array_equal(part.x[:], x[rows])
        some = np.array([3, 0, 3, len(rows) - 1])
        np.testing.assert_array_equal(part.x[some], x[rows][some])
        assert part.y.tolist() == y[rows].tolist()


@pytest.mark.parametrize("memory", [0, 1 << 28])
@pytest.mark.parametrize(
    ("types", "dtype"),
    [
        (["uint8", "uint8"], "u1"),
        (["bool", "uint8"], "u1"),
        (["uint8", "int16"], "i2"),
        (["float16", "uint8"], "f2"),
        (["float32", "int16"], "f4"),
        (["int32", "uint8"], "f8"),
        (["int64", "uint64"], "f8"),
        (["float32", "float64"], "f8"),
    ],
)
def test_the_smallest_dtype_that_holds_all(
    tmp_path: Path, memory: int, types: list[str], dtype: str
) -> None:
    values = np.arange(ROWS) % 2
    made = {kind + str(i): pa.array(values).cast(kind) for i, kind in enumerate(types)}
    path = write(tmp_path / "a.parquet", **made, y=values)
    found = load(path, memory=memory, test_fraction=0).train.x
    assert found.dtype == dtype
    assert found[:].tolist() == [[value] * 2 for value in values.tolist()]


def test_decimals_and_dictionaries_of_numbers(tmp_path: Path) -> None:
    numbers = pa.array([1.25, -2.5, 3, 1.25])
    made = {"d": numbers.cast(pa.decimal128(9, 2)), "c": numbers.dictionary_encode()}
    path = write(tmp_path / "a.parquet", **made, y=[0, 1, 0, 1])
    expected = [[value] * 2 for value in numbers.to_pylist()]
    assert load(path, test_fraction=0).train.x.tolist() == expected


@pytest.mark.parametrize(
    ("labels", "classes", "y"),
    [
        (pa.array(["b", "a", "b", "a"]), ("a", "b"), ["b", "a", "b", "a"]),
        (pa.array(["b", "a", "b", "a"]).dictionary_encode(), ("a", "b"), ["b", "a", "b", "a"]),
        (pa.array(["b", "a", "b", "a"], pa.large_string()), ("a", "b"), ["b", "a", "b", "a"]),
        (pa.array([2, 1, 2, 1], pa.int8()), (1, 2), [2, 1, 2, 1]),
        (pa.array([2, 1, 2, 1]).dictionary_encode(), (1, 2), [2, 1, 2, 1]),
        (pa.array([True, False, True, False]), (0, 1), [1, 0, 1, 0]),
        (pa.array([0.5, 1, 2, 1]), (), [[0.5], [1], [2], [1]]),
    ],
)
def test_labels(tmp_path: Path, labels: Any, classes: Any, y: Any) -> None:
    splits = load(write(tmp_path / "a.parquet", 2, x=range(4), y=labels), test_fraction=0)
    assert splits.classes == classes
    assert splits.train.y.tolist() == y


def test_which_column_has_the_labels(tmp_path: Path) -> None:
    bits = np.arange(ROWS) % 2

    def target(*names: str, **options: Any) -> tuple[str, ...]:
        columns: dict[str, Any] = dict.fromkeys(names, bits)
        return load(write(tmp_path / "a.parquet", **columns), **options).targets

    assert target("a", "b", "c") == ("c",)
    assert target("a", "Label", "c") == ("Label",)
    assert target("y", "b", "c") == ("y",)
    assert target("a", "b", "c", label="b") == ("b",)
    assert target("a", "b", "c", label=["c", "a"], labels="targets") == ("c", "a")
    assert target("a", "b", "__index_level_0__") == ("b",)
    with pytest.raises(FileFormatError, match="several columns that may have the labels"):
        target("label", "target", "c")
    with pytest.raises(FileFormatError, match="lacks 'z'"):
        target("a", "b", label="z")
    with pytest.raises(ArgumentError, match="different columns"):
        target("a", "b", label="b", drop="b")
    with pytest.raises(FileFormatError, match="must have a column besides"):
        target("a", "b", drop="a")


def test_what_pandas_writes(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": pandas.array([1, None, 3, 4], "Int64"), "kind": pandas.Categorical(list("xyxy"))},
        index=[7, 5, 3, 1],
    )
    frame.to_parquet(tmp_path / "a.parquet")
    splits = load(str(tmp_path / "a.parquet"), missing="mean", test_fraction=0)
    np.testing.assert_array_equal(splits.train.x, [[1], [np.nan], [3], [4]])
    assert (splits.columns, splits.dropped) == (("a",), ("__index_level_0__",))
    assert splits.classes == ("x", "y")


def test_columns_that_are_no_numbers_are_all_named(tmp_path: Path) -> None:
    day = datetime.date(2020, 1, 1)
    path = write(
        tmp_path / "a.parquet", a=[1, 2], t=[day] * 2, s=["p", "q"], li=[[1], [2]], y=[0, 1]
    )
    with pytest.raises(FileFormatError, match=r"'t'.*'s'.*'li'.*are not") as caught:
        load(path)
    assert "drop=['t', 's', 'li']" in str(caught.value)
    assert load(path, drop=["t", "s", "li"]).columns == ("a",)
    with pytest.raises(FileFormatError, match=r"Labels must be numbers, or text.*'t' is date"):
        load(path, label="t")


# Missing cells -----------------------------------------------------------------------------------


@pytest.fixture
def gaps(tmp_path: Path) -> str:
    made = {
        "a": pa.array([1.0, np.nan, 3, 4, 5, 6, 7, 8]),
        "n": pa.array([1, 2, None, 4, 5, 6, 7, 8]),
        "w": pa.array([1.0, 1, 1, None, 1, 1, 1, 1]),
        "y": pa.array(["p", "q", "p", "q", None, " ", "p", "q"]),
    }
    return write(tmp_path / "gaps.parquet", 3, **made)


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_missing_cells(gaps: str, memory: int) -> None:
    options: dict[str, Any] = {"memory": memory, "test_fraction": 0}
    for drop, missing, says in (
        (["w", "n"], "refuse", "Row 1 of .*'a' has no value"),
        (["w", "a"], "refuse", "Row 2 of .*'n' has no value"),
        (["w", "a", "n"], "mean", "must have a column"),
        (["w"], "mean", "Row 4 of .*'y' has no value.*neither labels"),
    ):
        with pytest.raises(FileFormatError, match=says):
            load(gaps, drop=drop, missing=missing, **options)
    whole = pq.read_table(gaps).append_column("k", pa.array([0, 1] * 4))
    pq.write_table(whole, gaps)
    with pytest.raises(FileFormatError, match=r"Row 3 of .*'w' has no value"):
        load(gaps, weight="w", label="k", drop=["y"], missing=0, **options)
    pq.write_table(whole.drop_columns("k"), gaps)
    with pytest.warns(DataWarning, match="5 of 8 rows"):
        splits = load(gaps, weight="w", missing="drop", **options)
    assert splits.train.x[:].tolist() == [[1, 1], [7, 7], [8, 8]]
    assert splits.train.y.tolist() == ["p", "p", "q"]
    assert splits.train.weights is not None
    assert splits.train.weights.tolist() == [1, 1, 1]


def test_the_missing_rule_is_that_of_csv(tmp_path: Path, rng: np.random.Generator) -> None:
    """The same table, written as text and as Parquet, is the same data."""
    values = rng.integers(0, 9, (40, 3)).astype(float)
    values[rng.random(values.shape) < 0.1] = np.nan
    kinds = rng.choice(["p", "q"], 40)
    table = pa.table(
        {
            name: pa.array(column, from_pandas=True)
            for name, column in zip("abc", values.T, strict=True)
        }
        | {"kind": kinds}
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=9)
    csv.write_csv(table, tmp_path / "a.csv")
    for missing in ("drop", "mean", 2.5):
        made = []
        for reader, name in ((Csv, "a.csv"), (parquet.Parquet, "a.parquet")):
            data = reader(str(tmp_path / name), missing=missing, seed=4)
            if missing == "drop":
                with pytest.warns(DataWarning, match="left out"):
                    made.append(data.load())
            else:
                made.append(data.load())
        one, other = made
        assert (one.columns, one.classes, one.missing) == (
            other.columns,
            other.classes,
            other.missing,
        )
        parts = ((one.train, other.train), (held_out(one), held_out(other)))
        for part, same in parts:
            np.testing.assert_array_equal(part.x, same.x)
            np.testing.assert_array_equal(part.y, same.y)


def test_a_column_without_any_value_has_no_mean(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", a=pa.nulls(4), b=range(4), y=[0, 1, 0, 1])
    with pytest.raises(DataError, match=r"'a' .*must have a value"):
        load(path, missing="mean")
    assert np.isnan(load(path, missing=0, test_fraction=0).train.x[:, 0]).all()


def test_weights_that_are_negative(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", 2, a=range(4), w=[1, 1, -1, 1], y=[0, 1, 0, 1])
    with pytest.raises(DataError, match=r"Row 2 of .*'w' must be a weight"):
        load(path, weight="w")


# Parts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_the_parts_of_a_folder(tmp_path: Path, columns: dict[str, Any], memory: int) -> None:
    for number in range(3):
        some = slice(20 * number, 20 * number + 20)
        part = {name: column[some] for name, column in columns.items()}
        if number == 1:
            part = dict(reversed(part.items()))
        write(tmp_path / f"set/part-{number}.parquet", **part)
    (tmp_path / "set/_SUCCESS").touch()
    (tmp_path / "set/.part.crc").touch()
    splits = load(str(tmp_path / "set"), memory=memory, test_fraction=0)
    wanted = np.column_stack([columns[name] for name in ("a", "b", "n")])
    np.testing.assert_array_equal(splits.train.x[:], wanted)
    assert splits.train.y.tolist() == columns["kind"].tolist()
    write(tmp_path / "set/part-3.parquet", a=[1.0], c=[2])
    with pytest.raises(FileFormatError, match=r"part-3\.parquet' must have the columns of"):
        load(str(tmp_path / "set"))
    (tmp_path / "set/year=2020").mkdir()
    with pytest.raises(FileFormatError, match="year=2020"):
        load(str(tmp_path / "set"))
    with pytest.raises(FileFormatError, match="there are none"):
        load(str(tmp_path / "set/year=2020"))


def test_a_set_to_test_on(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = write(tmp_path / "a.parquet", **columns)
    other = write(tmp_path / "b.parquet", **dict(reversed(columns.items())))
    splits = load(path, test_path=other)
    np.testing.assert_array_equal(held_out(splits).x, splits.train.x)
    write(tmp_path / "b.parquet", **columns | {"kind": ["cow"] * ROWS})
    with pytest.raises(DataError, match="'ant', 'bee', but there is 'cow'"):
        load(path, test_path=other)
    write(tmp_path / "b.parquet", **columns | {"more": ["cow"] * ROWS})
    with pytest.raises(FileFormatError, match=r"also has 'more'.*drop=\['more'\]"):
        load(path, test_path=other)


# Training and asking -----------------------------------------------------------------------------


def trained(path: str, **options: Any) -> Trainer:
    trainer = Trainer(Network(["standardize", ("fc", {"outputs": 2})]), batch_size=10)
    trainer.fit(load(path, test_fraction=0, drop="n", **options), epochs=40)
    return trainer


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_a_model_finds_its_columns_by_their_names(
    tmp_path: Path, columns: dict[str, Any], memory: int
) -> None:
    path = write(tmp_path / "a.parquet", **columns)
    model = trained(path, memory=memory).model
    assert model.evaluate(path)["accuracy"] > 0.9
    right = np.mean(model.predict(path) == columns["kind"])
    new = write(tmp_path / "new.parquet", b=columns["b"], n=["id"] * ROWS, a=columns["a"])
    assert np.mean(model.predict(new) == columns["kind"]) == right
    blocks = list(parquet.Parquet(new).rows(model.schema))
    assert {rows.y for rows in blocks} == {None}
    assert [number for rows in blocks for number in rows.numbers] == list(range(ROWS))
    assert {cell for rows in blocks for cell in rows.others["n"]} == {"id"}
    with pytest.raises(FileFormatError, match="lacks 'b' and also has 'c'"):
        model.predict(write(tmp_path / "c.parquet", a=[1.0], c=[1.0]))
    with pytest.raises(FileFormatError, match="only some have"):
        model.predict(write(tmp_path / "d.parquet", a=[1.0, 2], b=[1.0, 2], kind=["ant", None]))
    empty = write(tmp_path / "e.parquet", a=[1.0, 2], b=[2.0, 1], kind=pa.nulls(2, pa.string()))
    assert model.predict(empty).tolist() == ["bee", "ant"]


def test_a_model_that_knows_no_names_counts(tmp_path: Path) -> None:
    schema = Schema("class", (0, 1), input_shape=(2,))

    def asked(**columns: Any) -> Any:
        (rows,) = parquet.Parquet(write(tmp_path / "a.parquet", **columns)).rows(schema)
        return rows.x.tolist(), None if rows.y is None else rows.y.tolist()

    assert asked(a=[1], b=[2]) == ([[1, 2]], None)
    assert asked(a=[1], b=[2], c=[0]) == ([[1, 2]], [0])
    assert asked(label=[1], a=[1], b=[2]) == ([[1, 2]], [1])
    with pytest.raises(FileFormatError, match="must have 2 columns of inputs"):
        asked(a=[1])
    with pytest.raises(DataError, match="knows neither"):
        list(parquet.Parquet(str(tmp_path / "a.parquet")).rows(Schema("class", (0, 1))))


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_from_the_command_line(
    tmp_path: Path, columns: dict[str, Any], shown: Shown, sketches: None, memory: int
) -> None:
    days = [datetime.date(2020, 1, 1)] * (ROWS - 1) + [None]
    path = write(tmp_path / "a.parquet", day=days, score=[np.nan] * ROWS, **columns)
    run = str(tmp_path / "run")
    reader = f'["parquet", {{drop = ["day", "score", "n"], memory = {memory}}}]'
    shown("train", "--data", path, "--set", f"data.reader={reader}", "--out", run)
    assert "On:       60 samples" in shown("evaluate", run, "--data", path)
    assert "test samples" in shown("evaluate", run)
    lines = shown("predict", run, "--data", path, "--json").splitlines()
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    assert (first["day"], first["n"], last["day"], last["score"]) == ("2020-01-01", 0, None, None)
    assert {first["true_class"], last["true_class"]} <= {"ant", "bee"}
    assert Model.load(Path(run, "model.safetensors")).schema.columns == ("a", "b")


def test_it_keeps_the_contract_of_data_sets(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = write(tmp_path / "a.parquet", **columns)
    for memory in (0, 1 << 28):
        check_component(("parquet", path, {"memory": memory}))


# Hostile files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"a,b\n1,2\n", "it is text"),
        (b"PAR1", "smaller than"),
        (b"PAR1" + bytes(100), "footer"),
        (b"PARE" + bytes(100) + b"PARE", "encrypted"),
    ],
)
def test_what_is_no_parquet(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(FileFormatError, match=says):
        load(str(tmp_path / "a.parquet"))


def test_cut_short_a_pipe_nothing_and_no_rows(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = Path(write(tmp_path / "a.parquet", **columns))
    path.write_bytes(path.read_bytes()[:-100])
    os.mkfifo(tmp_path / "pipe.parquet")
    write(tmp_path / "b.parquet", a=pa.nulls(0), y=pa.nulls(0))
    for name, says in (
        ("a.parquet", "must be a Parquet file"),
        ("pipe.parquet", "a pipe"),
        ("none.parquet", "No such file"),
        ("b.parquet", "at least one row, but has none. Its columns are 'a', 'y'"),
    ):
        with pytest.raises(FileFormatError, match=says):
            load(str(tmp_path / name))


def test_names_that_occur_twice(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1])] * 3, ["a", "a", "y"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FileFormatError, match="several 'a'"):
        load(str(tmp_path / "a.parquet"))


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_more_rows_than_the_file_can_mean(tmp_path: Path, memory: int) -> None:
    """Equal values are packed well: ten million rows in some kilobytes."""
    zeros = pa.array(np.zeros(10**7, np.int8))
    path = write(tmp_path / "a.parquet", 10**7, a=zeros, y=zeros)
    assert Path(path).stat().st_size < 10**5
    with pytest.raises(BudgetError):
        load(path, memory=memory)
    with pytest.raises(BudgetError):
        next(parquet.Parquet(path).rows(Schema("class", (0, 1), ("a",))))


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.parquet", x=range(4), y=["wxyz", "b", "wxyz", "b"]))
    path.write_bytes(path.read_bytes().replace(b"wxyz", b"wx\xffz"))
    with pytest.raises(FileFormatError, match="UTF"):
        load(str(path))


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_a_file_that_is_replaced(tmp_path: Path, columns: dict[str, Any], memory: int) -> None:
    path = write(tmp_path / "a.parquet", **columns)
    x = pickle.loads(pickle.dumps(load(path, memory=memory, test_fraction=0).train.x))
    write(tmp_path / "a.parquet", 5, **columns)
    if memory:
        assert len(x[:]) == ROWS
        return
    with pytest.raises(DataError, match=r"Row 0: .*has been replaced"):
        x[:3]
    Path(path).unlink()
    with pytest.raises(DataError, match=r"Row 14: .*No such file"):
        x[15:16]


def test_arguments_and_the_command_line_refuse(tmp_path: Path, refused: Refused) -> None:
    for options in (
        {"memory": -1},
        {"missing": "guess"},
        {"labels": "one_hot"},
        {"label": 3},
        {"weight": ["a", "b"]},
        {"label": ["a", "b"], "labels": "class_ids"},
        {"budget": -1},
    ):
        with pytest.raises(ArgumentError):
            parquet.Parquet("a", **options)
    (tmp_path / "a.parquet").write_bytes(b"no")
    assert "must be a Parquet file" in refused("train", "--data", str(tmp_path / "a.parquet"))
    path = write(tmp_path / "b.parquet", a=["x", "y"], b=[1, 2], label=[0, 1])
    assert "drop" in refused("train", "--data", path)
