"""Ctrl-C during training."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from plugnet import Trainer


@contextlib.contextmanager
def stopped_by_signals(trainer: Trainer) -> Iterator[list[int]]:
    """Let the first Ctrl-C or SIGTERM end training after the current step, a second at once.

    Yields the list to which a received signal's number is added.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may handle signals
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell lets background jobs ignore Ctrl-C, and None is a handler that is not Python's.
    previous = {n: handler for n, handler in found.items() if handler not in (signal.SIG_IGN, None)}

    def stop(number: int, _: object) -> None:
        received.append(number)
        trainer.stop(f"interrupted by {signal.Signals(number).name}")
        signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
