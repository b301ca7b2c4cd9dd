"""A few hundred damaged and forged files for each reader; python -m tests.fuzz makes millions."""

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.examination import Examination
from tests.fuzz.mutations import blind
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.seeds import Seed

from plugnet.errors import FileFormatError

MUTANTS = 300
SEED = 20
MEMORY = Path("/dev/shm")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder, in memory where there is one: a mutant is a file or several."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield Path(name)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_gives_an_error_or_a_right_result(name: str, folder: Path) -> None:
    examination = Examination(name, READERS[name], SEED, folder)
    found = {index: examination.examine(index) for index in range(MUTANTS)}
    assert {index: verdict for index, verdict in found.items() if verdict.is_finding} == {}
    assert len({verdict.kind for verdict in found.values()}) == 2, "not all mutants fare alike"


# The examination sees what is wrong -----------------------------------------------------------


def examined(folder: Path, read: Any, mark: Any = len) -> str:
    """Return the verdict on a reader of bytes, which fails for all but the valid file."""

    def damaged_only(path: str, arguments: Mapping[str, Any]) -> bytes:
        content = Path(path).read_bytes()
        if content != b"valid":
            read(path)
        return content

    reader = Reader(lambda: [Seed({"file": b"valid"})], damaged_only, mark, blind)
    return Examination("bytes", reader, SEED, folder).examine(1).kind


def fail(error: BaseException) -> None:
    raise error


def hang(path: str) -> None:
    while True:
        pass


def swallow_memory(path: str) -> None:
    bytes(b"x" * 250_000_000)


def leave_open(path: str) -> None:
    LEFT.append(os.open(path, os.O_RDONLY))


def warn(path: str) -> None:
    warnings.warn("overflow", RuntimeWarning, stacklevel=1)


LEFT: list[int] = []


def test_a_typed_error_is_right(folder: Path) -> None:
    error = FileFormatError("damaged", path="file")
    assert examined(folder, lambda _: fail(error)) == "typed error"


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), RecursionError(), SystemExit(1)])
def test_any_other_error_is_a_finding(folder: Path, error: BaseException) -> None:
    assert examined(folder, lambda _: fail(error)) == type(error).__name__


def test_a_hang_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.examination.MOST_SECONDS", 0.2)
    assert examined(folder, hang) == "hang"


def test_much_memory_is_a_finding(folder: Path) -> None:
    assert examined(folder, swallow_memory) == "memory"


def test_a_file_left_open_is_a_finding(folder: Path) -> None:
    try:
        assert examined(folder, leave_open) == "file left open"
    finally:
        while LEFT:
            os.close(LEFT.pop())


def test_a_warning_of_another_library_is_a_finding(folder: Path) -> None:
    assert examined(folder, warn) == "foreign warning"


def test_an_import_of_something_else_is_a_finding(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_of_nobody", sys)
    monkeypatch.delitem(sys.modules, "torch_of_nobody")
    verdict = examined(folder, lambda _: sys.modules.update(torch_of_nobody=sys))
    assert verdict == "imports"


def test_an_unseen_change_of_a_sealed_file_is_a_finding(folder: Path) -> None:
    seeds = [Seed({"file": b"valid"})]
    reader = Reader(lambda: seeds, lambda path, _: Path(path).read_bytes(), bytes, blind)
    sealed = replace(reader, is_sealed=True)
    examinations = [Examination("bytes", each, SEED, folder) for each in (reader, sealed)]
    kinds = [{each.examine(index).kind for index in range(50)} for each in examinations]
    assert kinds == [{"right result"}, {"right result", "wrong result"}]
