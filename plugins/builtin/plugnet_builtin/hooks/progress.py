"""progress: how far training is, on the standard error stream."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet_builtin.hooks.number_text import number_text

if TYPE_CHECKING:
    from tqdm import tqdm

    from plugnet.training import Evaluation, Training


class Progress:
    """A bar with speed, time left, loss and validation on a terminal; otherwise a line for each
    validation.
    """

    observes: ClassVar[bool] = True

    #: Seconds between two redrawings of the bar: often enough to read, rarely enough to be cheap.
    INTERVAL: ClassVar[float] = 0.1

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._last = 0
        self._pending = 0
        self._shown = 0.0
        self._loss = math.nan
        self._rate = math.nan
        self._validation = ""

    def plugnet_train_start(self, training: Training, iterations: int) -> None:
        """Open the bar, if there is a terminal."""
        self._last = training.iteration + iterations
        self._pending, self._validation = 0, ""
        if sys.stderr is None or not sys.stderr.isatty():
            return
        from tqdm import tqdm

        self._shown = time.monotonic()
        try:
            is_known = os.get_terminal_size(sys.stderr.fileno()).columns > 0
        except OSError:
            is_known = False
        self._bar = tqdm(
            total=self._last,
            initial=training.iteration,
            file=sys.stderr,
            ascii=" =",
            ncols=None if is_known else 79,
            dynamic_ncols=is_known,
            mininterval=0,
            bar_format="{n_fmt}/{total_fmt} |{bar}| {rate_fmt}, {remaining} left{postfix}",
        )

    def plugnet_step_end(self, loss: float, rate: float) -> None:
        self._loss = loss
        self._rate = rate
        self._pending += 1
        if self._bar is not None and time.monotonic() - self._shown >= self.INTERVAL:
            self._redraw(self._bar)

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        """Show loss and metrics in the bar, or print them if there is none."""
        if sys.stderr is None or evaluation.part != "validation":
            return
        found = {f"{evaluation.part} loss": evaluation.loss, **evaluation.metrics}
        self._validation = ", ".join(
            f"{name} {number_text(value)}" for name, value in found.items()
        )
        if self._bar is not None:
            self._redraw(self._bar)
            return
        line = f"{evaluation.iteration}/{self._last}:"
        if not math.isnan(self._loss):  # not before the first step
            line += f" loss {number_text(self._loss)}, rate {self._rate:.4g},"
        print(line, self._validation, file=sys.stderr, flush=True)

    def plugnet_train_end(self) -> None:
        if self._bar is not None:
            self._redraw(self._bar)
            self._bar.close()
            self._bar = None

    def _redraw(self, bar: tqdm[Any]) -> None:
        shown = f"loss {number_text(self._loss)}, {self._validation or f'rate {self._rate:.4g}'}"
        bar.set_postfix_str(shown, refresh=False)
        bar.update(self._pending)
        self._pending = 0
        self._shown = time.monotonic()
