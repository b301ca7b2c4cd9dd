"""confusion_matrix: which class is taken for which, as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet_builtin.hooks.picture import draw
from plugnet_builtin.hooks.tested import Tested, class_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plugnet.training import Training

NUMBERED = 20  # up to so many classes, every cell has room for its count


class ConfusionMatrix:
    """Draw how the test samples of each class (rows) were answered (columns), when training ends.

    The darker a cell, the larger its share of the row: by the share's square root, so that rare
    mistakes are seen, too.

    Args:
        path: the picture; its suffix chooses the format.
        classes: the names of the classes; () for their numbers.
    """

    def __init__(self, path: str | os.PathLike[str], classes: Sequence[str] = ()) -> None:
        self.path = file_path("path", path)
        self.classes = tuple(classes)
        self._test: Tested | None = None

    def plugnet_train_start(self) -> None:
        """Forget an earlier run."""
        self._test = None

    def plugnet_evaluate_end(self, x: Array, targets: Array) -> None:
        """Keep what the network is tested on."""
        self._test = Tested(x, targets)

    def plugnet_train_end(self, training: Training) -> None:
        """Draw the picture, if there was a test and answers are classes."""
        path = Path(self.path)
        read = self._test.read(training, path) if self._test else None
        if read is None:
            return
        answered, labels, classes = read
        counts = count_pairs(answered, labels, classes)
        wrong = int(np.count_nonzero(answered != labels))
        names = [class_name(self.classes, number) for number in range(classes)]
        side = float(np.clip(0.55 * classes, 3.5, 11))

        def paint(figure: Figure) -> None:
            axes = figure.subplots()
            _paint(axes, counts, names)
            axes.set_title(f"{len(labels)} test samples, {wrong} answered wrong")

        draw(path, (side + 1.5, side + 1.2), paint)


def count_pairs(answered: Array, labels: Array, classes: int) -> Array:
    """Return ``(classes, classes)`` counts of truth (row) and answer (column).

    A sample without an answer (-1) is in no column.
    """
    counts = np.zeros((classes, classes), int)
    known = answered >= 0
    np.add.at(counts, (labels[known], answered[known]), 1)
    return counts


def _paint(axes: Axes, counts: Array, names: list[str]) -> None:
    shade = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    axes.imshow(shade, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    if len(names) > NUMBERED:
        return
    ticks = range(len(names))
    slant = 45 if max(map(len, names)) > 3 else 0
    axes.set_xticks(ticks, names, rotation=slant, ha="right" if slant else "center")
    axes.set_yticks(ticks, names)
    axes.tick_params(length=0)
    for row, column in zip(*counts.nonzero(), strict=True):
        colour = "white" if shade[row, column] > 0.6 else "black"
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", color=colour, size=9
        )
