"""What the tests of the command line share."""

from pathlib import Path

import pytest

from plugnet.cli import main


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a short training on the digits; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    words = ["--set", "iterations=60", "--set", "evaluate_every=25", "--out", str(folder)]
    assert main(["train", "--quiet", *words]) == 0
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small table of two separable classes with names, in a folder with a space and an umlaut."""
    path = tmp_path_factory.mktemp("some dätä") / "table.csv"
    rows = [f"{i % 7 / 7},{i % 5 / 5},{i % 2},{'even' if i % 2 == 0 else 'odd'}" for i in range(50)]
    path.write_text("\n".join(["a,b,c,label", *rows]), encoding="utf-8")
    return path
