"""Commands of plugnet in processes of their own that need not start Python anew."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from plugnet.cli import main
from plugnet.files import atomic

#: What the status of a process that was killed is.
KILLED = -signal.SIGKILL


def begin(words: Sequence[str], log: Path) -> int:
    """Begin a command, and return the number of its process.

    Args:
        words: of the command.
        log: where it writes what it prints.
    """
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
        atomic._swept.clear()  # as a new process has it
        status = main(list(words))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def end(child: int, after: float | None = None, number: int = signal.SIGKILL) -> int:
    """Await the end of a process, and return its status, less than 0 if a signal ended it.

    Args:
        child: its number.
        after: seconds after which it gets a signal; None: never.
        number: the signal.
    """
    deadline = None if after is None else time.monotonic() + after
    while deadline is not None and time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(min(0.001, max(0.0, deadline - time.monotonic())))
    if deadline is not None:
        os.kill(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
