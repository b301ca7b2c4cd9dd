"""Files are replaced wholly, whoever else writes at the same time."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any

import pytest
from tests.limits import limited
from tests.process import printed

from plugnet.errors import FileFormatError
from plugnet.files import atomic, process
from plugnet.files.atomic import replacing, save_text
from plugnet.files.opening import open_ordinary

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has modes, links and limits")
not_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all"
)


def write(path: str | os.PathLike[str], content: bytes = b"new") -> None:
    with replacing(path) as file:
        file.write(content)


def test_threads_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as file:
        file.write(b"our")
        other = threading.Thread(target=write, args=(path, b"theirs"))
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


@posix
def test_the_file_has_the_mode_of_any_new_file(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "file"
    for _ in range(2):  # new, and in place of another
        write(path)
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755], ids=oct)
def test_an_existing_file_keeps_its_mode(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    with replacing(path) as file:
        (temporary,) = set(tmp_path.iterdir()) - {path}
        assert temporary.stat().st_mode & 0o777 == mode  # nobody else reads it meanwhile either
        file.write(b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", mode)


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root gives away")
def test_an_existing_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


@posix
def test_a_protected_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write all
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(PermissionError, match=r"denied \(you may not write") as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"


@posix
def test_a_link_stays_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    real, link, second = Path("folder/real"), Path("link"), Path("second")
    real.parent.mkdir()
    link.symlink_to(real)
    second.symlink_to(link)
    for content in (b"made by a broken link", b"replaced"):
        write(second, content)
        assert second.is_symlink()
        assert link.is_symlink()
        assert not real.is_symlink()
        assert real.read_bytes() == content
    assert {*Path().iterdir(), *real.parent.iterdir()} == {real.parent, real, link, second}


@posix
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    loop, broken = tmp_path / "loop", tmp_path / "broken"
    loop.symlink_to(loop)
    broken.symlink_to(tmp_path / "absent/file")
    for link, reason in ((loop, "leads back to itself"), (broken, "make its folder first")):
        with pytest.raises(OSError, match=reason) as caught:
            write(link)
        assert caught.value.filename == str(link)
    assert set(tmp_path.iterdir()) == {loop, broken}


@pytest.mark.parametrize("length", [200, 230, 255])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_the_longest_names_can_be_written(tmp_path: Path, length: int, letter: str) -> None:
    size = len(letter.encode())
    path = tmp_path / (letter * (length // size) + "x" * (length % size))
    write(path)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_text_keeps_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    save_text(path, "ü\r\n\n")
    assert path.read_bytes() == b"\xc3\xbc\r\n\n"
    with pytest.raises(UnicodeEncodeError):
        save_text(path, "\udcff")
    assert path.read_bytes() == b"\xc3\xbc\r\n\n"


def test_a_check_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse() -> None:
        seen.extend(each.read_bytes() for each in tmp_path.iterdir())
        raise RuntimeError("taken over")

    seen: list[bytes] = []
    with pytest.raises(RuntimeError, match="taken over"):
        save_text(path, "new", refuse)
    assert sorted(seen) == [b"new", b"old"]  # it is called when all is written
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# What is left of writers --------------------------------------------------------------------------

LEAVES_ONE = """
import os, sys
from plugnet.files.atomic import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.read()
    os._exit(1)
"""


@posix
@pytest.mark.parametrize("ends", [subprocess.Popen.kill, lambda dies: dies.stdin.close()])
def test_files_of_the_dead_are_swept(
    tmp_path: Path, ends: Callable[[subprocess.Popen[str]], None]
) -> None:
    words = [sys.executable, "-c", LEAVES_ONE, str(tmp_path / "theirs")]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        (temporary,) = tmp_path.iterdir()
        other = str(tmp_path / "other")
        printed(f"from plugnet.files.atomic import save_text; save_text({other!r}, '')")
        assert temporary.exists()  # its writer lives
        ends(writer)
        writer.wait()
        write(tmp_path / "ours")
    assert {path.name for path in tmp_path.iterdir()} == {"other", "ours"}


def test_other_files_are_never_swept(tmp_path: Path) -> None:
    host, pid, start = process.mark().split("-")
    dead = pid_of_a_dead()
    kept = [
        f".plugnet-{host}-{pid}-{start}-0a.tmp",  # of another thread
        f".plugnet-0{host}-{dead}-{start}-0a.tmp",  # of another host
        f"plugnet-{host}-{dead}-{start}-0a.tmp",
        f".plugnet-{host}-{dead}-{start}-0a.tmp.safetensors",
        f".plugnet-{host}-{dead}-0a.tmp",
        ".model.safetensors.1-1.tmp",
        f".plugnet-{host}-{'9' * 200}-{start}-0a.tmp",
    ]
    swept = [f".plugnet-{host}-{dead}-{start}-0a.tmp"]
    if start != "0":
        swept.append(f".plugnet-{host}-{pid}-1-0a.tmp")  # an earlier process with our number
    for name in kept + swept:
        (tmp_path / name).touch()
    folder = tmp_path / f".plugnet-{host}-{dead}-{start}-0b.tmp"
    folder.mkdir()
    write(tmp_path / "file")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, folder.name, "file"}


def pid_of_a_dead() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    return child.pid


def test_a_folder_is_swept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir
    seen: list[Any] = []

    def count(path: Any) -> Any:
        seen.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", count)
    for name in "abc":
        write(tmp_path / name)
    assert seen == [tmp_path]


# What the system refuses --------------------------------------------------------------------------


@posix
def test_a_limit_on_sizes_is_named_and_keeps_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with limited("RLIMIT_FSIZE", 10_000), pytest.raises(OSError, match="ulimit -f") as caught:
        write(path, bytes(100_000))
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_a_limit_on_open_files_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with Path(os.devnull).open() as held:
        for free in (0, 1):  # not even the folder can be opened; not the file
            most = limited("RLIMIT_NOFILE", held.fileno() + 1 + free)
            with most, pytest.raises(OSError, match="ulimit -n") as caught:
                write(path)
            assert (caught.value.errno, caught.value.filename) == (errno.EMFILE, str(path))
        most = limited("RLIMIT_NOFILE", held.fileno())
        with most, pytest.raises(FileFormatError, match="ulimit -n"):
            open_ordinary(path)
    assert list(tmp_path.iterdir()) == [path]


@posix
@not_root
def test_a_folder_without_permission_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="you may not write there"):
            write(tmp_path / "file")
    finally:
        tmp_path.chmod(0o755)


def test_an_error_of_another_file_keeps_its_name(tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "file"):
        Path(other).read_bytes()
    assert str(caught.value) == f"[Errno 2] No such file or directory: {other!r}"
    assert list(tmp_path.iterdir()) == []


# Interrupts ---------------------------------------------------------------------------------------


def interrupted_at(step: int, error: BaseException) -> Callable[[FrameType, str, Any], Any]:
    """Return a trace that raises in `atomic`, before the given line or byte code.

    Python 3.12.1 does not report byte codes when it is first asked to.
    """
    left = step

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != atomic.__file__:
            return None
        frame.f_trace_opcodes = True
        if event in ("opcode", "line"):
            left -= 1
            if left == 0:
                raise error
        return trace

    return trace


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # not closed yet
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_an_interrupt_at_any_point_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # of its time there is too little
    path = tmp_path / "file"
    contents: list[bytes] = []
    before = sys.gettrace()
    while True:
        path.write_bytes(b"old")
        sys.settrace(interrupted_at(len(contents) + 1, error))
        try:
            write(path)
            break
        except type(error):
            contents.append(path.read_bytes())
        finally:
            sys.settrace(before)
        assert list(tmp_path.iterdir()) == [path]
    assert len(contents) > 30
    assert contents == sorted(contents, reverse=True)  # first all old, then all new
    assert set(contents) == {b"old", b"new"}


@posix
def test_a_signal_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(143)

    def wait(file: IO[bytes]) -> None:
        file.write(b"new")
        signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(SystemExit), replacing(path) as file:
            wait(file)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
