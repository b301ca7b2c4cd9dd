"""The table of faults is whole, and what it names as tests are tests."""

import ast
import functools
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = (Path(__file__).parent / "README.md").read_text()
FAULTS = 65

_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


@functools.cache
def named_in(path: Path) -> set[str]:
    """Return the names of the tests in a file, of those in classes, too."""
    if not path.is_file():
        return set()
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = (node.name for node in nodes if isinstance(node, ast.FunctionDef))
    return {name for name in functions if name.startswith("test_")}


def problems(table: str) -> list[str]:
    """Return what is wrong with a table of faults."""
    rows = _ROW.findall(table)
    numbers = [int(number) for number, *_ in rows]
    found = [] if numbers == [*range(1, FAULTS + 1)] else [f"the numbers are {numbers}"]
    for number, _, _, last in rows:
        named = _TEST.findall(last)
        words = re.sub(r"`[^`]*`", "", last).split()
        if not named and len(words) < 4:
            found.append(f"{number} has neither a test nor a reason")
        if last.count("::") != len(named) or len(named) != len(set(named)):
            found.append(f"{number} names a test twice, or not as `path::name`")
        found += [
            f"{number}: there is no {path}::{name}"
            for path, name in named
            if name not in named_in(TESTS / path)
        ]
    return found


def test_every_fault_has_a_test_or_a_reason() -> None:
    assert problems(TABLE) == []


ROW_8 = next(line for line in TABLE.splitlines() if line.startswith("| 8 |"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("", "the numbers are"),
        (f"{ROW_8}\n{ROW_8}", "the numbers are"),
        (ROW_8.replace("| 8 |", "| 9 |"), "the numbers are"),
        (ROW_8.replace("_named`", "_nomad`"), "8: there is no files/test_atomic.py::"),
        (ROW_8.replace("test_atomic", "test_titanic"), "8: there is no files/test_titanic.py::"),
        (ROW_8.replace("::test_a_limit", "::a_limit"), "8: there is no files/test_atomic.py::a_"),
        (ROW_8.replace(".py::", "::"), "8 names a test twice, or not as `path::name`"),
        ("| 8 | fault | error | later |", "8 has neither a test nor a reason"),
        ("| 8 | fault | error |  |", "8 has neither a test nor a reason"),
    ],
)
def test_a_gap_in_the_table_is_found(changed: str, says: str) -> None:
    assert any(found.startswith(says) for found in problems(TABLE.replace(ROW_8, changed)))


def test_a_method_of_a_class_is_a_test(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text("class Test:\n    def test_a(self): ...\n    def b(self): ...\n")
    assert named_in(path) == {"test_a"}
