"""Files are replaced wholly, whoever else writes at the same time."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugnet.files.atomic import replacing


def test_threads_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def write_wholly() -> None:
        with replacing(path) as file:
            file.write(b"theirs")

    with replacing(path) as file:
        file.write(b"our")
        other = threading.Thread(target=write_wholly)
        other.start()
        other.join()
        assert path.read_bytes() == b"theirs"
        file.write(b"s")
    assert path.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has modes")
def test_the_file_has_the_mode_of_any_new_file(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "file"
    for _ in range(2):  # new, and in place of another
        with replacing(path) as file:
            file.write(b"content")
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask
