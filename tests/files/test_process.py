"""Processes are told apart from others of the same number."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.process import printed

from plugnet.files import process

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when one started")
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no harmless signal")


@linux
def test_a_mark_names_one_process_as_long_as_it_runs() -> None:
    host, pid, _ = process.mark().split("-")
    assert process.is_running(process.mark()) is True
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


@pytest.mark.skipif(platform.machine() != "x86_64", reason="each machine numbers system calls")
@linux
def test_a_thread_keeps_its_process_running_after_the_first() -> None:
    """A killed process has such a moment, in which a thread may still finish its last call."""
    code = """
import ctypes, os, sys, threading
from plugnet.files.process import mark
print(mark(), flush=True)
threading.Thread(target=lambda: os._exit(len(sys.stdin.read()))).start()
ctypes.CDLL(None).syscall(60, 0)  # ends this thread alone
"""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True
    ) as child:
        assert child.stdout is not None
        theirs = child.stdout.readline().strip()
        stat = Path(f"/proc/{child.pid}/stat")
        while ") Z " not in stat.read_text():
            time.sleep(0.01)
        assert process.is_running(theirs) is True


def test_what_cannot_be_known_is_not_claimed() -> None:
    host, pid, start = process.mark().split("-")
    assert process.is_running(f"0{host}-{pid}-{start}") is None
    if os.name == "posix":
        assert process.is_running(f"{host}-{pid}-0") is None
        assert process.is_running(f"{host}-{'9' * 200}-{start}") is None
