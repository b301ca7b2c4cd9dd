"""loss_curve: the course of training as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet_builtin.hooks.number_text import number_text
from plugnet_builtin.hooks.picture import BLUE, GREEN, ORANGE, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plugnet.training import Evaluation, History, Training


STYLE: dict[str, Any] = {"color": GREEN, "markersize": 5, "linewidth": 1.5}


class LossCurve:
    """Draw the loss of every iteration and the validation, when training ends.

    Above, the loss of each batch and its running mean, with the validation loss; below, the first
    metric on the validation samples. If the weights at the end are those of an earlier iteration, a
    line marks it.

    Args:
        path: the picture; its suffix chooses the format.
    """

    observes: ClassVar[bool] = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = file_path("path", path)
        self._path = Path(self.path)

    def plugnet_train_start(self, training: Training) -> None:
        self._path = training.file(self.path)

    def plugnet_train_end(self, history: History) -> None:
        if not history.loss:
            return
        judged = [e for e in history.evaluations if e.part == "validation" and e.metrics]

        def paint(figure: Figure) -> None:
            if not judged:
                _paint_loss(figure.subplots(), history)
                return
            above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
            _paint_loss(above, history)
            above.set_xlabel("")
            _paint_metric(below, history, judged)

        draw(self._path, (8, 6) if judged else (8, 4.5), paint)


def running_mean(values: Array, width: int) -> Array:
    """Return the ``(N,)`` means of the ``width`` values, an odd number, around each value.

    The window shrinks towards both ends, so that it stays centred on its value.
    """
    sums = np.cumsum(np.concatenate(([0.0], values)))
    index = np.arange(len(values))
    half = np.minimum(np.minimum(index, index[::-1]), width // 2)
    means: Array = (sums[index + half + 1] - sums[index - half]) / (2 * half + 1)
    return means


def _paint_loss(axes: Axes, history: History) -> None:
    loss = np.array(history.loss)
    iterations = np.arange(1, len(loss) + 1)
    smooth = len(loss) >= 20
    alpha = 0.3 if smooth else 1.0
    axes.plot(iterations, loss, color=BLUE, alpha=alpha, linewidth=0.8, label="each batch")
    if smooth:
        width = max(len(loss) // 40, 5) // 2 * 2 + 1
        label = f"mean of {width} batches"
        axes.plot(iterations, running_mean(loss, width), color=BLUE, linewidth=2, label=label)
    for part, mark in (("validation", "o"), ("test", "D")):
        found = [e for e in history.evaluations if e.part == part]
        if found:
            at, losses = [e.iteration for e in found], [e.loss for e in found]
            axes.plot(at, losses, mark, color=ORANGE, markersize=5, label=part)
    _mark_weights(axes, history)
    if loss.min() >= 0:
        axes.set_ylim(bottom=0)
    axes.set_title("Loss")
    axes.set_ylabel("loss")
    axes.set_xlabel("iteration")
    axes.legend(frameon=False)
    _clean(axes)


def _paint_metric(axes: Axes, history: History, evaluations: list[Evaluation]) -> None:
    name = next(iter(evaluations[0].metrics))
    found = [e for e in evaluations if name in e.metrics]
    axes.plot([e.iteration for e in found], [e[name] for e in found], "o-", **STYLE)
    at_end = [
        f"{part} {number_text(evaluation[name])}"
        for part in ("validation", "test")
        if (evaluation := history.at_end(part)) is not None and name in evaluation.metrics
    ]
    axes.set_title(f"{name.capitalize()} at the end: {', '.join(at_end)}" if at_end else name)
    axes.set_ylabel(name)
    axes.set_xlabel("iteration")
    axes.margins(y=0.15)
    _mark_weights(axes, history)
    _clean(axes)


def _mark_weights(axes: Axes, history: History) -> None:
    """Draw a line at the iteration of the weights, unless it is the last."""
    if history.iteration < len(history.loss):
        axes.axvline(history.iteration, color="0.4", linestyle=":", label="weights at the end")


def _clean(axes: Axes) -> None:
    axes.grid(visible=True, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
