"""Signals: what ends `plugnet train`, and what only makes it save."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

#: Added to a signal's number in an exit status, as shells do.
SIGNALLED = 128


class Stoppable(Protocol):
    """A training, as far as signals need it."""

    def stop(self, reason: str, resumable: bool = False) -> None:
        """End it after the current iteration, for now."""
        ...


class Signals:
    """SIGINT and SIGTERM end a training after its step, SIGHUP makes it save.

    Before the training begins, and after it has ended, the first two end the command as usual. A
    second one while a training is about to end leaves at once; all files are whole at any time.

    Attributes:
        received: the signal that ended the training, or None.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._training: Stoppable | None = None
        self._save: Callable[[], None] | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Take the signals over within the block, if this is the main thread.

        Those that are ignored stay so: a shell lets background jobs ignore Ctrl-C, and nohup the
        end of a terminal.
        """
        before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for name, handler in (
                ("SIGINT", self._end),
                ("SIGTERM", self._end),
                ("SIGHUP", self._hang_up),
            ):
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                if number is not None:
                    found = signal.getsignal(number)
                    if found not in (signal.SIG_IGN, None):  # None is a handler not of Python's
                        before[number] = found
                        signal.signal(number, handler)
        try:
            yield
        except KeyboardInterrupt:
            if self.received in (signal.SIGINT, None):
                raise
            sys.exit(SIGNALLED + self.received)
        finally:
            for number, found in before.items():
                signal.signal(number, found)

    @contextmanager
    def ending(self, training: Stoppable, save: Callable[[], None]) -> Iterator[None]:
        """Let signals end ``training`` within the block, or call ``save``."""
        self._training, self._save = training, save
        try:
            yield
        finally:
            self._training = self._save = None

    def _end(self, number: int, _: object) -> None:
        if self.received is not None:
            os._exit(SIGNALLED + number)
        self.received = number
        if self._training is None:
            raise KeyboardInterrupt  # not SystemExit: some let that be an error of what they call
        name = signal.Signals(number).name
        self._training.stop(f"interrupted by {name}", resumable=True)

    def _hang_up(self, *_: object) -> None:
        if self._save is not None:
            self._save()
