"""Named functions and tests lead to their lines."""

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


def test_a_tests_path_begins_at_the_nearest_folder_that_has_it(tmp_path: Path) -> None:
    near = tmp_path / "outer/inner/package"
    near.mkdir(parents=True)
    for folder in ("outer", "outer/inner"):
        (tmp_path / folder / "tests").mkdir()
    (tmp_path / "outer/tests/test_it.py").write_text("def test_far(): pass\n")
    assert find_test("tests/test_it.py::test_far", near).first == 1
    (tmp_path / "outer/inner/tests/test_it.py").write_text("\n\ndef test_near(): pass\n")
    assert find_test("tests/test_it.py::test_near[a::b]", near).first == 3
    for identifier in ("tests/test_it.py::test_far", "tests/test_no.py::test_near"):
        with pytest.raises(NoSuchPlaceError):
            find_test(identifier, near)
