"""A save that fails at any of its calls leaves the old file or the new one, and nothing else."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.failing import each_call, failed, failing, killed, raising, short
from tests.process import printed
from tests.small import X, Y, trainer

from plugnet import Network, Trainer

NAMES = ("network", "trainer")
#: Large enough to be written in several pieces.
LAYERS = [("fc", 4, 1000), "tanh", ("fc", 1000, 3)]


class Saves:
    """Two states of a network or a trainer, in which it is saved over the other."""

    def __init__(self, folder: Path, name: str) -> None:
        self.load: Callable[[Path], object]
        first, second = Network(LAYERS, seed=1), Network(LAYERS, seed=2)
        if name == "network":
            self.saves, self.load = (first.save, second.save), Network.load
        else:
            trainers = trainer(first), trainer(second)
            for each in trainers:
                each.fit(X, Y, 1)
            self.saves, self.load = (trainers[0].save, trainers[1].save), Trainer.resume
        self.folder = folder
        self.path = folder / "model"
        self.old, self.new = (self._content(save) for save in self.saves)

    def _content(self, save: Callable[[Path], None]) -> bytes:
        save(self.path)
        return self.path.read_bytes()

    def begin(self) -> None:
        """Put the old file in place."""
        self.path.write_bytes(self.old)

    def save(self) -> None:
        """Save the new state over it, as a process would that has not swept the folder."""
        from plugnet.files import atomic

        atomic._swept.clear()
        self.saves[1](self.path)

    def check(self, wholly: bool = True) -> bool:
        """Return whether the new file is in place; check that otherwise the old one is."""
        content = self.path.read_bytes()
        assert content in (self.old, self.new)
        self.load(self.path)
        if wholly:
            assert list(self.folder.iterdir()) == [self.path]
        return content == self.new


@pytest.fixture(params=NAMES)
def saves(tmp_path: Path, request: pytest.FixtureRequest) -> Saves:
    return Saves(tmp_path, request.param)


def test_the_calls_of_a_save_are_all_seen(saves: Saves) -> None:
    with failing(saves.folder) as calls:
        saves.save()
    order = [name for name in calls if name in ("open", "write", "fsync", "close", "replace")]
    assert order.count("write") > 2
    others = [name for name in order if name != "write"]
    assert others == ["open", "open", "fsync", "close", "replace", "fsync", "close"]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EMFILE"])
def test_an_error_at_any_call_keeps_the_file(saves: Saves, name: str, lasting: bool) -> None:
    number = getattr(errno, name)
    raised = 0
    saves.begin()
    for calls, error in each_call(saves.folder, saves.save, failed(number), lasting):
        is_new = saves.check()
        if error is None:
            assert is_new, calls
        else:
            assert isinstance(error, OSError), calls
            assert (error.errno, error.filename) == (number, str(saves.path)), calls
            assert str(error.strerror).endswith(")"), calls  # what to do
            raised += 1
        saves.begin()
    assert raised > 5


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_an_interrupt_at_any_call_keeps_the_file(saves: Saves, error: type[BaseException]) -> None:
    saves.begin()
    seen = set()
    for calls, raised in each_call(saves.folder, saves.save, raising(error())):
        assert type(raised) is error, calls
        seen.add(saves.check())
        saves.begin()
    assert seen == {False, True}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_write_that_is_cut_short_is_continued(saves: Saves, lasting: bool) -> None:
    saves.begin()
    cut = 0
    for calls, error in each_call(saves.folder, saves.save, short, lasting):
        assert error is None, calls
        assert saves.check(), calls
        cut += calls.count("write")
        saves.begin()
    assert cut > 0


def kill_each(folder: Path, name: str) -> None:
    """Kill a process of its own at each call of a save, and let another save after it."""
    saves = Saves(folder, name)
    with failing(folder) as calls:
        saves.save()
    left = []
    for at in range(1, len(calls) + 1):
        saves.begin()
        child = os.fork()
        if child == 0:
            with failing(folder, at, killed):
                saves.save()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, calls[at - 1]
        is_new = saves.check(wholly=False)
        assert is_new == ("replace" in calls[: at - 1])
        left.append(len(list(folder.iterdir())) - 1)
        saves.save()
        assert saves.check(), calls[at - 1]
    print(len(calls), sum(left))


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs /proc")
@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_any_call_is_swept_by_the_next_save(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # a fork has no others
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    code = "from tests.files.test_failing_saves import kill_each; from pathlib import Path"
    count, left = map(int, printed(f"{code}; kill_each(Path({str(tmp_path)!r}), {name!r})").split())
    assert count > left > 2
