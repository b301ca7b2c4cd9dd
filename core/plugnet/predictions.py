"""The predictions of a network that are under way: a training waits for them before it begins."""

from __future__ import annotations

import threading


class Predictions:
    """Notes them by thread, until a training closes the book.

    The note comes before the look whether it is closed, and the closing before the look at the
    notes, so one of the two sees the other, without a lock: appending is atomic.
    """

    def __init__(self) -> None:
        self._threads: list[int] = []
        self._is_closed = False
        self._changed = threading.Condition()

    def begin(self) -> bool:
        """Note one more; False while a training is going on, with which to take turns instead."""
        self._threads.append(threading.get_ident())
        if self._is_closed:
            self.end()
            return False
        return True

    def end(self) -> None:
        """Strike out one of this thread."""
        self._threads.remove(threading.get_ident())
        if self._is_closed:
            with self._changed:
                self._changed.notify_all()

    def close(self) -> None:
        """Note no more, and wait for those of other threads to end."""
        own = threading.get_ident()
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: all(thread == own for thread in list(self._threads)))

    def open(self) -> None:
        """Note them again."""
        self._is_closed = False
