"""Prose is wrapped at the width of the terminal, in every command; paths and code stay whole."""

import contextlib
from pathlib import Path

import pytest

from plugnet.cli import main
from plugnet.cli.prose import wrap


@pytest.fixture(autouse=True)
def narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_continuation_lines_hang() -> None:
    words = " ".join(["word"] * 20)
    first, second = wrap(f"  {words}").splitlines()
    assert first == "  " + " ".join(["word"] * 15)
    assert second == "    " + " ".join(["word"] * 5)
    assert wrap(f"{words}\n{words}", 0).count("\n") == 3


@pytest.mark.parametrize(
    "whole",
    [
        "/a/very/long/path" * 6,
        "'a quoted name'",
        '["fc", 784, 50]',
        "fit(x, y)",
        "pip install -e some/folder",
        "plugnet plugins doctor nn-swirl",
        """--set 'reader=["csv", { drop = ["Id", "a long name"], missing = "mean", seed = 3 }]'""",
        """--set 'reader=["csv", { drop = ["Anna'"'"'s height"], missing = "mean" }]'""",
        "--data table.csv",
    ],
)
def test_paths_and_code_stay_whole(whole: str) -> None:
    for before in range(60, 80):
        assert whole in wrap(f"{'x' * before} it's {whole} of the user's")


def test_a_terminal_of_no_width_gets_readable_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1")
    assert max(map(len, wrap(" ".join(["word"] * 20)).splitlines())) == 39


@pytest.mark.parametrize(
    "words",
    [
        ["nosuch"],
        ["train", "--set", "layers=5"],
        ["train", "--set", "optimizer=sdg"],
        ["plugins", "new", "NN-Swirl", "--kind", "layer"],
        ["plugins", "why", "tahn"],
        ["plugins", "why", "sigmoid"],
        ["plugins", "info", "csv"],
        ["plugins", "info", "lstm"],
        ["plugins", "list"],
        *([*name.split(), "--help"] for name in ("", "train", "time", "plugins", "plugins new")),
    ],
    ids=" ".join,
)
def test_no_command_prints_wider_than_the_terminal(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.suppress(SystemExit):
        main(words)
    out, err = capsys.readouterr()
    lines = (out + err).splitlines()
    wide = [line for line in lines if len(line) > 80]
    assert [line for line in wide if not Path(line.strip().rpartition(":")[0]).is_file()] == []
    assert lines


def test_a_docstring_is_filled_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "info", "csv_log"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Args:") + 1
    assert lines[start].startswith(
        "    path: the file. It begins with all that the history has recorded"
    )
    assert all(line.startswith(" " * 8) for line in lines[start + 1 :])
    assert all(len(line) > 60 for line in lines[start:-1])
