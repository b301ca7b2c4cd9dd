"""A folder has one writer at a time, however the system locks and whoever dies."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.process import printed

from plugnet.errors import LockedError
from plugnet.files import lock as lock_module
from plugnet.files import process
from plugnet.files.atomic import save_text
from plugnet.files.lock import FILE, locked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are told apart by /proc")

#: Makes the system unable to lock files, as on some network file systems.
NO_FLOCK = f"""
import fcntl
def unable(*_):
    raise OSError({errno.ENOLCK}, "No locks available")
fcntl.flock = unable
"""
#: Pretends to run on another host.
ELSEWHERE = """
import platform
platform.node = lambda: "elsewhere"
"""
#: Holds the lock of a folder until its input ends, and says what it found.
HOLDER = """
import sys, os
from plugnet.files.lock import locked
with locked(sys.argv[1], patience=0.6) as lock:
    print("locked", flush=True)
    for line in sys.stdin:
        try:
            lock.check()
            print("held", flush=True)
        except Exception as error:
            print(type(error).__name__, error, flush=True)
"""
PATIENCE = 0.6


@pytest.fixture(params=["", NO_FLOCK], ids=["flock", "token"])
def setup(request: pytest.FixtureRequest) -> str:
    """Code that makes another process lock as this one does, by each of the two ways."""
    if request.param:
        request.getfixturevalue("without_flock")
    return str(request.param)


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unable)


class Holder:
    """Another process that holds a folder's lock."""

    def __init__(self, folder: Path, setup: str) -> None:
        words = [sys.executable, "-c", setup + HOLDER, str(folder)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True)
        assert self._line() == "locked"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def check(self) -> str:
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)
        return self._line()


@pytest.fixture
def hold() -> Iterator[Callable[[Path, str], Holder]]:
    with contextlib.ExitStack() as stack:

        def start(folder: Path, setup: str) -> Holder:
            holder = Holder(folder, setup)
            stack.enter_context(holder.process)
            stack.callback(holder.process.kill)
            return holder

        yield start


Hold = Callable[[Path, str], Holder]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_lock_leaves_nothing_behind(tmp_path: Path, setup: str) -> None:
    threads, files = threading.active_count(), descriptors()
    for _ in range(3):
        with locked(tmp_path) as lock:
            lock.check()
            assert [path.name for path in tmp_path.iterdir()] == [FILE]
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads
    assert descriptors() == files


def test_a_second_writer_is_refused_and_told_whom_to_ask(
    tmp_path: Path, setup: str, hold: Hold
) -> None:
    holder = hold(tmp_path, setup)
    text = rf"but process {holder.process.pid} on .* writes to it\. Wait until it ends"
    for _ in range(2):
        with pytest.raises(LockedError, match=text) as caught, locked(tmp_path):
            pytest.fail("it is locked")
    assert caught.value.path == str(tmp_path)
    assert str(caught.value.owner).startswith(f"process {holder.process.pid} on ")
    assert holder.check() == "held"
    holder.process.communicate()
    with locked(tmp_path) as lock:
        lock.check()


def test_a_block_within_a_block_is_refused(tmp_path: Path, setup: str) -> None:
    with locked(tmp_path) as lock:
        with pytest.raises(LockedError, match=f"process {os.getpid()} on "), locked(tmp_path):
            pytest.fail("it is locked")
        lock.check()


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path, setup: str, hold: Hold) -> None:
    holder = hold(tmp_path, setup)
    holder.process.kill()
    holder.process.wait()
    assert (tmp_path / FILE).exists()
    began = time.monotonic()
    with locked(tmp_path) as lock:
        lock.check()
    assert time.monotonic() - began < 5  # nothing is waited for
    assert list(tmp_path.iterdir()) == []


def test_a_later_process_of_the_same_number_is_no_owner(
    tmp_path: Path, without_flock: None
) -> None:
    with locked(tmp_path):
        content = json.loads((tmp_path / FILE).read_text())
    host, pid, _ = process.mark().split("-")
    content["process"] = f"{host}-{pid}-1"
    save_text(tmp_path / FILE, json.dumps(content))
    with locked(tmp_path) as lock:
        lock.check()


RACE = """
import os, signal, sys
from plugnet.errors import LockedError
from plugnet.files.lock import locked

def race(folder, count):
    "Return how many of the processes get the lock, and kill those, so that it is stale."
    (start, go), (results, result) = os.pipe(), os.pipe()
    children = []
    for _ in range(count):
        children.append(os.fork())
        if children[-1] == 0:
            os.close(go)
            os.read(start, 1)
            try:
                if len(children) % 3 < UNABLE:
                    fcntl.flock = unable
                with locked(folder) as lock:
                    lock.check()
                    os.write(result, b"1")
                    signal.pause()
            except LockedError:
                os.write(result, b"0")
            except BaseException as error:
                os.write(result, b"E")
                raise
            os._exit(0)
    os.close(go)
    outcomes = b"".join(os.read(results, 1) for _ in range(count))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for descriptor in (start, results, result):
        os.close(descriptor)
    return "".join(sorted(outcomes.decode()))

for _ in range(2):
    print(race(FOLDER, 20))
"""


@pytest.mark.parametrize("unable", [0, 3, 1], ids=["flock", "token", "mixed"])
def test_of_twenty_that_race_one_gets_the_lock(tmp_path: Path, unable: int) -> None:
    """The first time there is no lock, and then that of a dead owner."""
    setup = f"{NO_FLOCK.rpartition('fcntl.flock =')[0]}UNABLE = {unable}"
    outcomes = printed(f"FOLDER = {str(tmp_path)!r}{setup}{RACE}")
    assert outcomes.split() == ["0" * 19 + "1"] * 2


def test_the_lock_of_a_deleted_folder_is_lost(tmp_path: Path, setup: str, hold: Hold) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    holder = hold(folder, setup)
    (folder / FILE).unlink()
    folder.rmdir()
    assert holder.check().startswith(f"LockedError {folder} must stay locked")
    folder.mkdir()
    with locked(folder) as lock:
        assert "has taken it over" in holder.check()
        holder.process.communicate()  # it leaves, and not with our file
        lock.check()
    assert list(folder.iterdir()) == []


def test_a_fork_keeps_its_parents_lock(tmp_path: Path, setup: str) -> None:
    code = f"""
import os, sys
from plugnet.errors import LockedError
from plugnet.files.lock import locked
folder = {str(tmp_path)!r}
with locked(folder) as lock:
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
    else:
        lock.check()
if not child:
    sys.exit()
assert not os.listdir(folder)
(reading, writing), (ready, go) = os.pipe(), os.pipe()
parent = os.fork()
if not parent:  # an owner that dies before its child
    with locked(folder):
        if not os.fork():
            os.write(go, b"1")
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        os.read(ready, 1)
        os._exit(0)
os.waitpid(parent, 0)
with locked(folder):
    print("free")
os.close(writing)
"""
    assert printed(setup + code) == "free\n"


# Other hosts --------------------------------------------------------------------------------------


def test_an_owner_elsewhere_is_refused_while_it_lives(
    tmp_path: Path, without_flock: None, hold: Hold
) -> None:
    holder = hold(tmp_path, NO_FLOCK + ELSEWHERE)
    with pytest.raises(LockedError, match="on elsewhere"), locked(tmp_path, PATIENCE):
        pytest.fail("it is locked")
    assert holder.check() == "held"


def test_an_owner_elsewhere_without_signs_of_life_is_dead(
    tmp_path: Path, without_flock: None, hold: Hold
) -> None:
    hold(tmp_path, NO_FLOCK + ELSEWHERE).process.kill()
    began = time.monotonic()
    with locked(tmp_path, PATIENCE) as lock:
        assert time.monotonic() - began >= PATIENCE
        lock.check()
    assert list(tmp_path.iterdir()) == []


def test_an_owner_that_slept_has_lost_its_lock(
    tmp_path: Path, without_flock: None, hold: Hold
) -> None:
    holder = hold(tmp_path, NO_FLOCK + ELSEWHERE)
    holder.process.send_signal(signal.SIGSTOP)
    with locked(tmp_path, PATIENCE) as lock:
        holder.process.send_signal(signal.SIGCONT)
        assert f"process {os.getpid()} on " in holder.check()
        holder.process.communicate()
        lock.check()
    assert list(tmp_path.iterdir()) == []


def test_those_who_can_lock_files_heed_those_who_cannot(tmp_path: Path, hold: Hold) -> None:
    holder = hold(tmp_path, NO_FLOCK)
    with pytest.raises(LockedError, match=f"process {holder.process.pid} on "), locked(tmp_path):
        pytest.fail("it is locked")
    assert holder.check() == "held"
    holder.process.kill()
    holder.process.wait()
    with locked(tmp_path) as lock:
        lock.check()


def test_those_who_cannot_lock_files_heed_those_who_can(
    tmp_path: Path, without_flock: None, hold: Hold
) -> None:
    holder = hold(tmp_path, ELSEWHERE)
    with pytest.raises(LockedError, match=f"no longer runs, delete {tmp_path / FILE}"):
        locked(tmp_path, PATIENCE).__enter__()
    assert holder.check() == "held"


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b'{"pid": 1, "host": "a", "process": "b"}'])
def test_a_file_that_names_no_owner_is_taken_after_a_while(
    tmp_path: Path, without_flock: None, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with locked(tmp_path, 0.1) as lock:
        lock.check()
    assert list(tmp_path.iterdir()) == []


# What is left of a takeover ----------------------------------------------------------------------


def test_a_takeover_that_died_is_taken_over(
    tmp_path: Path, without_flock: None, hold: Hold
) -> None:
    """A process dies with the right to replace a dead owner's file, before or after it did so."""
    hold(tmp_path, NO_FLOCK).process.kill()
    dies = "import plugnet.files.lock, os; plugnet.files.lock.save_text = lambda *_: os._exit(9)"
    words = [sys.executable, "-c", f"{NO_FLOCK}{dies}\n{HOLDER}", str(tmp_path)]
    assert subprocess.run(words, check=False).returncode == 9
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / f"{FILE}-0123456789abcdef").touch()
    with locked(tmp_path) as lock:
        lock.check()
        assert list(tmp_path.iterdir()) == [tmp_path / FILE]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_being_taken_over_is_not_removed(
    tmp_path: Path, without_flock: None
) -> None:
    with locked(tmp_path):
        content = (tmp_path / FILE).read_bytes()
        marker = lock_module.Lock(str(tmp_path), 1)._marker(content)
        marker.touch()
    assert (tmp_path / FILE).read_bytes() == content
    assert marker.exists()


# What the system refuses --------------------------------------------------------------------------


def test_a_folder_that_is_missing_is_named(tmp_path: Path, setup: str) -> None:
    with pytest.raises(FileNotFoundError, match="make its folder first") as caught:
        locked(tmp_path / "absent").__enter__()
    assert caught.value.filename == str(tmp_path / "absent" / FILE)


def test_a_save_after_the_lock_was_lost_keeps_the_file(tmp_path: Path, setup: str) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"old")
    with locked(tmp_path) as lock:
        save_text(path, "ours", lock.check)
        (tmp_path / FILE).unlink()
        with pytest.raises(LockedError, match="its file was deleted"):
            save_text(path, "no longer ours", lock.check)
    assert path.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_of_a_locked_folder_is_not_locked(tmp_path: Path) -> None:
    original, copy = tmp_path / "run", tmp_path / "copy"
    original.mkdir()
    with locked(original) as lock:
        shutil.copytree(original, copy)
        with locked(copy):
            assert json.loads((copy / FILE).read_bytes())["folder"] == str(copy)
        lock.check()
        with pytest.raises(LockedError), locked(original):
            pass


def test_a_folder_that_was_moved_stays_locked(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    words = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == "locked\n"
        (tmp_path / "run").rename(tmp_path / "moved")
        with pytest.raises(LockedError), locked(tmp_path / "moved"):
            pass
        held.communicate()
    with locked(tmp_path / "moved"):
        pass


def test_a_lock_that_could_not_be_removed_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch, locked(tmp_path):
        patch.setattr(Path, "unlink", full)
    assert (tmp_path / FILE).exists()
    with locked(tmp_path), pytest.raises(LockedError), locked(tmp_path):
        pass
    assert not (tmp_path / FILE).exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere")],
    ids=["pipe", "folder", "link to nowhere"],
)
def test_a_lock_that_is_not_a_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / FILE)
    with pytest.raises(OSError, match="it is not a file"), locked(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
