"""Interrupts: Ctrl-C waits while the state changes, and raises at once everywhere else."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Holds SIGINT back while a commit is going on.

    Attributes:
        is_held: whether an interrupt is to wait; set at the start of a commit.
        pending: the interrupt that waits, or None.
    """

    def __init__(self) -> None:
        self.is_held = False
        self.pending: tuple[int, FrameType | None] | None = None
        self._before: Any = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Take over SIGINT within the block, if this is the main thread.

        Outside a commit it is passed on at once to whoever handled it before.
        """
        before = signal.getsignal(signal.SIGINT)
        main = threading.current_thread() is threading.main_thread()
        if not main or not callable(before) or before == self._handle:
            yield
            return
        self._before = before
        try:
            signal.signal(signal.SIGINT, self._handle)
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            self.release()  # one that came during a commit which failed

    def release(self) -> None:
        """Pass on the interrupt that came during a commit, if any."""
        if self.pending is not None:
            pending, self.pending = self.pending, None
            self._before(*pending)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.is_held:
            self.pending = number, frame
        else:
            self.pending = None  # a second press, while the first is being passed on
            self._before(number, frame)
