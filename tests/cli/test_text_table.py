"""Tables of text: what is shown of numbers and long texts, and what is left out."""

import pytest

from plugnet.cli.text_table import TextTable, number, title


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (0.98765, "0.9877"),
        (-12.5, "-12.5000"),
        (12217.188, "12217.2"),
        (1.5e8, "1.5e+08"),
        (0.00012345, "0.0001234"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_digits_suit_the_size(value: float, text: str) -> None:
    assert number(value) == text


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_first_rows_decide_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table = TextTable(headings={"b": "a number"})
    table.print([])
    table.print([{"a": "x", "b": 1000.26}, {"a": "long", "b": None}])
    table.print([{"a": "longer", "b": 2.0}])
    assert lines(capsys) == [
        "a     a number",
        "x       1000.3",
        "long         -",
        "l...       2.0",
    ]


def test_texts_are_cut_before_columns_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    row = {"one": "x" * 30, "two": "y" * 30, "three": 3}
    TextTable().print([row])
    assert lines(capsys) == [
        f"{'one':<15}  {'two':<16}  three",
        f"{'x' * 12}...  {'y' * 13}...      3",
    ]
    table = TextTable(spare=["two", "three"])
    table.print([row | {"a heading to see": "z" * 30}])
    assert table.left_out == ["two"]
    heading, text = lines(capsys)
    assert heading.split("  ")[-1] == "a heading to see"
    assert max(len(heading), len(text)) <= 40


def test_early_columns_leave_before_a_text_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    table = TextTable(spare=["id"], early=["p", "q"])
    table.print([{"id": "i" * 20, "name": "n" * 20, "q": 0.25, "p": 0.5, "s": 1.0}])
    assert table.shown == ("id", "name", "q", "s")
    assert table.left_out == ["p"]
    assert lines(capsys)[1] == f"{'i' * 9}...  {'n' * 20}  0.2500  1.0000"


@pytest.mark.parametrize(
    ("name", "heading"),
    [("rmse", "RMSE"), ("r2", "R2"), ("mae", "MAE"), ("loss", "Loss"), ("f1", "F1")],
)
def test_headings_of_metrics(name: str, heading: str) -> None:
    assert title(name) == heading


def test_line_ends_in_a_text_stay_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    TextTable().print([{"a": "one\ntwo\x1b"}])
    assert lines(capsys) == ["a", "one two"]
