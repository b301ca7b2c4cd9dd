"""Processes are told apart from others of the same number."""

import os
import subprocess
import sys

import pytest
from tests.process import printed

from plugnet.files import process

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when one started")
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no harmless signal")


@linux
def test_a_mark_names_one_process_as_long_as_it_runs() -> None:
    host, pid, start = process.mark().split("-")
    assert process.is_running(process.mark()) is True
    assert process.is_running(f"{host}-{os.getppid()}-{start}") is False
    assert process.is_running(f"{host}-{pid}-1") is False


@posix
def test_the_dead_do_not_run() -> None:
    theirs = printed("from plugnet.files.process import mark; print(mark())").strip()
    assert process.is_running(theirs) is False


@linux
def test_the_dead_whose_parent_has_not_asked_do_not_run() -> None:
    words = [sys.executable, "-c", "from plugnet.files.process import mark; print(mark())"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        theirs = child.stdout.read().strip()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        os.kill(child.pid, 0)  # its number is still taken
        assert process.is_running(theirs) is False


def test_what_cannot_be_known_is_not_claimed() -> None:
    host, pid, start = process.mark().split("-")
    assert process.is_running(f"0{host}-{pid}-{start}") is None
    if os.name == "posix":
        assert process.is_running(f"{host}-{pid}-0") is None
        assert process.is_running(f"{host}-{'9' * 200}-{start}") is None
