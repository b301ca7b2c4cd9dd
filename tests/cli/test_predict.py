"""`plugnet predict`: answers to all rows asked about, in the user's words, wherever they go."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused, Shown

from plugnet import Model, Network, Trainer, registry
from plugnet.cli import main
from plugnet.schema import Label, Schema

COMMAND = [sys.executable, "-m", "plugnet", "predict"]

#: A table with names, and what the model of `insects` answers: the larger column's insect.
TABLE = "a,b,id,label\n2,1,x1,ant\n0,3,x2,bee\n1,0,x3,bee\n"
ANSWERS = ["ant", "bee", "ant"]


def model_file(
    path: Path, classes: tuple[Label, ...] = ("ant", "bee"), loss: str = "softmax_with_loss"
) -> str:
    """Save a model whose answer is the class of the larger of the columns a and b."""
    network = Network([("fc", 2, 2, {"bias": False})])
    network.parameters()["fc1.weight"].value[...] = np.eye(2)
    schema = Schema("class", classes, ("a", "b"), targets=("label",), dropped=("id",))
    Model(network, loss, schema).save(path)
    return str(path)


@pytest.fixture
def insects(tmp_path: Path) -> str:
    return model_file(tmp_path / "insects.safetensors")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A table to ask about."""
    path = tmp_path / "new.csv"
    path.write_text(TABLE)
    return path


def answers(shown: Shown, *words: str | Path) -> list[dict[str, Any]]:
    """Return the rows that `plugnet predict` gives."""
    out = shown("predict", *map(str, words), "--json")
    return [json.loads(line) for line in out.splitlines()]


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_tests_of_a_run_are_answered_by_default(digits_run: Path, shown: Shown) -> None:
    rows = answers(shown, digits_run)
    samples = registry.datasets.build("digits").load().test
    assert samples is not None
    network = Network.load(digits_run / "model.safetensors")
    scores = network.forward(samples.x).astype(np.float64)
    powers = np.exp(scores)
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
    assert [row["row"] for row in rows] == list(range(300))
    assert [row["predicted_class"] for row in rows] == scores.argmax(axis=1).tolist()
    assert [row["true_class"] for row in rows] == samples.y.tolist()
    np.testing.assert_allclose([row["probability"] for row in rows], probabilities, rtol=1e-5)


def test_all_rows_are_answered_with_numbers_and_ids(insects: str, new: Path, shown: Shown) -> None:
    rows = answers(shown, insects, "--data", new)
    assert [row["row"] for row in rows] == [0, 1, 2]
    assert [row["id"] for row in rows] == ["x1", "x2", "x3"]
    assert [row["predicted_class"] for row in rows] == ANSWERS
    assert [row["true_class"] for row in rows] == ["ant", "bee", "bee"]
    strengths = [row["probability"] for row in rows]
    powers = [np.exp(1), np.exp(3), np.exp(1)]
    np.testing.assert_allclose(strengths, [p / (p + 1) for p in powers], rtol=1e-6)
    assert list(rows[0]) == ["row", "id", "predicted_class", "probability", "true_class"]


@pytest.mark.parametrize(
    "text",
    ["a,b\n2,1\n0,3\n1,0\n", "b,a\n1,2\n3,0\n0,1\n", "b;id;a\n1;u;2\n3;v;0\n0;w;1\n"],
    ids=["no labels", "another order", "another delimiter"],
)
def test_columns_are_found_by_their_names(insects: str, new: Path, text: str, shown: Shown) -> None:
    new.write_text(text)
    rows = answers(shown, insects, "--data", new)
    assert [row["predicted_class"] for row in rows] == ANSWERS
    assert all("true_class" not in row for row in rows)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("a,c,id,label", "lacks 'b' and also has 'c'"),
        ("a,label", "lacks 'b'"),
        ("a,b,weight", "also has 'weight'"),
        ("a,b,b", "'b'"),
    ],
)
def test_wrong_columns_are_named(
    insects: str, new: Path, header: str, says: str, refused: Refused
) -> None:
    width = header.count(",") + 1
    new.write_text(f"{header}\n{','.join(['1'] * width)}\n")
    message = refused("predict", insects, "--data", str(new))
    assert says in message
    assert str(new) in message


def test_a_table_without_header_is_read_by_place(tmp_path: Path, new: Path, shown: Shown) -> None:
    trainer = Trainer(Network([("fc", 2, 2)]), batch_size=4)
    x = np.array([[1.0, 0.0], [0.0, 1.0], [0.9, 0.1], [0.1, 0.9]])
    trainer.fit(x, ["ant", "bee", "ant", "bee"], iterations=50)
    trainer.model.save(tmp_path / "m.safetensors")
    new.write_text("2.5,1,ant\n0,3,bee\n1,0,ant\n")
    rows = answers(shown, tmp_path / "m.safetensors", "--data", new)
    assert [row["predicted_class"] for row in rows] == ANSWERS
    assert [row["true_class"] for row in rows] == ANSWERS
    new.write_text("2.5,1\n0,3\n1,0\n")
    rows = answers(shown, tmp_path / "m.safetensors", "--data", new)
    assert [row["predicted_class"] for row in rows] == ANSWERS


def test_what_to_do_with_an_unknown_column_is_told(
    insects: str, new: Path, refused: Refused, shown: Shown
) -> None:
    new.write_text("a,b,weight\n2,1,7\n")
    message = refused("predict", insects, "--data", str(new))
    setting = message.partition("--set '")[2].rpartition("'")[0]
    (row,) = answers(shown, insects, "--data", new, "--set", setting)
    assert (row["predicted_class"], row["weight"]) == ("ant", "7")


def test_a_column_may_be_dropped(insects: str, new: Path, shown: Shown) -> None:
    new.write_text("a,b,weight\n2,1,7\n")
    words = ["--set", "reader=['csv', {drop = ['weight']}]"]
    (row,) = answers(shown, insects, "--data", new, *words)
    assert (row["predicted_class"], row["weight"]) == ("ant", "7")


def test_a_model_alone_answers_from_any_folder(
    insects: str, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    shutil.move(insects, place / "m.safetensors")
    monkeypatch.chdir(place)
    rows = answers(shown, "m.safetensors", "--data", "../new.csv")
    assert [row["predicted_class"] for row in rows] == ANSWERS
    monkeypatch.setenv("HOME", str(tmp_path))
    words = ["~/elsewhere/m.safetensors", "--data", "~/new.csv", "--out", "~/out.csv"]
    assert main(["predict", *words]) == 0
    assert [row[2] for row in cells((tmp_path / "out.csv").read_text())[1:]] == ANSWERS


def test_a_run_knows_its_data_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tables").mkdir()
    rows = [f"{i % 7},{i % 5},{'even' if i % 2 else 'odd'}" for i in range(40)]
    Path("tables/some.csv").write_text("\n".join(["a,b,label", *rows]))
    Path("settings").mkdir()
    Path("settings/my.toml").write_text(
        "[data]\nreader = ['csv', '../tables/some.csv', {seed = 3}]\n"
        "[training]\niterations = 2\nvalidation = 'none'\n"
    )
    assert main(["train", "settings/my.toml", "--quiet", "--out", "run"]) == 0
    monkeypatch.chdir(tmp_path / "settings")
    assert len(answers(shown, "../run")) == 8  # a fifth
    assert len(answers(shown, "../run", "--data", "../tables/some.csv")) == 40
    Path("../tables/other.csv").write_text("\n".join(["a,b,label", *rows[:30]]))
    assert len(answers(shown, "../run", "--set", "data.path=../tables/other.csv")) == 30


def test_files_and_streams_have_the_same_text(
    insects: str, new: Path, tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "answers.csv"
    assert shown("predict", insects, "--data", str(new), "--out", str(out)) == ""
    text = out.read_text()
    assert [row[:3] for row in cells(text)] == [
        ["row", "id", "predicted_class"],
        ["0", "x1", "ant"],
        ["1", "x2", "bee"],
        ["2", "x3", "ant"],
    ]
    assert shown("predict", insects, "--data", str(new), "--out", "-") == text
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))
    assert shown("predict", insects, "--data", "-", "--out", "-") == text
    lines = tmp_path / "answers.jsonl"
    assert main(["predict", insects, "--data", str(new), "--out", str(lines)]) == 0
    assert lines.read_text() == shown("predict", insects, "--data", str(new), "--json")


def test_probabilities_have_a_column_for_each_class(insects: str, new: Path, shown: Shown) -> None:
    rows = answers(shown, insects, "--data", new, "--proba")
    for row, margin in zip(rows, (1, -3, 1), strict=True):
        assert row["probability_ant"] == pytest.approx(1 / (1 + np.exp(-margin)))
        assert row["probability_ant"] + row["probability_bee"] == pytest.approx(1)
        assert row["probability"] == max(row["probability_ant"], row["probability_bee"])


def test_a_loss_without_probabilities_says_so(
    tmp_path: Path, new: Path, refused: Refused, shown: Shown
) -> None:
    model = model_file(tmp_path / "hinge.safetensors", loss="hinge")
    message = refused("predict", model, "--data", str(new), "--proba")
    assert "this model's loss is 'hinge'" in message
    assert [row["score"] for row in answers(shown, model, "--data", new)] == [2, 3, 1]


@pytest.mark.parametrize(
    ("loss", "column", "strengths"),
    [
        ("sigmoid_cross_entropy", "probability", [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-1))]),
        ("hinge", "score", [3.0, 0.0]),
    ],
)
def test_a_single_output_tells_two_classes_apart(
    tmp_path: Path, loss: str, column: str, strengths: list[float], shown: Shown
) -> None:
    network = Network([("fc", 2, 1, {"bias": False})])
    network.parameters()["fc1.weight"].value[...] = 1
    schema = Schema("class", ("no", "yes"), ("a", "b"), ("label",))
    Model(network, loss, schema).save(tmp_path / "model.safetensors")
    data = tmp_path / "new.csv"
    data.write_text("a,b,label\n1,2,yes\n0.5,-1.5,no\n")
    rows = answers(shown, tmp_path / "model.safetensors", "--data", data)
    assert [row["predicted_class"] for row in rows] == ["yes", "no"]
    assert [row["true_class"] for row in rows] == ["yes", "no"]
    np.testing.assert_allclose([row[column] for row in rows], strengths, rtol=1e-6)


def test_real_values_come_in_the_users_units(tmp_path: Path, shown: Shown) -> None:
    network = Network([("fc", 1, 2, {"bias": False})])
    network.parameters()["fc1.weight"].value[...] = [[1, -1]]
    schema = Schema(
        "real",
        columns=("area",),
        targets=("price", "rent"),
        offsets=(1e6, 10.0),
        scales=(100.0, 2.0),
    )
    Model(network, "least_square_error", schema).save(tmp_path / "m.safetensors")
    data = tmp_path / "new.csv"
    data.write_text("rent,price,area\n8,1000100,1\n5,1000600,3\n")
    rows = answers(shown, tmp_path / "m.safetensors", "--data", data)
    assert [row["predicted_price"] for row in rows] == [1000100, 1000300]
    assert [row["predicted_rent"] for row in rows] == [8, 4]
    np.testing.assert_allclose([row["true_price"] for row in rows], [1000100, 1000600], rtol=1e-9)
    np.testing.assert_allclose([row["true_rent"] for row in rows], [8, 5], rtol=1e-9)
    words = ["evaluate", str(tmp_path / "m.safetensors"), "--data", str(data), "--json"]
    found = json.loads(shown(*words))
    # errors 0 and 300 of the price, 0 and 1 of the rent; the mean of both targets
    assert found["rmse"] == pytest.approx((300 + 1) / np.sqrt(2) / 2)
    assert found["classes"] == []


def test_values_without_a_name_are_numbered(tmp_path: Path, shown: Shown) -> None:
    network = Network([("fc", 2, 1)])
    Model(network, "least_square_error", Schema("real")).save(tmp_path / "m.safetensors")
    x = np.array([[1.0, 2.0], [0.5, -1.0]])
    np.savez(tmp_path / "new.npz", x=x, y=np.array([[1.5], [2.5]]))
    rows = answers(shown, tmp_path / "m.safetensors", "--data", tmp_path / "new.npz")
    weight = network.parameters()["fc1.weight"].value
    assert [row["true_value"] for row in rows] == [1.5, 2.5]
    np.testing.assert_allclose([[row["predicted_value"]] for row in rows], x @ weight, rtol=1e-5)


ODD = ('comma, "quote"', "new\nline")


def test_odd_names_are_quoted_and_kept(
    tmp_path: Path, new: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_file(tmp_path / "m.safetensors", ODD)
    new.write_text('a,b,id\n1,0,"ü, x"\n0,1,"two\nlines"\n', encoding="utf-8")
    out = tmp_path / "answers.csv"
    assert main(["predict", model, "--data", str(new), "--out", str(out)]) == 0
    header, *rows = cells(out.read_text(encoding="utf-8"))
    assert header[:3] == ["row", "id", "predicted_class"]
    assert [row[1:3] for row in rows] == [["ü, x", ODD[0]], ["two\nlines", ODD[1]]]
    monkeypatch.setenv("COLUMNS", "80")
    assert shown("predict", model, "--data", str(new)).count("\n") == 3


def test_a_class_may_be_called_nothing_or_be_a_number(
    tmp_path: Path, new: Path, shown: Shown
) -> None:
    new.write_text("a,b,label\n1,0,nothing\n0,1,None\n")
    model = model_file(tmp_path / "m.safetensors", ("nothing", "None"))
    rows = answers(shown, model, "--data", new)
    assert [row["predicted_class"] for row in rows] == ["nothing", "None"]
    assert [row["true_class"] for row in rows] == ["nothing", "None"]
    new.write_text("a,b,label\n1,0,7\n0,1,-7\n")
    model = model_file(tmp_path / "m.safetensors", (7, -7))
    rows = answers(shown, model, "--data", new, "--proba")
    assert [row["predicted_class"] for row in rows] == [7, -7]
    assert [row["true_class"] for row in rows] == [7, -7]
    assert "probability_-7" in rows[0]


def test_a_column_of_the_data_never_hides_an_answer(insects: str, new: Path, shown: Shown) -> None:
    new.write_text("row,a,b\nfirst,1,0\n")
    words = ["--set", "reader=['csv', {drop = ['row']}]"]
    (row,) = answers(shown, insects, "--data", new, *words)
    assert (row["row"], row["row of the data"]) == (0, "first")


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_a_row_that_fails_leaves_files_as_they_were(
    insects: str, new: Path, tmp_path: Path, name: str, refused: Refused
) -> None:
    rows = [f"{i % 3},{i % 5}" for i in range(20_000)]
    rows[15_000] = "1,"
    new.write_text("\n".join(["a,b", *rows]))
    before = {path.name for path in tmp_path.iterdir()}
    words = ["predict", insects, "--data", str(new), "--out", str(tmp_path / name)]
    message = refused(*words)
    assert "ine 15002" in message
    assert "'b'" in message
    assert {path.name for path in tmp_path.iterdir()} == before
    (tmp_path / name).write_text("mine")
    refused(*words)
    assert (tmp_path / name).read_text() == "mine"


def test_an_unknown_class_is_named_with_its_line(insects: str, new: Path, refused: Refused) -> None:
    new.write_text(TABLE + "1,1,x4,cow\n")
    message = refused("evaluate", insects, "--data", str(new))
    assert "Line 5" in message
    assert "'cow'" in message


@pytest.mark.filterwarnings("default::plugnet.errors.DataWarning")
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_unusual_values_are_warned_of_once(
    insects: str, new: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    rows = "".join(f"{i},0,ant\n" for i in range(20_000))
    new.write_text(f"a,b,label\n{rows}")
    assert main([command, insects, "--data", str(new)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("plugnet: warning: The values in column 'a'")


def test_a_cell_that_the_model_cannot_fill_is_named(
    insects: str, new: Path, refused: Refused
) -> None:
    new.write_text("id,b,a,label\nx1,1,2,ant\nx2,NA,3,bee\n")
    for command in ("predict", "evaluate"):
        message = refused(command, insects, "--data", str(new))
        assert f"{new}, line 3: column 'b' is empty, and this model cannot fill" in message
        assert 'Fill it, or train again with missing="mean".' in message


def test_text_in_an_input_asks_for_another_training(
    insects: str, new: Path, refused: Refused
) -> None:
    new.write_text("a,b,note\n1,N0,u\n2,N1,v\n")
    words = ["--set", "reader=['csv', {drop = ['note']}]"]
    message = refused("predict", insects, "--data", str(new), *words)
    assert "The model was trained with 'b' as an input. Train again with drop=['b']" in message
    *_, place, command = message.splitlines()
    assert place == "  On the command line of plugnet train:"
    assert command == """    --set 'reader=["csv", { drop = ["note", "b"] }]'"""


def test_a_renamed_column_is_not_to_be_dropped(insects: str, new: Path, refused: Refused) -> None:
    new.write_text("A,b\n2,1\n")
    message = refused("predict", insects, "--data", str(new))
    assert "Did you mean 'a'?" in message
    assert "drop" not in message


def test_rows_without_a_header_need_one(
    insects: str, new: Path, refused: Refused, shown: Shown
) -> None:
    new.write_text("1,2\n4,3\n")
    message = refused("predict", insects, "--data", str(new))
    assert "has no header. Add one that names the columns, 'a', 'b'" in message
    setting = message.partition("--set '")[2].rpartition("'")[0]
    assert setting == 'reader=["csv", { header = false }]'
    rows = answers(shown, insects, "--data", new, "--set", setting)
    assert [row["predicted_class"] for row in rows] == ["bee", "ant"]
    new.write_text("3,x\n2,5\n4,5\n")
    message = refused("predict", insects, "--data", str(new))
    assert "Add a header with these names" in message
    assert "header = true" not in message


def test_evaluate_needs_labels(insects: str, new: Path, refused: Refused) -> None:
    new.write_text("a,b\n1,0\n")
    message = refused("evaluate", insects, "--data", str(new))
    assert "has no labels to compare with. Add them as label" in message


@pytest.mark.parametrize(
    ("out", "says"), [("answers.xlsx", ".csv file or JSON lines"), ("new.csv", "different files")]
)
def test_a_file_that_is_not_for_answers_is_refused(
    insects: str, new: Path, tmp_path: Path, out: str, says: str, refused: Refused
) -> None:
    words = ["predict", insects, "--data", str(new), "--out", str(tmp_path / out)]
    assert says in refused(*words)
    assert new.read_text() == TABLE
    assert not (tmp_path / "answers.xlsx").exists()


def test_a_gzipped_table_is_read(insects: str, new: Path, tmp_path: Path, shown: Shown) -> None:
    import gzip

    packed = tmp_path / "new.csv.gz"
    packed.write_bytes(gzip.compress(new.read_bytes()))
    assert answers(shown, insects, "--data", packed) == answers(shown, insects, "--data", new)


def test_missing_values_are_filled_as_in_training(tmp_path: Path, shown: Shown) -> None:
    network = Network([("standardize", {"missing": "mean"}), ("fc", {"outputs": 2, "bias": False})])
    trainer = Trainer(network, batch_size=4)
    x = {"a": [1.0, 3.0, 1.0, 3.0], "b": [0.0, 0.0, 2.0, 2.0]}
    trainer.fit(x, ["ant", "bee", "ant", "bee"], iterations=50)
    trainer.model.save(tmp_path / "m.safetensors")
    new = tmp_path / "new.csv"
    new.write_text("b,a\nNA,1\n,3\n")
    rows = answers(shown, tmp_path / "m.safetensors", "--data", new)
    assert [row["predicted_class"] for row in rows] == ["ant", "bee"]


PEAK = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"


@pytest.mark.parametrize("rows", [200_000])
def test_a_large_file_is_answered_in_little_memory(insects: str, tmp_path: Path, rows: int) -> None:
    tables = [tmp_path / "small.csv", tmp_path / "large.csv"]
    line = "0.123456789012345,1.123456789012345,some_longer_identifier_of_a_row_of_the_table\n"
    for path, count in zip(tables, (2000, rows), strict=True):
        path.write_text("a,b,id\n" + line * count)
    program = (
        "import resource, sys; from plugnet.cli import main; status = main(sys.argv[1:]); "
        f"print({PEAK}); raise SystemExit(status)"
    )
    peaks = []
    for path in tables:
        words = ["predict", insects, "--data", str(path), "--out", str(tmp_path / "o.csv")]
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout) * 1024)
    assert (tmp_path / "o.csv").read_text().count("\n") == rows + 1
    assert peaks[1] - peaks[0] < 10e6 < tables[1].stat().st_size


def test_head_ends_it_quietly(insects: str, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("a,b\n" + "1,0\n" * 50_000)
    words = [*COMMAND, insects, "--data", str(new)]
    for more in ([], ["--out", "-"], ["--json"]):
        with subprocess.Popen(
            [*words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""


def table_of(shown: Shown, *words: str | Path) -> list[str]:
    return shown("predict", *map(str, words)).splitlines()


def test_columns_are_as_wide_as_their_content(
    insects: str, new: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert table_of(shown, insects, "--data", new) == [
        "row  id  predicted_class  probability  true_class",
        "  0  x1  ant                   0.7311  ant",
        "  1  x2  bee                   0.9526  bee",
        "  2  x3  ant                   0.7311  bee",
    ]


def test_long_texts_are_cut_to_fit_the_terminal(
    tmp_path: Path, new: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    model = model_file(tmp_path / "m.safetensors", ("a long name " * 9, "b"))
    new.write_text(f"a,b,id\n1,0,{'x' * 90}\n0,1,y\n")
    heading, first, second = table_of(shown, model, "--data", new)
    assert max(map(len, (heading, first, second))) == 80
    assert heading.split() == ["row", "id", "predicted_class", "probability"]
    assert "xxx...  a long name" in first
    assert second.split() == ["1", "y", "b", "0.7311"]


def test_columns_without_room_are_left_out_in_words(
    digits_run: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    heading, *rows, note, last = table_of(shown, digits_run, "--proba")
    assert heading.split()[:4] == ["row", "predicted_class", "probability", "p(0)"]
    assert heading.split()[-1] == "true_class"
    assert max(map(len, (heading, *rows, last))) <= 80
    assert len(rows) == 300
    left_out = 14 - len(rows[0].split())  # row, class, probability, ten of them, true class
    assert note.startswith("p(...) is a class's probability")
    assert last.startswith(f"No room for {left_out} more column")


def test_long_names_of_classes_come_before_all_probabilities(
    tmp_path: Path, new: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("Iris setosa Pallas", "Iris virginica Linne")
    model = model_file(tmp_path / "m.safetensors", names)
    new.write_text(f"a,b,id\n1,0,{'x' * 90}\n0,1,y\n")
    heading, first, second, *notes = table_of(shown, model, "--data", new, "--proba")
    assert heading.split()[:4] == ["row", "id", "predicted_class", "probability"]
    assert [names[0] in first, names[1] in second] == [True, True]
    assert ["0.7311" in first, "0.7311" in second] == [True, True]
    assert "No room for 1 more column: --out FILE.csv writes them all." in notes


def test_prices_are_printed_with_few_decimals(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    network = Network([("fc", 1, 1, {"bias": False})])
    network.parameters()["fc1.weight"].value[...] = 1
    schema = Schema("real", columns=("area",), targets=("price",), offsets=(0.0,), scales=(1e4,))
    Model(network, "least_square_error", schema).save(tmp_path / "m.safetensors")
    new = tmp_path / "new.csv"
    new.write_text("area,price\n25.000026,1\n0.0003,200000\n")
    assert table_of(shown, tmp_path / "m.safetensors", "--data", new) == [
        "row  predicted_price  true_price",
        "  0         250000.3         1.0",
        "  1              3.0    200000.0",
    ]


def test_a_run_is_not_tested_on_what_it_was_trained_on(
    tmp_path: Path, shown: Shown, refused: Refused
) -> None:
    path, folder = tmp_path / "flies.csv", tmp_path / "run"
    rows = [f"{i % 7},{i % 5},{'fly' if i % 2 else 'bee'}" for i in range(60)]
    path.write_text("\n".join(["a,b,label", *rows]))
    words = ["--set", "iterations=5", "--quiet"]
    assert main(["train", "--data", str(path), *words, "--out", str(folder)]) == 0
    assert "test samples" in shown("evaluate", str(folder))
    path.write_text("\n".join(["a,b,label", *reversed(rows)]))
    for command in ("evaluate", "predict"):
        assert "have changed since the run" in refused(command, str(folder))
    assert "60 samples" in shown("evaluate", str(folder), "--data", str(path))


def test_json_goes_into_no_csv_file(digits_run: Path, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "answers.csv"
    assert "names a CSV file" in refused("predict", str(digits_run), "--json", "--out", str(path))
    assert not path.exists()


def test_a_file_for_answers_needs_a_folder(
    digits_run: Path, tmp_path: Path, refused: Refused
) -> None:
    path = tmp_path / "absent" / "answers.csv"
    assert "there is no folder" in refused("predict", str(digits_run), "--out", str(path))
    assert not path.parent.exists()
