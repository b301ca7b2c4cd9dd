"""`plugnet train`: what it advises where something is wrong or looks odd."""

import gzip
from pathlib import Path

import pytest
from tests.aliases import Refused, Shown

from plugnet import Model
from plugnet.cli import main
from plugnet.cli.config import RULES


@pytest.mark.parametrize(
    ("text", "reader", "advised"),
    [
        ("a,b,label\n1,x,u\n2,y,v\n", "csv", '["csv", { drop = ["b"] }]'),
        ("a,b,label\n1,x,u\n2,y,v\n", "['csv', {drop = 'a'}]", '["csv", { drop = ["a", "b"] }]'),
        ("a,b,label\n1,x,u\n2,y,v\n", "['csv', {drop = ['a']}]", '{ drop = ["a", "b"] }]'),
        (
            "a,b,label\n1,,u\n2,3,v\n",
            "['csv', {seed = 3}]",
            '["csv", { seed = 3, missing = "drop" }]',
        ),
        ("2.5,1,ant\n0,3,bee\n1,0,bee\n", "csv", '["csv", { header = true }]'),
    ],
)
def test_what_a_reader_advises_is_told_as_a_setting(
    tmp_path: Path, text: str, reader: str, advised: str, refused: Refused
) -> None:
    (tmp_path / "t.csv").write_text(text)
    words = ["--data", str(tmp_path / "t.csv"), "--set", f"reader={reader}"]
    message = refused("train", *words, "--out", str(tmp_path / "run"))
    *_, place, command = message.splitlines()
    assert place == "  On the command line:"
    assert command.startswith("    --set 'reader=[")
    assert command.endswith(f"{advised}'")


@pytest.mark.parametrize(
    "reader",
    ["['csv', {drops = ['id']}]", "['csv', {drop = ['b', 'b']}]", "['csv', {missing = 'fill'}]"],
)
def test_no_command_is_advised_where_arguments_are_wrong(
    tmp_path: Path, reader: str, refused: Refused
) -> None:
    (tmp_path / "t.csv").write_text("a,b,label\n1,x,u\n2,y,v\n")
    words = ["--data", str(tmp_path / "t.csv"), "--set", f"reader={reader}"]
    message = refused("train", *words, "--out", str(tmp_path / "run"))
    assert "On the command line" not in message


@pytest.mark.parametrize(
    ("command", "words", "meant"),
    [
        ("train", ["--epochs", "10"], "--set epochs=10"),
        ("train", ["--batch-size=5"], "--set batch_size=5"),
        ("time", ["--epoch", "10"], "--set epochs=10"),
        ("train", ["--label", "price"], """--set 'reader=["csv", { label = "price" }]'"""),
        ("train", ["--drop", "['a', 'b']"], """--set 'reader=["csv", { drop = ["a", "b"] }]'"""),
        (
            "train",
            ["--set", "reader=['csv', {seed = 3}]", "--missing=mean"],
            """--set 'reader=["csv", { seed = 3, missing = "mean" }]'""",
        ),
        ("predict", ["run", "new rows.csv"], "--data 'new rows.csv'"),
        ("evaluate", ["run", "--label", "y"], """--set 'reader=["csv", { label = "y" }]'"""),
    ],
)
def test_what_an_unknown_word_may_have_meant(
    command: str, words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, *words])
    assert caught.value.code == 2
    *_, question, advice = capsys.readouterr().err.splitlines()
    assert question == "Did you mean this?"
    assert advice.strip() == meant


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "run", "--epochs", "3"],
        ["train", "--gpu"],
        ["train", "a.toml", "-e"],
        ["plugins", "list", "--data", "x"],
    ],
)
def test_no_question_where_nothing_comes_to_mind(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    message = capsys.readouterr().err
    assert "unrecognized arguments: -" in message
    assert "Did you mean" not in message


def test_help_lists_all_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    listed = capsys.readouterr().out.partition("--set: ")[2].rstrip(".\n")
    assert [each.strip() for each in listed.split(",")] == list(RULES)


@pytest.mark.usefixtures("sketches")
def test_many_inputs_are_listed_on_three_lines(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"feature_{i}" for i in range(60)]
    lines = [",".join(map(str, [*(r % 7 + i for i in range(60)), r % 2])) for r in range(20)]
    (tmp_path / "t.csv").write_text("\n".join([",".join([*names, "label"]), *lines]))
    words = ["--data", str(tmp_path / "t.csv"), "--set", "iterations=1"]
    out = shown("train", *words, "--out", str(tmp_path / "run"))
    lines = out.splitlines()
    start = next(i for i, line in enumerate(lines) if "inputs: " in line)
    text = " ".join(line.strip() for line in lines[start : start + 3])
    listed, _, more = text.removeprefix("inputs: ").partition(" and ")
    assert listed.split(", ") == names[: len(listed.split(", "))]
    assert more == f"{60 - len(listed.split(', '))} more"
    assert len(listed.split(", ")) > 12
    assert lines[start + 3].startswith("Network:")


@pytest.mark.usefixtures("sketches")
def test_one_of_anything_is_told_as_one(tmp_path: Path, shown: Shown) -> None:
    (tmp_path / "t.csv").write_text("size,label\n" + "1,a\n2,b\n" * 10)
    words = ["--set", "iterations=1", "--set", "batch_size=1"]
    run = ["--data", str(tmp_path / "t.csv"), "--out", str(tmp_path / "run")]
    out = shown("train", *words, *run)
    assert "each 1 number;" in out
    assert "Training: 1 iteration of 1 sample, softmax_with_loss" in out


@pytest.mark.usefixtures("sketches")
@pytest.mark.filterwarnings("default::plugnet.errors.DataWarning")
@pytest.mark.parametrize(
    ("header", "cells", "is_one"),
    [
        ("Id", "{i}", True),
        ("row", "{i}", True),
        ("customer_id", "{i}", True),
        ("PassengerId", "{i}", True),
        ("uuid", "{i}", True),
        ("id", "{i}.5", False),
        ("id", "{half}", False),
        ("paid", "{i}", False),
        ("grid", "{i}", False),
        ("year", "{i}", False),
    ],
)
def test_an_input_that_looks_like_an_identifier_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str, cells: str, is_one: bool
) -> None:
    lines = [f"{cells.format(i=i, half=i // 2)},t,{i % 3},{'ab'[i % 2]}" for i in range(20)]
    (tmp_path / "t.csv").write_text("\n".join([f"{header},town,size,label", *lines]))
    words = ["--data", str(tmp_path / "t.csv"), "--set", "reader=['csv', {drop = ['town']}]"]
    run = ["--set", "iterations=1", "--quiet", "--out", str(tmp_path / "run")]
    assert main(["train", *words, *run]) == 0
    message = capsys.readouterr().err
    assert message.count(f"'{header}' has a different number in every row") == is_one
    advice = f"""    --set 'reader=["csv", {{ drop = ["town", "{header}"] }}]'\n"""
    assert message.endswith(advice) is is_one
    assert bool(message) is is_one


@pytest.mark.usefixtures("sketches")
@pytest.mark.filterwarnings("default::plugnet.errors.DataWarning")
@pytest.mark.parametrize(("count", "says"), [(9, "only 9 samples"), (10, ""), (2, "only 2 samp")])
def test_few_samples_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, says: str
) -> None:
    lines = [f"{i % 4},{'ab'[i % 2]}" for i in range(count)]
    (tmp_path / "t.csv").write_text("\n".join(["size,label", *lines]))
    reader = f"reader=['csv', '{tmp_path / 't.csv'}', {{test_fraction = 0}}]"
    words = ["--set", reader, "--set", "iterations=1", "--quiet"]
    assert main(["train", *words, "--out", str(tmp_path / "run")]) == 0
    message = capsys.readouterr().err
    assert says in message
    assert bool(message) is bool(says)


def test_a_gzipped_table_is_known_by_its_inner_suffix(table: Path, tmp_path: Path) -> None:
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    words = ["--set", "iterations=1", "--out", str(tmp_path / "run"), "--quiet"]
    assert main(["train", "--data", str(packed), *words]) == 0
    assert Model.load(tmp_path / "run").classes == ("even", "odd")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("table.csv", "Give data as --data table.csv."),
        ("table.csv.gz", "Give data as --data table.csv.gz."),
        ("folder", "Give data as --data folder."),
        ("run", "run/config.toml is the config of the run"),
        ("mnist", "--set data.reader=mnist"),
    ],
)
def test_what_is_no_config_is_told_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, says: str, refused: Refused
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("table.csv", "table.csv.gz"):
        Path(name).write_text("1,2\n")
    for name in ("folder", "run"):
        Path(name).mkdir()
    Path("run/config.toml").write_text("seed = 1\n")
    assert says in refused("train", given)
    assert not Path("runs").exists()
