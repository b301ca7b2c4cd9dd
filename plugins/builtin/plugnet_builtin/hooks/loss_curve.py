"""loss_curve: the course of training as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet_builtin.hooks.picture import BLUE, GREEN, ORANGE, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plugnet.training.history import Evaluation, History


class LossCurve:
    """Draw the loss of every iteration and the evaluations on the test set, when training ends.

    Above, the loss of each batch and its running mean, with the test loss; below, the test
    accuracy, if the network predicts classes.

    Args:
        path: the picture; its suffix chooses the format.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = file_path("path", path)

    def plugnet_train_end(self, history: History) -> None:
        if not history.loss:
            return
        classified = [test for test in history.evaluations if test.accuracy is not None]

        def paint(figure: Figure) -> None:
            if not classified:
                _paint_loss(figure.subplots(), history)
                return
            above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
            _paint_loss(above, history)
            above.set_xlabel("")
            _paint_accuracy(below, classified)

        draw(Path(self.path), (8, 6) if classified else (8, 4.5), paint)


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
    if history.evaluations:
        tested = [test.iteration for test in history.evaluations]
        test_loss = [test.loss for test in history.evaluations]
        axes.plot(tested, test_loss, "o", color=ORANGE, markersize=5, label="test set")
    if loss.min() >= 0:
        axes.set_ylim(bottom=0)
    axes.set_title("Loss")
    axes.set_ylabel("loss")
    axes.set_xlabel("iteration")
    axes.legend(frameon=False)
    _clean(axes)


def _paint_accuracy(axes: Axes, evaluations: list[Evaluation]) -> None:
    percent = [100 * (test.accuracy or 0.0) for test in evaluations]
    iterations = [test.iteration for test in evaluations]
    axes.plot(iterations, percent, "o-", color=GREEN, markersize=5, linewidth=1.5)
    axes.set_title(f"Test accuracy: {percent[-1]:.2f} % at the end")
    axes.set_ylabel("percent")
    axes.set_xlabel("iteration")
    axes.margins(y=0.15)
    axes.set_ylim(top=min(axes.get_ylim()[1], 101))
    _clean(axes)


def _clean(axes: Axes) -> None:
    axes.grid(visible=True, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
