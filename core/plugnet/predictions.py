"""The predictions of a network that are under way: a training waits for them before it begins."""

from __future__ import annotations

import threading


class Predictions:
    """Counts them by thread, until a training closes the count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._threads: list[int] = []
        self._is_closed = False

    def begin(self) -> bool:
        """Count one more; False while a training is going on, with which to take turns instead."""
        with self._lock:
            if not self._is_closed:
                self._threads.append(threading.get_ident())
            return not self._is_closed

    def end(self) -> None:
        """Count one fewer in this thread."""
        with self._lock:
            self._threads.remove(threading.get_ident())
            if self._is_closed:
                self._changed.notify_all()

    def close(self) -> None:
        """Count no more, and wait for those of other threads to end."""
        own = threading.get_ident()
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: all(thread == own for thread in self._threads))

    def open(self) -> None:
        """Count again."""
        with self._lock:
            self._is_closed = False
