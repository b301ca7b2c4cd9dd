"""progress: how far training is, on the standard error stream or in a notebook."""

from __future__ import annotations

import io
import math
import os
import sys
import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from plugnet_builtin.hooks.number_text import number_text

if TYPE_CHECKING:
    from tqdm import tqdm

    from plugnet.training import Evaluation, History, Training


class Progress:
    """A bar with speed, time left, loss and validation on a terminal and in a notebook; elsewhere
    a line for each validation.

    In a notebook it is a widget where ipywidgets is installed, else a bar of text. It is shown
    where it is asked for, as everywhere: a `fit` without it prints nothing.
    """

    observes: ClassVar[bool] = True

    #: Seconds between two redrawings of the bar: often enough to read, rarely enough to be cheap.
    #: What a notebook draws is sent to the browser, and some keep all of it in the file.
    INTERVAL: ClassVar[float] = 0.1
    INTERVAL_IN_NOTEBOOK: ClassVar[float] = 0.5

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._last = 0
        self._pending = 0
        self._shown = 0.0
        self._in_notebook = False
        self._loss = math.nan
        self._rate = math.nan
        self._validation = ""

    def plugnet_train_start(self, training: Training, iterations: int) -> None:
        """Open the bar, if there is a terminal or a notebook."""
        self._last = training.iteration + iterations
        self._pending, self._validation = 0, ""
        self._shown = time.monotonic()
        if sys.stderr is None:
            return
        options = {
            "total": self._last,
            "initial": training.iteration,
            "ascii": " =",
            "mininterval": 0,
            "bar_format": "{n_fmt}/{total_fmt} |{bar}| {rate_fmt}, {remaining} left{postfix}",
        }
        self._in_notebook = not sys.stderr.isatty() and is_notebook()
        if sys.stderr.isatty():
            self._bar = _bar_on_terminal(options)
        elif self._in_notebook:
            self._bar = _bar_in_notebook(options)

    def plugnet_step_end(self, loss: float, rate: float) -> None:
        self._loss = loss
        self._rate = rate
        self._pending += 1
        if self._bar is not None and self._is_due:
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
            if self._is_due or not self._in_notebook:
                self._redraw(self._bar)
            return
        line = f"{evaluation.iteration}/{self._last}:"
        if not math.isnan(self._loss):  # not before the first step
            line += f" loss {number_text(self._loss)}, rate {self._rate:.4g},"
        print(line, self._validation, file=sys.stderr, flush=True)

    def plugnet_train_end(self, history: History) -> None:
        bar: Any = self._bar
        if bar is not None:
            self._redraw(bar)
            bar.close()
            if history.stopped is not None and hasattr(bar, "container"):
                bar.container.children[1].bar_style = "info"  # no error, which a widget would show
            self._bar = None

    @property
    def _is_due(self) -> bool:
        interval = self.INTERVAL_IN_NOTEBOOK if self._in_notebook else self.INTERVAL
        return time.monotonic() - self._shown >= interval

    def _redraw(self, bar: tqdm[Any]) -> None:
        shown = f"loss {number_text(self._loss)}, {self._validation or f'rate {self._rate:.4g}'}"
        bar.set_postfix_str(shown, refresh=False)
        bar.update(self._pending)
        self._pending = 0
        self._shown = time.monotonic()


def is_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this, and shows what is printed: nothing redirects it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    is_redirected = type(sys.stderr).__module__ == io.StringIO.__module__  # or it is a file
    return getattr(shell, "kernel", None) is not None and not is_redirected


def _bar_on_terminal(options: Mapping[str, Any]) -> tqdm[Any]:
    from tqdm import tqdm

    try:
        is_known = os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except OSError:
        is_known = False
    return tqdm(file=sys.stderr, ncols=None if is_known else 79, dynamic_ncols=is_known, **options)


def _bar_in_notebook(options: Mapping[str, Any]) -> Any:
    """Return a widget, or a bar of text on the standard output: errors have a red background."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a widget would need ipywidgets
        from tqdm.auto import tqdm
    is_widget = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    bar: Any = tqdm(file=sys.stdout, ncols=None if is_widget else 100, **options)
    if is_widget:  # where there is no room beside it, the text goes below
        bar.container.layout.flex_flow = "row wrap"
    return bar
