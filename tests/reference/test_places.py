"""Named functions and tests lead to their lines."""

import sys
from pathlib import Path

import pytest

from plugnet.reference.places import NoSuchPlaceError, code
from plugnet.reference.places import test as find_test

SOURCE = '''"""A module."""

import functools


class One:
    """A class."""

    @functools.cache
    def method(self):
        first = 1
        second = 2
        return first + second


def one():
    return 1
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the module ``nn_placed``."""
    file = tmp_path / "nn_placed.py"
    file.write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nn_placed", raising=False)
    return file


def test_a_method_begins_at_its_decorator(module: Path) -> None:
    place = code("nn_placed:One.method")
    assert (place.file, place.name, place.first, place.last) == (module, "One.method", 9, 13)
    assert place.text.startswith("    @functools.cache\n")
    assert place.text.endswith("return first + second")


def test_a_text_narrows_it_to_a_line(module: Path) -> None:
    place = code('nn_placed:One.method "second = 2"')
    assert place.text == "        second = 2"


def test_a_module_is_the_whole_file(module: Path) -> None:
    assert code("nn_placed").text == SOURCE.rstrip("\n")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nn_nowhere:One", "no module nn_nowhere"),
        ("nn_placed.inner:One", "no module nn_placed.inner"),
        ("sys:exit", "no module sys"),
        ("nn_placed:One.other", "other is missing"),
        ('nn_placed:One.method "first"', "stands 2 times"),
        ('nn_placed:One.method "third"', "stands 0 times"),
    ],
)
def test_what_is_not_there(module: Path, reference: str, message: str) -> None:
    with pytest.raises(NoSuchPlaceError, match=message):
        code(reference)


def test_a_tests_path_begins_at_the_project(tmp_path: Path) -> None:
    project = tmp_path / "outer/inner"
    for folder in ("outer", "outer/inner"):
        (tmp_path / folder / "tests").mkdir(parents=True)
    (tmp_path / "outer/tests/test_it.py").write_text("def test_far(): pass\n")
    (project / "tests/test_near.py").write_text("\n\ndef test_near(): pass\n")
    assert find_test("tests/test_near.py::test_near[a::b]", project).first == 3
    assert find_test("../tests/test_it.py::test_far", project).first == 1
    for identifier in ("tests/test_it.py::test_far", "tests/test_near.py::test_far"):
        with pytest.raises(NoSuchPlaceError):
            find_test(identifier, project)


def test_a_definition_may_stand_within_others(module: Path) -> None:
    module.write_text(
        "try:\n    class One:\n        def method(self): ...\nexcept ImportError: ...\n"
        "def make():\n    class Two: ...\n"
    )
    assert code("nn_placed:One.method").first == 3
    assert code("nn_placed:make.<locals>.Two").first == 6


def test_a_file_says_its_encoding(module: Path) -> None:
    module.write_bytes("# coding: latin-1\ndef é(): 'ä'\n".encode("latin-1"))
    assert code("nn_placed:é").text == "def é(): 'ä'"


@pytest.mark.parametrize("content", [b"def one(:", b"\xff", b"a\0", b"-" * 99_999 + b"1"])
def test_what_is_no_source_has_no_places(module: Path, content: bytes) -> None:
    module.write_bytes(content)
    with pytest.raises(NoSuchPlaceError, match="cannot be read"):
        code("nn_placed:one")


def test_a_package_that_cannot_be_imported(module: Path) -> None:
    module.write_text("raise RuntimeError")
    with pytest.raises(NoSuchPlaceError):
        code("nn_placed.inner:one")
